// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Pay} from "./Erc20.sol";

/// Pays each leaf of a Merkle tree once. A leaf is `keccak256(index ‖ account ‖ amount)`, and the
/// lesser of two siblings comes first. The interface is that of Uniswap's MerkleDistributor.
contract DemoDistributor {
    address public immutable token;
    bytes32 public immutable merkleRoot;

    mapping(uint256 => bool) public isClaimed;

    event Claimed(uint256 index, address account, uint256 amount);

    error AlreadyClaimed(uint256 index);
    error InvalidProof();

    constructor(address token_, bytes32 merkleRoot_) {
        token = token_;
        merkleRoot = merkleRoot_;
    }

    function claim(uint256 index, address account, uint256 amount, bytes32[] calldata merkleProof) external {
        if (isClaimed[index]) revert AlreadyClaimed(index);
        bytes32 node = keccak256(abi.encodePacked(index, account, amount));
        for (uint256 level = 0; level < merkleProof.length; level++) {
            bytes32 sibling = merkleProof[level];
            node = node < sibling
                ? keccak256(abi.encodePacked(node, sibling))
                : keccak256(abi.encodePacked(sibling, node));
        }
        if (node != merkleRoot) revert InvalidProof();
        isClaimed[index] = true;
        emit Claimed(index, account, amount);
        Pay.push(token, account, amount);
    }
}
