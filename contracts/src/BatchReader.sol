// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// Reads many contracts in one `eth_call`. It is never on a chain: the call "creates" it, its
/// constructor reads, and what it returns stands where a created contract's code would.
///
/// That place has room for 24,576 bytes (EIP-170) and costs 200 gas per byte, and the code with the
/// arguments may have 49,152 bytes (EIP-3860). The caller sees to both.
contract BatchReader {
    struct Read {
        address target;
        /// The longest return data that is handed back, bytes. Of a reason to revert it is at least
        /// `REASON`.
        uint32 limit;
        bytes data;
    }

    enum Outcome {
        Reverted,
        Answered,
        TooLong,
        NotTried
    }

    struct Result {
        Outcome outcome;
        /// The whole length of the return data.
        uint32 length;
        /// The beginning of the return data.
        bytes data;
    }

    /// `Error(string)` with 64 bytes of text.
    uint256 private constant REASON = 132;

    /// Each read gets `stipend` gas, neither more nor less. A read that would leave less than
    /// `reserve` for the rest is not tried.
    constructor(Read[] memory reads, address[] memory accounts, uint256 stipend, uint256 reserve) {
        uint256[] memory balances = new uint256[](accounts.length);
        for (uint256 i = 0; i < accounts.length; ++i) balances[i] = accounts[i].balance;

        Result[] memory results = new Result[](reads.length);
        // One 64th stays behind with each call (EIP-150); 10,000 is for what the call itself costs.
        uint256 needed = reserve + stipend + stipend / 63 + 10_000;
        for (uint256 i = 0; i < reads.length; ++i) {
            if (gasleft() < needed) results[i].outcome = Outcome.NotTried;
            else results[i] = read(reads[i], stipend);
        }

        // Starts with a zero byte, so that it is not refused for an 0xef (EIP-3541).
        bytes memory answer = abi.encode(results, balances);
        assembly {
            return(add(answer, 32), mload(answer))
        }
    }

    function read(Read memory one, uint256 stipend) private view returns (Result memory result) {
        (address target, bytes memory input, uint256 limit) = (one.target, one.data, one.limit);
        bool answered;
        uint256 length;
        // High-level calls copy all of the return data, however long a hostile contract makes it.
        assembly ("memory-safe") {
            answered := staticcall(stipend, target, add(input, 32), mload(input), 0, 0)
            length := returndatasize()
        }
        if (!answered && limit < REASON) limit = REASON;
        bytes memory output = new bytes(length < limit ? length : limit);
        assembly ("memory-safe") {
            returndatacopy(add(output, 32), 0, mload(output))
        }
        if (!answered) result.outcome = Outcome.Reverted;
        else result.outcome = length > limit ? Outcome.TooLong : Outcome.Answered;
        result.length = uint32(length);
        result.data = output;
    }
}
