// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// What the contracts here ask of a token.
interface IErc20 {
    function balanceOf(address account) external view returns (uint256);
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
    function decimals() external view returns (uint8);
}

/// A transferable, approvable balance sheet. Supply changes are up to the heir.
abstract contract Erc20 {
    string public name;
    string public symbol;
    uint8 public immutable decimals;

    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    error InsufficientBalance(address account, uint256 have, uint256 need);
    error InsufficientAllowance(address owner, address spender, uint256 have, uint256 need);
    error ZeroRecipient();

    constructor(string memory name_, string memory symbol_, uint8 decimals_) {
        name = name_;
        symbol = symbol_;
        decimals = decimals_;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        _setAllowance(msg.sender, spender, amount);
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        _useAllowance(from, msg.sender, amount);
        _move(from, to, amount);
        return true;
    }

    function _setAllowance(address owner, address spender, uint256 amount) internal {
        allowance[owner][spender] = amount;
        emit Approval(owner, spender, amount);
    }

    /// The greatest allowance does not shrink.
    function _useAllowance(address owner, address spender, uint256 amount) internal {
        uint256 have = allowance[owner][spender];
        if (have == type(uint256).max) return;
        if (have < amount) revert InsufficientAllowance(owner, spender, have, amount);
        _setAllowance(owner, spender, have - amount);
    }

    function _move(address from, address to, uint256 amount) internal {
        if (to == address(0)) revert ZeroRecipient();
        _take(from, amount);
        balanceOf[to] += amount;
        emit Transfer(from, to, amount);
    }

    function _mint(address to, uint256 amount) internal {
        totalSupply += amount;
        balanceOf[to] += amount;
        emit Transfer(address(0), to, amount);
    }

    function _burn(address from, uint256 amount) internal {
        _take(from, amount);
        totalSupply -= amount;
        emit Transfer(from, address(0), amount);
    }

    function _take(address from, uint256 amount) private {
        uint256 have = balanceOf[from];
        if (have < amount) revert InsufficientBalance(from, have, amount);
        unchecked {
            balanceOf[from] = have - amount;
        }
    }
}

/// Moves tokens that answer `true` or nothing; anything else reverts.
library Pay {
    error TransferFailed(address token);

    function push(address token, address to, uint256 amount) internal {
        _call(token, abi.encodeCall(IErc20.transfer, (to, amount)));
    }

    function pull(address token, address from, uint256 amount) internal {
        _call(token, abi.encodeCall(IErc20.transferFrom, (from, address(this), amount)));
    }

    function _call(address token, bytes memory data) private {
        (bool ok, bytes memory answer) = token.call(data);
        if (!ok) {
            assembly {
                revert(add(answer, 32), mload(answer))
            }
        }
        bool good = answer.length == 0 ? token.code.length > 0 : abi.decode(answer, (bool));
        if (!good) revert TransferFailed(token);
    }
}

/// No function marked `guarded` runs while another one does.
abstract contract Guarded {
    bool private _busy;

    error Reentered();

    modifier guarded() {
        if (_busy) revert Reentered();
        _busy = true;
        _;
        _busy = false;
    }
}
