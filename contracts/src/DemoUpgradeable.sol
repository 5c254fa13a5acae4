// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// An implementation that upgrades itself behind a proxy (EIP-1822). Anyone may.
contract DemoUpgradeable {
    /// keccak256("eip1967.proxy.implementation") - 1
    bytes32 public constant proxiableUUID = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

    uint256 public immutable version;

    event Upgraded(address indexed implementation);

    constructor(uint256 version_) {
        version = version_;
    }

    function upgradeTo(address implementation) external {
        assembly {
            sstore(0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc, implementation)
        }
        emit Upgraded(implementation);
    }
}
