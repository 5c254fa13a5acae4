// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// A price feed with 8 decimals that points at an aggregator (itself) with bounds, as Chainlink's
/// older aggregators have them. Anyone may set all of it.
contract DemoBoundedFeed {
    uint8 public constant decimals = 8;

    int192 public minAnswer;
    int192 public maxAnswer;
    int256 private _answer;
    uint256 private _updatedAt;

    constructor(int192 minAnswer_, int192 maxAnswer_) {
        (minAnswer, maxAnswer) = (minAnswer_, maxAnswer_);
    }

    function set(int256 answer, uint256 updatedAt) external {
        (_answer, _updatedAt) = (answer, updatedAt);
    }

    function aggregator() external view returns (address) {
        return address(this);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (1, _answer, _updatedAt, _updatedAt, 1);
    }
}
