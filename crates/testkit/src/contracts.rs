//! The interfaces of the contracts in the [world](crate::world), and typed reads of them.
#![allow(missing_docs)] // `sol!` makes public items for every signature.

use alloy::primitives::Address;
use alloy::sol;
use alloy::sol_types::SolCall;

use crate::anvil::Anvil;
use crate::rpc::RpcError;

sol! {
    interface Weth {
        function deposit() external payable;
        function withdraw(uint256 amount) external;
    }

    interface Erc20 {
        function name() external view returns (string);
        function symbol() external view returns (string);
        function decimals() external view returns (uint8);
        function totalSupply() external view returns (uint256);
        function balanceOf(address owner) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function transfer(address to, uint256 amount) external returns (bool);
        function approve(address spender, uint256 amount) external returns (bool);
    }

    interface Factory {
        function getPair(address a, address b) external view returns (address);
    }

    interface Pair {
        function token0() external view returns (address);
        function token1() external view returns (address);
        function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 time);
    }

    interface Router {
        function WETH() external view returns (address);
        function factory() external view returns (address);
        function getAmountsOut(uint256 amountIn, address[] path) external view returns (uint256[] amounts);
        function addLiquidity(address a, address b, uint256 aDesired, uint256 bDesired, uint256 aMin, uint256 bMin, address to, uint256 deadline) external returns (uint256, uint256, uint256);
        function addLiquidityETH(address token, uint256 tokenDesired, uint256 tokenMin, uint256 ethMin, address to, uint256 deadline) external payable returns (uint256 amountToken, uint256 amountETH, uint256 liquidity);
        function removeLiquidity(address a, address b, uint256 liquidity, uint256 aMin, uint256 bMin, address to, uint256 deadline) external returns (uint256, uint256);
        function swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline) external returns (uint256[] amounts);
    }

    interface Staking {
        function stake(uint256 amount) external;
        function withdraw(uint256 amount) external;
        function getReward() external;
        function exit() external;
        function notifyRewardAmount(uint256 reward) external;
        function balanceOf(address account) external view returns (uint256);
        function earned(address account) external view returns (uint256);
        function rewardRate() external view returns (uint256);
        function rewardsDuration() external view returns (uint256);
        function periodFinish() external view returns (uint256);
        function stakingToken() external view returns (address);
        function rewardsToken() external view returns (address);
    }

    interface Distributor {
        function token() external view returns (address);
        function merkleRoot() external view returns (bytes32);
        function isClaimed(uint256 index) external view returns (bool);
        function claim(uint256 index, address account, uint256 amount, bytes32[] proof) external;
    }

    interface Feed {
        function decimals() external view returns (uint8);
        function latestRoundData() external view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
        function updateAnswer(int256 answer) external;
        function updateRoundData(uint80 roundId, int256 answer, uint256 timestamp, uint256 startedAt) external;
    }
}

impl Anvil {
    /// What a view returns at the latest block.
    ///
    /// # Errors
    /// [`RpcError::Answer`] when it reverts, [`RpcError::Unexpected`] when there is no such
    /// contract.
    pub async fn view<C: SolCall>(
        &self,
        contract: Address,
        call: &C,
    ) -> Result<C::Return, RpcError> {
        let data = self.call(contract, &call.abi_encode()).await?;
        C::abi_decode_returns(&data)
            .map_err(|error| RpcError::Unexpected(format!("{}: {error}", C::SIGNATURE)))
    }
}
