// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Erc20, Guarded, IErc20, Pay} from "./Erc20.sol";

/// A constant-product pool with a fee of 0.3 %, its LP token and its router in one contract, with
/// the interfaces of Uniswap v2's pair and Router02. As with the real router, taking liquidity out
/// needs an allowance of the LP token for the router, which here is the token itself.
contract DemoAmm is Erc20, Guarded {
    uint256 public constant MINIMUM_LIQUIDITY = 1000;

    address public immutable token0;
    address public immutable token1;

    uint112 private _reserve0;
    uint112 private _reserve1;
    uint32 private _updatedAt;

    event Mint(address indexed sender, uint256 amount0, uint256 amount1);
    event Burn(address indexed sender, uint256 amount0, uint256 amount1, address indexed to);
    event Swap(
        address indexed sender,
        uint256 amount0In,
        uint256 amount1In,
        uint256 amount0Out,
        uint256 amount1Out,
        address indexed to
    );
    event Sync(uint112 reserve0, uint112 reserve1);

    error Expired(uint256 deadline, uint256 time);
    error WrongTokens(address tokenA, address tokenB);
    error WrongPath();
    error IdenticalTokens();
    error Empty();
    error TooLittle(address token, uint256 amount, uint256 min);
    error ReserveOverflow();

    constructor(address tokenA, address tokenB) Erc20("Demo Liquidity", "DEMO-LP", 18) {
        if (tokenA == tokenB) revert IdenticalTokens();
        (token0, token1) = tokenA < tokenB ? (tokenA, tokenB) : (tokenB, tokenA);
    }

    modifier before(uint256 deadline) {
        if (block.timestamp > deadline) revert Expired(deadline, block.timestamp);
        _;
    }

    // Views

    function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 blockTimestampLast) {
        return (_reserve0, _reserve1, _updatedAt);
    }

    function getAmountsOut(uint256 amountIn, address[] calldata path) public view returns (uint256[] memory amounts) {
        if (path.length != 2) revert WrongPath();
        (uint256 reserveIn, uint256 reserveOut) = _reserves(path[0], path[1]);
        if (amountIn == 0 || reserveIn == 0 || reserveOut == 0) revert Empty();
        uint256 afterFee = amountIn * 997;
        amounts = new uint256[](2);
        amounts[0] = amountIn;
        amounts[1] = afterFee * reserveOut / (reserveIn * 1000 + afterFee);
    }

    // Router

    function addLiquidity(
        address tokenA,
        address tokenB,
        uint256 amountADesired,
        uint256 amountBDesired,
        uint256 amountAMin,
        uint256 amountBMin,
        address to,
        uint256 deadline
    ) external guarded before(deadline) returns (uint256 amountA, uint256 amountB, uint256 liquidity) {
        (amountA, amountB) = _matched(tokenA, tokenB, amountADesired, amountBDesired);
        if (amountA < amountAMin) revert TooLittle(tokenA, amountA, amountAMin);
        if (amountB < amountBMin) revert TooLittle(tokenB, amountB, amountBMin);
        (uint256 amount0, uint256 amount1) = tokenA == token0 ? (amountA, amountB) : (amountB, amountA);
        Pay.pull(token0, msg.sender, amount0);
        Pay.pull(token1, msg.sender, amount1);
        liquidity = _mintFor(amount0, amount1, to);
    }

    function removeLiquidity(
        address tokenA,
        address tokenB,
        uint256 liquidity,
        uint256 amountAMin,
        uint256 amountBMin,
        address to,
        uint256 deadline
    ) external guarded before(deadline) returns (uint256 amountA, uint256 amountB) {
        (uint256 reserveA, uint256 reserveB) = _reserves(tokenA, tokenB);
        if (liquidity == 0 || totalSupply == 0) revert Empty();
        amountA = liquidity * reserveA / totalSupply;
        amountB = liquidity * reserveB / totalSupply;
        if (amountA < amountAMin) revert TooLittle(tokenA, amountA, amountAMin);
        if (amountB < amountBMin) revert TooLittle(tokenB, amountB, amountBMin);
        _useAllowance(msg.sender, address(this), liquidity);
        _burn(msg.sender, liquidity);
        (uint256 amount0, uint256 amount1) = tokenA == token0 ? (amountA, amountB) : (amountB, amountA);
        _sync(_reserve0 - amount0, _reserve1 - amount1);
        emit Burn(msg.sender, amount0, amount1, to);
        Pay.push(token0, to, amount0);
        Pay.push(token1, to, amount1);
    }

    function swapExactTokensForTokens(
        uint256 amountIn,
        uint256 amountOutMin,
        address[] calldata path,
        address to,
        uint256 deadline
    ) external guarded before(deadline) returns (uint256[] memory amounts) {
        amounts = getAmountsOut(amountIn, path);
        uint256 amountOut = amounts[1];
        if (amountOut == 0 || amountOut < amountOutMin) revert TooLittle(path[1], amountOut, amountOutMin);
        Pay.pull(path[0], msg.sender, amountIn);
        if (path[0] == token0) {
            _sync(_reserve0 + amountIn, _reserve1 - amountOut);
            emit Swap(msg.sender, amountIn, 0, 0, amountOut, to);
        } else {
            _sync(_reserve0 - amountOut, _reserve1 + amountIn);
            emit Swap(msg.sender, 0, amountIn, amountOut, 0, to);
        }
        Pay.push(path[1], to, amountOut);
    }

    // Inside

    function _reserves(address tokenA, address tokenB) private view returns (uint256, uint256) {
        if (tokenA == token0 && tokenB == token1) return (_reserve0, _reserve1);
        if (tokenA == token1 && tokenB == token0) return (_reserve1, _reserve0);
        revert WrongTokens(tokenA, tokenB);
    }

    /// The greatest amounts within those desired that keep the price.
    function _matched(address tokenA, address tokenB, uint256 desiredA, uint256 desiredB)
        private
        view
        returns (uint256, uint256)
    {
        (uint256 reserveA, uint256 reserveB) = _reserves(tokenA, tokenB);
        if (reserveA == 0 && reserveB == 0) return (desiredA, desiredB);
        uint256 matchingB = desiredA * reserveB / reserveA;
        if (matchingB <= desiredB) return (desiredA, matchingB);
        return (desiredB * reserveA / reserveB, desiredB);
    }

    function _mintFor(uint256 amount0, uint256 amount1, address to) private returns (uint256 liquidity) {
        if (totalSupply == 0) {
            uint256 root = _sqrt(amount0 * amount1);
            if (root <= MINIMUM_LIQUIDITY) revert Empty();
            // Locked for ever, so that a share can never become too dear to be divided.
            _mint(address(0), MINIMUM_LIQUIDITY);
            liquidity = root - MINIMUM_LIQUIDITY;
        } else {
            uint256 by0 = amount0 * totalSupply / _reserve0;
            uint256 by1 = amount1 * totalSupply / _reserve1;
            liquidity = by0 < by1 ? by0 : by1;
        }
        if (liquidity == 0) revert Empty();
        _mint(to, liquidity);
        _sync(_reserve0 + amount0, _reserve1 + amount1);
        emit Mint(msg.sender, amount0, amount1);
    }

    function _sync(uint256 reserve0, uint256 reserve1) private {
        if (reserve0 > type(uint112).max || reserve1 > type(uint112).max) revert ReserveOverflow();
        _reserve0 = uint112(reserve0);
        _reserve1 = uint112(reserve1);
        _updatedAt = uint32(block.timestamp);
        emit Sync(_reserve0, _reserve1);
    }

    /// The integer square root, by Newton's method from above.
    function _sqrt(uint256 square) private pure returns (uint256 root) {
        if (square == 0) return 0;
        root = square;
        uint256 next = square / 2 + 1;
        while (next < root) {
            root = next;
            next = (square / next + next) / 2;
        }
    }
}
