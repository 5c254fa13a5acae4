// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Erc20, Guarded, IErc20, Pay} from "./Erc20.sol";

/// An ERC-4626 vault whose assets are simply what it holds: whoever transfers in gives yield.
///
/// One base unit of the asset is 1000 base units of the share at the start, and the price is
/// computed with 1000 shares and one asset unit that nobody owns. To inflate the price against the
/// next depositor one must therefore give away about a thousand times what that depositor can lose
/// by rounding.
contract DemoVault is Erc20, Guarded {
    uint256 private constant VIRTUAL_SHARES = 1000;
    uint256 private constant VIRTUAL_ASSETS = 1;

    address public immutable asset;

    event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
    event Withdraw(
        address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares
    );
    event Donated(address indexed from, uint256 assets);

    error NoShares(uint256 assets);

    constructor(address asset_, string memory name_, string memory symbol_)
        Erc20(name_, symbol_, IErc20(asset_).decimals())
    {
        asset = asset_;
    }

    // Yield

    function donate(uint256 assets) external guarded {
        Pay.pull(asset, msg.sender, assets);
        emit Donated(msg.sender, assets);
    }

    // Value

    function totalAssets() public view returns (uint256) {
        return IErc20(asset).balanceOf(address(this));
    }

    function convertToShares(uint256 assets) public view returns (uint256) {
        return _down(assets, _shares(), _assets());
    }

    function convertToAssets(uint256 shares) public view returns (uint256) {
        return _down(shares, _assets(), _shares());
    }

    // What a call would give or take, always rounded against the caller

    function previewDeposit(uint256 assets) public view returns (uint256) {
        return convertToShares(assets);
    }

    function previewMint(uint256 shares) public view returns (uint256) {
        return _up(shares, _assets(), _shares());
    }

    function previewWithdraw(uint256 assets) public view returns (uint256) {
        return _up(assets, _shares(), _assets());
    }

    function previewRedeem(uint256 shares) public view returns (uint256) {
        return convertToAssets(shares);
    }

    // Limits

    function maxDeposit(address) external pure returns (uint256) {
        return type(uint256).max;
    }

    function maxMint(address) external pure returns (uint256) {
        return type(uint256).max;
    }

    function maxWithdraw(address owner) external view returns (uint256) {
        return convertToAssets(balanceOf[owner]);
    }

    function maxRedeem(address owner) external view returns (uint256) {
        return balanceOf[owner];
    }

    // In and out

    function deposit(uint256 assets, address receiver) external guarded returns (uint256 shares) {
        shares = previewDeposit(assets);
        if (shares == 0) revert NoShares(assets);
        _enter(assets, shares, receiver);
    }

    function mint(uint256 shares, address receiver) external guarded returns (uint256 assets) {
        assets = previewMint(shares);
        _enter(assets, shares, receiver);
    }

    function withdraw(uint256 assets, address receiver, address owner) external guarded returns (uint256 shares) {
        shares = previewWithdraw(assets);
        _leave(assets, shares, receiver, owner);
    }

    function redeem(uint256 shares, address receiver, address owner) external guarded returns (uint256 assets) {
        assets = previewRedeem(shares);
        _leave(assets, shares, receiver, owner);
    }

    function _enter(uint256 assets, uint256 shares, address receiver) private {
        Pay.pull(asset, msg.sender, assets);
        _mint(receiver, shares);
        emit Deposit(msg.sender, receiver, assets, shares);
    }

    function _leave(uint256 assets, uint256 shares, address receiver, address owner) private {
        if (msg.sender != owner) _useAllowance(owner, msg.sender, shares);
        _burn(owner, shares);
        Pay.push(asset, receiver, assets);
        emit Withdraw(msg.sender, receiver, owner, assets, shares);
    }

    function _shares() private view returns (uint256) {
        return totalSupply + VIRTUAL_SHARES;
    }

    function _assets() private view returns (uint256) {
        return totalAssets() + VIRTUAL_ASSETS;
    }

    function _down(uint256 amount, uint256 numerator, uint256 denominator) private pure returns (uint256) {
        return amount * numerator / denominator;
    }

    function _up(uint256 amount, uint256 numerator, uint256 denominator) private pure returns (uint256) {
        uint256 product = amount * numerator;
        return product / denominator + (product % denominator == 0 ? 0 : 1);
    }
}
