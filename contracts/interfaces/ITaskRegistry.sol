// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Joint computations: who agreed to what, what each put in, and what came out
/// @notice A task runs only when every owner of a data set, and the owner's compliance key, approved it. Each owner
/// commits to its input before anyone sends a share of it, and all must report the same result.
/// @dev The specification, the inputs and the result stay with the owners. A lie before the commitment is not seen.
interface ITaskRegistry {
    /// @notice What a task may be for. The list is closed.
    enum Purpose {
        SUITABILITY_ASSESS,
        QUALIFIED_CHECK,
        AML_JOINT,
        BLACKLIST_QUERY,
        MARKET_RISK,
        REGULATOR_STAT
    }

    /// @notice How far a task has come.
    enum State {
        None,
        Proposed,
        Approved,
        Committed,
        Completed,
        Disputed
    }

    /// @notice The sender is not an active member.
    error TaskRegistryNotMember(address sender);
    /// @notice Only an active broker registers a data set.
    error TaskRegistryNotBroker(address sender);
    /// @notice The data set's id was used before.
    error TaskRegistryDatasetExists(bytes32 datasetId, address owner);
    /// @notice There is no such data set.
    error TaskRegistryUnknownDataset(bytes32 datasetId);
    /// @notice A task names each data set once.
    error TaskRegistryDuplicateDataset(bytes32 datasetId);
    /// @notice A task names at least one and at most `maximum` data sets.
    error TaskRegistryDatasetCount(uint256 count, uint256 maximum);
    /// @notice The purpose is not on the list.
    error TaskRegistryUnknownPurpose(uint8 purpose);
    /// @notice The task's id was used before.
    error TaskRegistryTaskExists(bytes32 taskId);
    /// @notice The block is later than the task's last one.
    error TaskRegistryExpired(bytes32 taskId, uint64 deadlineBlock, uint256 blockNumber);
    /// @notice The sender owns none of the task's data sets.
    error TaskRegistryNotOwner(bytes32 taskId, address sender);
    /// @notice The task is in another state than the step needs.
    error TaskRegistryWrongState(bytes32 taskId, State state);
    /// @notice The sender did this step before.
    error TaskRegistryAlreadyDone(bytes32 taskId, address owner);
    /// @notice The signature is malformed (signer zero), or another's than that of the owner's compliance key.
    error TaskRegistryBadSignature(bytes32 taskId, address signer);
    /// @notice A commitment is a compressed BLS12-381 G1 point, 48 bytes.
    error TaskRegistryCommitmentLength(bytes32 taskId, uint256 length);

    /// @notice A broker registered a data set.
    event DatasetRegistered(bytes32 indexed datasetId, address indexed owner, bytes32 schemaHash);
    /// @notice A task was proposed.
    event TaskProposed(
        bytes32 indexed taskId, address indexed proposer, bytes32 specHash, Purpose purpose, bytes32[] datasetIds
    );
    /// @notice An owner and its compliance key approved a task.
    event TaskApproved(bytes32 indexed taskId, address indexed owner);
    /// @notice An owner committed to its input.
    event InputCommitted(bytes32 indexed taskId, address indexed owner, bytes commitment);
    /// @notice An owner reported the result.
    event ResultPosted(bytes32 indexed taskId, address indexed owner, bytes32 resultHash);
    /// @notice An owner refused the task; it is disputed.
    event TaskRefused(bytes32 indexed taskId, address indexed owner, bytes32 reasonHash);

    /// @notice Register a data set; the sender is its owner.
    /// @dev Restrictions: sender not an active broker (`TaskRegistryNotBroker`); id used
    /// (`TaskRegistryDatasetExists`).
    function registerDataset(bytes32 datasetId, bytes32 schemaHash) external;

    /// @notice Propose a task over data sets; their owners must approve it.
    /// @dev Restrictions: sender not an active member (`TaskRegistryNotMember`); purpose not on the list
    /// (`TaskRegistryUnknownPurpose`); id used (`TaskRegistryTaskExists`); no data set or too many
    /// (`TaskRegistryDatasetCount`), an unknown one (`TaskRegistryUnknownDataset`) or one named twice
    /// (`TaskRegistryDuplicateDataset`); deadline over (`TaskRegistryExpired`).
    /// @param purpose a value of `Purpose`
    /// @param deadlineBlock the last block in which a step other than `refuse` is taken
    function propose(
        bytes32 taskId,
        bytes32 specHash,
        uint8 purpose,
        bytes32[] calldata datasetIds,
        uint64 deadlineBlock
    ) external;

    /// @notice Approve a task as an owner, with the EIP-712 signature of the owner's compliance key.
    /// @dev Signed: Approve(bytes32 taskId,bytes32 specHash). Restrictions of every step: sender not an active member
    /// (`TaskRegistryNotMember`) or not an owner (`TaskRegistryNotOwner`); another state (`TaskRegistryWrongState`);
    /// done before (`TaskRegistryAlreadyDone`); deadline over (`TaskRegistryExpired`). Here also: signature not the
    /// compliance key's (`TaskRegistryBadSignature`).
    function approve(bytes32 taskId, bytes calldata complianceSig) external;

    /// @notice Commit to the sender's input, once all owners approved.
    /// @dev Restrictions as for `approve`, and: not 48 bytes (`TaskRegistryCommitmentLength`). Whether they are a point
    /// of the curve is checked by every owner before it sends anything.
    function commit(bytes32 taskId, bytes calldata commitment) external;

    /// @notice Report the result, once all owners committed. The task is completed when all reported the same, and
    /// disputed as soon as one differs.
    /// @dev Restrictions as for `approve`.
    function postResult(bytes32 taskId, bytes32 resultHash) external;

    /// @notice Refuse a task that is not completed: it is disputed. Several owners may refuse.
    /// @dev Restrictions as for `approve`, without the deadline.
    function refuse(bytes32 taskId, bytes32 reasonHash) external;

    /// @notice How far a task has come.
    function stateOf(bytes32 taskId) external view returns (State);

    /// @notice The head of a task's history: of its events, in order.
    /// @dev docs/spec/evidence-2.md, section 9.3.
    function historyHead(bytes32 taskId) external view returns (bytes32);

    /// @notice How many events a task has.
    function changeCount(bytes32 taskId) external view returns (uint256);
}
