// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDirectory} from "./interfaces/IDirectory.sol";
import {IMemberRegistry} from "./interfaces/IMemberRegistry.sol";
import {HistoryHead} from "./libraries/HistoryHead.sol";

/// @title Which contracts the consortium uses, now and at any earlier block
contract Directory is IDirectory {
    bytes32 private constant _HISTORY = keccak256("bonafides/directory-history/2");

    IMemberRegistry private immutable _members;
    /// @inheritdoc IDirectory
    bytes32 public override historyHead;
    /// @inheritdoc IDirectory
    uint256 public override changeCount;
    mapping(bytes32 name => Entry[]) private _entries;
    mapping(bytes32 name => uint256) private _lastProposal;

    /// @param members the registry whose votes change this directory, for ever
    /// @param former the directory of this kind that this one succeeds; zero when there is none
    /// @param names ASCII names, padded with zeros on the right
    /// @param targets their addresses
    constructor(IMemberRegistry members, IDirectory former, bytes32[] memory names, address[] memory targets) {
        if (names.length != targets.length) revert DirectoryLengthMismatch(names.length, targets.length);
        _members = members;
        if (address(former) != address(0)) {
            bytes32 head = former.historyHead();
            _note(bytes32(0), address(former), head);
            emit DirectorySucceeded(address(former), head);
        }
        for (uint256 i = 0; i < names.length; i++) {
            if (_entries[names[i]].length != 0) revert DirectoryInvalidName(names[i]);
            _set(names[i], targets[i]);
        }
    }

    /// @inheritdoc IDirectory
    function enact(uint256 proposalId, bytes32 name, address target) external {
        bytes32 digest = keccak256(abi.encode(address(this), name, target));
        if (!_members.actionPassed(proposalId, digest)) revert DirectoryNotPassed(proposalId, digest);
        // An older vote that nobody enacted in time must not undo a newer one.
        uint256 last = _lastProposal[name];
        if (proposalId <= last) revert DirectoryProposalSpent(proposalId, last);
        _lastProposal[name] = proposalId;
        _set(name, target);
    }

    /// @inheritdoc IDirectory
    function current(bytes32 name) public view returns (address) {
        Entry[] storage entries = _entries[name];
        return entries.length == 0 ? address(0) : entries[entries.length - 1].target;
    }

    /// @inheritdoc IDirectory
    function history(bytes32 name) external view returns (Entry[] memory) {
        return _entries[name];
    }

    function _set(bytes32 name, address target) private {
        if (name == bytes32(0)) revert DirectoryInvalidName(name);
        if (target.code.length == 0) revert DirectoryNotContract(name, target);
        address previous = current(name);
        _entries[name].push(Entry(target, uint64(block.number)));
        emit AddressSet(name, target, uint64(block.number), previous);
        _note(name, target, target.codehash);
    }

    /// @dev Extend the history: by an entry with its code hash, or by the former directory, without a name, with its head.
    function _note(bytes32 name, address target, bytes32 hash) private {
        changeCount++;
        historyHead = HistoryHead.next(_HISTORY, historyHead, changeCount, keccak256(abi.encode(name, target, hash)));
    }
}
