// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// Scroll's L1GasPriceOracle with the fee of Curie. Anyone may set the prices.
contract DemoL1GasPriceOracle {
    uint256 public l1BaseFee;
    uint256 public l1BlobBaseFee;
    uint256 public commitScalar;
    uint256 public blobScalar;

    function set(uint256 baseFee, uint256 blobFee, uint256 commit, uint256 blob) external {
        (l1BaseFee, l1BlobBaseFee) = (baseFee, blobFee);
        (commitScalar, blobScalar) = (commit, blob);
    }

    /// Wei, for the signed transaction.
    function getL1Fee(bytes memory data) external view returns (uint256) {
        return (commitScalar * l1BaseFee + blobScalar * data.length * l1BlobBaseFee) / 1e9;
    }
}
