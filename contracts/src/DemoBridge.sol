// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Guarded, Pay} from "./Erc20.sol";

/// One end of a bridge: keeps what is sent, and pays what the other end kept from its own pool, as
/// the relayer says. `token` zero means native currency.
contract DemoBridge is Guarded {
    address public immutable token;
    address public immutable relayer;

    /// The nonce of the next transfer from here.
    uint256 public nextNonce;
    /// Base units that an account sent from here.
    mapping(address => uint256) public sent;
    /// Base units that an account was paid here.
    mapping(address => uint256) public received;
    /// Which transfers of the other end were paid here, by their nonces there.
    mapping(uint256 => bool) public delivered;

    event Sent(address indexed from, uint256 amount, uint256 nonce);
    event Delivered(address indexed to, uint256 amount, uint256 nonce);

    error NotRelayer(address caller);
    error WrongValue(uint256 value, uint256 expected);
    error NothingSent();
    error AlreadyDelivered(uint256 nonce);
    error PaymentFailed(address to);

    constructor(address token_, address relayer_) {
        token = token_;
        relayer = relayer_;
    }

    /// Funds the pool.
    receive() external payable {}

    function send(uint256 amount) external payable guarded {
        if (amount == 0) revert NothingSent();
        uint256 expected = token == address(0) ? amount : 0;
        if (msg.value != expected) revert WrongValue(msg.value, expected);
        sent[msg.sender] += amount;
        emit Sent(msg.sender, amount, nextNonce++);
        if (token != address(0)) Pay.pull(token, msg.sender, amount);
    }

    function deliver(address to, uint256 amount, uint256 nonce) external guarded {
        if (msg.sender != relayer) revert NotRelayer(msg.sender);
        if (delivered[nonce]) revert AlreadyDelivered(nonce);
        delivered[nonce] = true;
        received[to] += amount;
        emit Delivered(to, amount, nonce);
        if (token != address(0)) {
            Pay.push(token, to, amount);
        } else {
            (bool ok,) = to.call{value: amount}("");
            if (!ok) revert PaymentFailed(to);
        }
    }
}
