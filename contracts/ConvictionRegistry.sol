// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConvictionRegistry} from "./interfaces/IConvictionRegistry.sol";
import {IMemberRegistry} from "./interfaces/IMemberRegistry.sol";
import {HistoryHead} from "./libraries/HistoryHead.sol";

/// @title Who says that it holds a document that convicts a member
contract ConvictionRegistry is IConvictionRegistry {
    struct History {
        uint64 changes;
        bytes32 head;
    }

    bytes32 private constant _HISTORY = keccak256("bonafides/conviction-history/2");

    IMemberRegistry private immutable _members;
    mapping(address convicted => History) private _histories;
    mapping(address member => mapping(bytes32 digest => uint256)) private _recordedIn;

    /// @param members who may record, and be convicted
    constructor(IMemberRegistry members) {
        _members = members;
    }

    /// @inheritdoc IConvictionRegistry
    function record(address convicted, uint8 kind, bytes32 digest) external {
        if (!_members.isActive(msg.sender)) revert ConvictionRegistryNotMember(msg.sender);
        if (convicted == msg.sender) revert ConvictionRegistryOwn(msg.sender);
        if (_members.changeCount(convicted) < 1) revert ConvictionRegistryUnknown(convicted);
        if (kind < 1 || kind > uint8(type(Kind).max)) revert ConvictionRegistryUnknownKind(kind);
        uint256 before = _recordedIn[msg.sender][digest];
        if (before != 0) revert ConvictionRegistryAlreadyRecorded(msg.sender, digest, before);
        _recordedIn[msg.sender][digest] = block.number;
        emit ConvictionRecorded(convicted, msg.sender, Kind(kind), digest);
        _note(_histories[convicted], HistoryHead.ofEvent(ConvictionRecorded.selector, abi.encode(msg.sender, kind, digest)));
    }

    /// @inheritdoc IConvictionRegistry
    function recordedIn(address member, bytes32 digest) external view returns (uint256) {
        return _recordedIn[member][digest];
    }

    /// @inheritdoc IConvictionRegistry
    function historyHead(address convicted) external view returns (bytes32) {
        return _histories[convicted].head;
    }

    /// @inheritdoc IConvictionRegistry
    function changeCount(address convicted) external view returns (uint256) {
        return _histories[convicted].changes;
    }

    /// @dev Extend a history by the event that was just told.
    function _note(History storage history, bytes32 change) private {
        history.changes++;
        history.head = HistoryHead.next(_HISTORY, history.head, history.changes, change);
    }
}
