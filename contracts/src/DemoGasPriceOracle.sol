// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// OP stack's GasPriceOracle with the fees of Fjord and Isthmus, except that a transaction's length
/// counts as it is instead of FastLZ-compressed. Anyone may set the prices.
contract DemoGasPriceOracle {
    uint256 public l1BaseFee;
    uint256 public blobBaseFee;
    uint256 public baseFeeScalar;
    uint256 public blobBaseFeeScalar;
    uint256 public operatorFeeScalar;
    uint256 public operatorFeeConstant;

    function setL1(uint256 baseFee, uint256 blobFee, uint256 baseScalar, uint256 blobScalar) external {
        (l1BaseFee, blobBaseFee) = (baseFee, blobFee);
        (baseFeeScalar, blobBaseFeeScalar) = (baseScalar, blobScalar);
    }

    function setOperator(uint256 scalar, uint256 constant_) external {
        (operatorFeeScalar, operatorFeeConstant) = (scalar, constant_);
    }

    /// Wei, for the unsigned transaction.
    function getL1Fee(bytes memory data) external view returns (uint256) {
        int256 estimated = -42_585_600 + 836_500 * int256(data.length + 68);
        if (estimated < 100_000_000) estimated = 100_000_000;
        uint256 price = 16 * baseFeeScalar * l1BaseFee + blobBaseFeeScalar * blobBaseFee;
        return uint256(estimated) * price / 1e12;
    }

    /// Wei, for the gas used.
    function getOperatorFee(uint256 gasUsed) external view returns (uint256) {
        return gasUsed * operatorFeeScalar / 1e6 + operatorFeeConstant;
    }
}
