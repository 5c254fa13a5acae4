// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// A price feed that its deployer sets. The interface is Chainlink's AggregatorV3Interface.
contract DemoFeed {
    uint8 public constant decimals = 8;
    uint256 public constant version = 1;

    address public immutable owner;
    string public description;

    struct Round {
        int256 answer;
        uint256 updatedAt;
    }

    uint80 private _latest;
    mapping(uint80 => Round) private _rounds;

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    error NotOwner(address caller);
    error NoData(uint80 round);

    constructor(string memory description_) {
        owner = msg.sender;
        description = description_;
    }

    function set(int256 answer, uint256 updatedAt) external {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _latest += 1;
        _rounds[_latest] = Round(answer, updatedAt);
        emit AnswerUpdated(answer, _latest, updatedAt);
    }

    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        return getRoundData(_latest);
    }

    function getRoundData(uint80 round)
        public
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        if (round == 0 || round > _latest) revert NoData(round);
        Round storage at = _rounds[round];
        return (round, at.answer, at.updatedAt, at.updatedAt, round);
    }
}
