// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IMemberRegistry} from "./interfaces/IMemberRegistry.sol";
import {ITaskRegistry} from "./interfaces/ITaskRegistry.sol";
import {HistoryHead} from "./libraries/HistoryHead.sol";

/// @title Joint computations: who agreed to what, what each put in, and what came out
contract TaskRegistry is ITaskRegistry, EIP712 {
    /// @dev What an owner has done; one storage slot.
    struct Participation {
        bool owner;
        bool approved;
        bool committed;
        bool posted;
        bool refused;
    }

    struct Task {
        State state;
        uint16 owners;
        uint16 done; // of the owners, how many took the present step
        uint64 deadlineBlock;
        uint64 changes;
        bytes32 head;
        bytes32 specHash;
        bytes32 resultHash;
        mapping(address owner => Participation) participation;
    }

    uint256 private constant _MAX_DATASETS = 64;
    uint256 private constant _COMMITMENT_BYTES = 48;
    bytes32 private constant _HISTORY = keccak256("bonafides/task-history/2");
    bytes32 private constant _APPROVE = keccak256("Approve(bytes32 taskId,bytes32 specHash)");

    IMemberRegistry private immutable _members;
    mapping(bytes32 datasetId => address) private _datasetOwners;
    mapping(bytes32 taskId => Task) private _tasks;

    /// @param members who may take part, and their compliance keys
    constructor(IMemberRegistry members) EIP712("Bonafides TaskRegistry", "1") {
        _members = members;
    }

    /// @inheritdoc ITaskRegistry
    function registerDataset(bytes32 datasetId, bytes32 schemaHash) external {
        if (_members.roleOf(msg.sender) != IMemberRegistry.Role.Broker) revert TaskRegistryNotBroker(msg.sender);
        address owner = _datasetOwners[datasetId];
        if (owner != address(0)) revert TaskRegistryDatasetExists(datasetId, owner);
        _datasetOwners[datasetId] = msg.sender;
        emit DatasetRegistered(datasetId, msg.sender, schemaHash);
    }

    /// @inheritdoc ITaskRegistry
    function propose(
        bytes32 taskId,
        bytes32 specHash,
        uint8 purpose,
        bytes32[] calldata datasetIds,
        uint64 deadlineBlock
    ) external {
        if (!_members.isActive(msg.sender)) revert TaskRegistryNotMember(msg.sender);
        if (purpose > uint8(type(Purpose).max)) revert TaskRegistryUnknownPurpose(purpose);
        Task storage task = _tasks[taskId];
        if (task.state != State.None) revert TaskRegistryTaskExists(taskId);
        task.state = State.Proposed;
        task.specHash = specHash;
        task.deadlineBlock = deadlineBlock;
        _requireInTime(taskId, task);
        _addOwners(task, datasetIds);
        emit TaskProposed(taskId, msg.sender, specHash, Purpose(purpose), datasetIds);
        _note(task, TaskProposed.selector, abi.encode(msg.sender, specHash, purpose, datasetIds));
    }

    /// @inheritdoc ITaskRegistry
    function approve(bytes32 taskId, bytes calldata complianceSig) external {
        Task storage task = _step(taskId, State.Proposed);
        Participation storage mine = task.participation[msg.sender];
        if (mine.approved) revert TaskRegistryAlreadyDone(taskId, msg.sender);
        bytes32 hash = _hashTypedDataV4(keccak256(abi.encode(_APPROVE, taskId, task.specHash)));
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecover(hash, complianceSig);
        if (failure != ECDSA.RecoverError.NoError || signer != _members.keysOf(msg.sender).compliance) {
            revert TaskRegistryBadSignature(taskId, signer);
        }
        mine.approved = true;
        emit TaskApproved(taskId, msg.sender);
        _note(task, TaskApproved.selector, abi.encode(msg.sender));
        _advance(task, State.Approved);
    }

    /// @inheritdoc ITaskRegistry
    function commit(bytes32 taskId, bytes calldata commitment) external {
        Task storage task = _step(taskId, State.Approved);
        Participation storage mine = task.participation[msg.sender];
        if (mine.committed) revert TaskRegistryAlreadyDone(taskId, msg.sender);
        if (commitment.length != _COMMITMENT_BYTES) revert TaskRegistryCommitmentLength(taskId, commitment.length);
        mine.committed = true;
        emit InputCommitted(taskId, msg.sender, commitment);
        _note(task, InputCommitted.selector, abi.encode(msg.sender, commitment));
        _advance(task, State.Committed);
    }

    /// @inheritdoc ITaskRegistry
    function postResult(bytes32 taskId, bytes32 resultHash) external {
        Task storage task = _step(taskId, State.Committed);
        Participation storage mine = task.participation[msg.sender];
        if (mine.posted) revert TaskRegistryAlreadyDone(taskId, msg.sender);
        mine.posted = true;
        emit ResultPosted(taskId, msg.sender, resultHash);
        _note(task, ResultPosted.selector, abi.encode(msg.sender, resultHash));
        if (task.done == 0) task.resultHash = resultHash;
        if (task.resultHash == resultHash) {
            _advance(task, State.Completed);
        } else {
            task.state = State.Disputed;
        }
    }

    /// @inheritdoc ITaskRegistry
    function refuse(bytes32 taskId, bytes32 reasonHash) external {
        Task storage task = _tasks[taskId];
        Participation storage mine = _requireOwner(taskId, task);
        if (task.state == State.Completed) revert TaskRegistryWrongState(taskId, task.state);
        if (mine.refused) revert TaskRegistryAlreadyDone(taskId, msg.sender);
        mine.refused = true;
        task.state = State.Disputed;
        emit TaskRefused(taskId, msg.sender, reasonHash);
        _note(task, TaskRefused.selector, abi.encode(msg.sender, reasonHash));
    }

    /// @inheritdoc ITaskRegistry
    function stateOf(bytes32 taskId) external view returns (State) {
        return _tasks[taskId].state;
    }

    /// @inheritdoc ITaskRegistry
    function historyHead(bytes32 taskId) external view returns (bytes32) {
        return _tasks[taskId].head;
    }

    /// @inheritdoc ITaskRegistry
    function changeCount(bytes32 taskId) external view returns (uint256) {
        return _tasks[taskId].changes;
    }

    /// @dev Extend the task's history by the event that was just told.
    function _note(Task storage task, bytes32 topic, bytes memory members) private {
        task.changes++;
        task.head = HistoryHead.next(_HISTORY, task.head, task.changes, HistoryHead.ofEvent(topic, members));
    }

    function _addOwners(Task storage task, bytes32[] calldata datasetIds) private {
        uint256 count = datasetIds.length;
        if (count == 0 || count > _MAX_DATASETS) revert TaskRegistryDatasetCount(count, _MAX_DATASETS);
        for (uint256 i = 0; i < count; i++) {
            address owner = _datasetOwners[datasetIds[i]];
            if (owner == address(0)) revert TaskRegistryUnknownDataset(datasetIds[i]);
            for (uint256 j = 0; j < i; j++) {
                if (datasetIds[j] == datasetIds[i]) revert TaskRegistryDuplicateDataset(datasetIds[i]);
            }
            if (!task.participation[owner].owner) {
                task.participation[owner].owner = true;
                task.owners++;
            }
        }
    }

    /// @dev Count the sender's step; when all owners took it, go on to the next state.
    function _advance(Task storage task, State next) private {
        task.done++;
        if (task.done == task.owners) {
            task.done = 0;
            task.state = next;
        }
    }

    function _step(bytes32 taskId, State needed) private view returns (Task storage task) {
        task = _tasks[taskId];
        _requireOwner(taskId, task);
        if (task.state != needed) revert TaskRegistryWrongState(taskId, task.state);
        _requireInTime(taskId, task);
    }

    function _requireOwner(bytes32 taskId, Task storage task) private view returns (Participation storage mine) {
        if (!_members.isActive(msg.sender)) revert TaskRegistryNotMember(msg.sender);
        mine = task.participation[msg.sender];
        if (!mine.owner) revert TaskRegistryNotOwner(taskId, msg.sender);
    }

    function _requireInTime(bytes32 taskId, Task storage task) private view {
        if (block.number > task.deadlineBlock) revert TaskRegistryExpired(taskId, task.deadlineBlock, block.number);
    }
}
