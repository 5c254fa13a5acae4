// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Guarded, IErc20, Pay} from "./Erc20.sol";

/// Pays a reward at a constant rate, shared among stakers in proportion to stake and time. The
/// interface is that of Synthetix' StakingRewards.
contract DemoStaking is Guarded {
    uint256 private constant SCALE = 1e18;

    address public immutable owner;
    address public immutable stakingToken;
    address public immutable rewardsToken;

    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;

    uint256 public rewardRate;
    uint256 public periodFinish;
    uint256 private _accruedAt;
    uint256 private _perToken;
    mapping(address => uint256) private _seenPerToken;
    mapping(address => uint256) private _owed;

    event RewardAdded(uint256 reward);
    event Staked(address indexed user, uint256 amount);
    event Withdrawn(address indexed user, uint256 amount);
    event RewardPaid(address indexed user, uint256 reward);

    error NotOwner(address caller);
    error NothingStaked();
    error Unfunded(uint256 have, uint256 need);

    constructor(address stakingToken_, address rewardsToken_) {
        owner = msg.sender;
        stakingToken = stakingToken_;
        rewardsToken = rewardsToken_;
    }

    function rewardPerToken() public view returns (uint256) {
        uint256 until = block.timestamp < periodFinish ? block.timestamp : periodFinish;
        if (totalSupply == 0 || until <= _accruedAt) return _perToken;
        return _perToken + (until - _accruedAt) * rewardRate * SCALE / totalSupply;
    }

    function earned(address account) public view returns (uint256) {
        return _owed[account] + balanceOf[account] * (rewardPerToken() - _seenPerToken[account]) / SCALE;
    }

    function stake(uint256 amount) external guarded {
        if (amount == 0) revert NothingStaked();
        _accrue(msg.sender);
        totalSupply += amount;
        balanceOf[msg.sender] += amount;
        emit Staked(msg.sender, amount);
        Pay.pull(stakingToken, msg.sender, amount);
    }

    function withdraw(uint256 amount) external guarded {
        _withdraw(amount);
    }

    function getReward() external guarded {
        _payReward();
    }

    function exit() external guarded {
        _withdraw(balanceOf[msg.sender]);
        _payReward();
    }

    /// Pays `reward`, which this contract must already hold, over `duration` seconds from now,
    /// with what is left of the period before.
    function notifyRewardAmount(uint256 reward, uint256 duration) external guarded {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _accrue(address(0));
        uint256 left = block.timestamp < periodFinish ? (periodFinish - block.timestamp) * rewardRate : 0;
        rewardRate = (reward + left) / duration;
        periodFinish = block.timestamp + duration;
        _accruedAt = block.timestamp;
        uint256 held = IErc20(rewardsToken).balanceOf(address(this));
        if (stakingToken == rewardsToken) held -= totalSupply;
        if (rewardRate * duration > held) revert Unfunded(held, rewardRate * duration);
        emit RewardAdded(reward);
    }

    function _withdraw(uint256 amount) private {
        if (amount == 0) revert NothingStaked();
        _accrue(msg.sender);
        totalSupply -= amount;
        balanceOf[msg.sender] -= amount;
        emit Withdrawn(msg.sender, amount);
        Pay.push(stakingToken, msg.sender, amount);
    }

    function _payReward() private {
        _accrue(msg.sender);
        uint256 reward = _owed[msg.sender];
        if (reward == 0) return;
        _owed[msg.sender] = 0;
        emit RewardPaid(msg.sender, reward);
        Pay.push(rewardsToken, msg.sender, reward);
    }

    function _accrue(address account) private {
        _perToken = rewardPerToken();
        uint256 until = block.timestamp < periodFinish ? block.timestamp : periodFinish;
        if (until > _accruedAt) _accruedAt = until;
        if (account == address(0)) return;
        _owed[account] = earned(account);
        _seenPerToken[account] = _perToken;
    }
}
