// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The members of the consortium, their roles and their keys
/// @notice Brokers and operators decide by vote, two thirds of those that are active when a proposal is executed. A
/// regulator may veto until then, and has at least `vetoBlocks` blocks to do so. Nobody can change a member's keys but
/// the member itself.
/// @dev WARNING: `roleOf` and `isActive` say what holds now. Whoever judges an old signature needs the keys of that
/// block: walk the events back by `previousChange`.
interface IMemberRegistry {
    /// @notice What a member is. `None` means: not a member, or suspended.
    enum Role {
        None,
        Broker,
        Regulator,
        Operator
    }

    /// @notice What a proposal does when it is executed.
    enum ProposalKind {
        Admission,
        Suspension,
        Action
    }

    /// @notice The keys of a member.
    /// @param algorithm of the signing key: 1 Ed25519, 2 SM2
    /// @param signing public key that signs credentials, records, promises and bundles: of Ed25519 32 bytes, of SM2 the
    /// 65 bytes 0x04 || x || y
    /// @param checkpoint Ed25519 public key that signs checkpoints and cosignatures; it may be the signing key
    /// @param agreement X25519 public key from which pairs of members derive shared secrets
    /// @param compliance account whose signature approves computation tasks; never the member's own account
    struct Keys {
        uint16 algorithm;
        bytes signing;
        bytes32 checkpoint;
        bytes32 agreement;
        address compliance;
    }

    /// @notice A member that is there from the first block on.
    struct Founder {
        address member;
        Role role;
        string name;
        Keys keys;
    }

    /// @notice The sender is not an active member.
    error MemberRegistryNotMember(address sender);
    /// @notice The sender is an active member, but its role may not do this.
    error MemberRegistryWrongRole(address sender, Role role);
    /// @notice An active member cannot be admitted again.
    error MemberRegistryAlreadyMember(address member);
    /// @notice Only an active member can be suspended.
    error MemberRegistryNotActive(address member);
    /// @notice The account is zero, the role is `None` or the name is empty.
    error MemberRegistryInvalidMember(address member);
    /// @notice The algorithm is unknown, the signing key is none of it, a key is zero, or the compliance key is the
    /// member's own account.
    error MemberRegistryInvalidKeys(address member);
    /// @notice Nobody was ever admitted under this account.
    error MemberRegistryUnknown(address account);
    /// @notice There have been as many members as the tree of the active ones has places.
    error MemberRegistryFull(uint256 capacity);
    /// @notice Without a broker or operator nothing could ever be decided.
    error MemberRegistryNoVoter();
    /// @notice There is no such proposal, or it was executed or vetoed.
    error MemberRegistryNotOpen(uint256 id);
    /// @notice A member has one vote.
    error MemberRegistryAlreadyVoted(uint256 id, address voter);
    /// @notice Too few of the active brokers and operators have voted for it.
    error MemberRegistryTooFewVotes(uint256 id, uint256 votes, uint256 voters);
    /// @notice The regulator's time is not over.
    error MemberRegistryVetoPeriod(uint256 id, uint256 openFromBlock);
    /// @notice The member has made this call before; made twice it would have a second effect.
    error MemberRegistryAlreadyCalled(address member, bytes32 callId);

    /// @notice A member was admitted, or admitted again after a suspension.
    event MemberAdmitted(
        address indexed member,
        Role role,
        string name,
        uint16 algorithm,
        bytes signing,
        bytes32 checkpoint,
        bytes32 agreement,
        address compliance,
        uint256 previousChange
    );
    /// @notice A member was suspended.
    event MemberSuspended(address indexed member, uint256 previousChange);
    /// @notice A member changed its keys.
    event MemberKeysChanged(
        address indexed member,
        uint16 algorithm,
        bytes signing,
        bytes32 checkpoint,
        bytes32 agreement,
        address compliance,
        uint256 previousChange
    );
    /// @notice Something was proposed.
    /// @param subject the member to admit or suspend; zero for an action
    /// @param digest what is voted on: keccak256(abi.encode(member, role, name, keys)) for an admission,
    /// keccak256(abi.encode(member)) for a suspension, the given digest for an action
    event ProposalCreated(
        uint256 indexed id, ProposalKind kind, address indexed proposer, address subject, bytes32 digest
    );
    /// @notice A member voted for a proposal.
    event ProposalVoted(uint256 indexed id, address indexed voter);
    /// @notice A regulator stopped a proposal for good.
    event ProposalVetoed(uint256 indexed id, address indexed regulator);
    /// @notice A proposal took effect.
    event ProposalExecuted(uint256 indexed id);

    /// @notice Propose to admit a member, or to admit a suspended one again.
    /// @dev Proposing is not voting. The sender chooses `callId`, once for each call that it means to make: the same
    /// call sent again has no second effect. Restrictions: `callId` used before by the sender
    /// (`MemberRegistryAlreadyCalled`); sender not an active member (`MemberRegistryNotMember`); candidate
    /// active (`MemberRegistryAlreadyMember`), incomplete (`MemberRegistryInvalidMember`) or with bad keys
    /// (`MemberRegistryInvalidKeys`).
    function proposeAdmission(bytes32 callId, address member, Role role, string calldata name, Keys calldata keys)
        external
        returns (uint256 id);

    /// @notice Propose to suspend a member.
    /// @dev Restrictions: `callId` used before by the sender (`MemberRegistryAlreadyCalled`); sender not an active member (`MemberRegistryNotMember`); subject not active
    /// (`MemberRegistryNotActive`).
    function proposeSuspension(bytes32 callId, address member) external returns (uint256 id);

    /// @notice Propose an action of another contract, which asks `actionPassed` for it.
    /// @dev WARNING: the digest must bind the contract that will ask, or a vote could be used elsewhere.
    /// Restrictions: `callId` used before by the sender (`MemberRegistryAlreadyCalled`); sender not an active member
    /// (`MemberRegistryNotMember`).
    function proposeAction(bytes32 callId, bytes32 digest) external returns (uint256 id);

    /// @notice Vote for a proposal.
    /// @dev Restrictions: sender not active (`MemberRegistryNotMember`) or without a vote (`MemberRegistryWrongRole`);
    /// proposal closed (`MemberRegistryNotOpen`); voted before (`MemberRegistryAlreadyVoted`).
    function vote(uint256 id) external;

    /// @notice Stop a proposal for good.
    /// @dev Restrictions: sender not an active regulator (`MemberRegistryNotMember`, `MemberRegistryWrongRole`);
    /// proposal closed (`MemberRegistryNotOpen`).
    function veto(uint256 id) external;

    /// @notice Let a proposal take effect.
    /// @dev Only votes of members that are active now count. Restrictions: sender not an active member
    /// (`MemberRegistryNotMember`); proposal closed (`MemberRegistryNotOpen`); the regulator's time not over
    /// (`MemberRegistryVetoPeriod`); too few votes (`MemberRegistryTooFewVotes`); the subject's state changed since
    /// (`MemberRegistryAlreadyMember`, `MemberRegistryNotActive`); the last voter would go (`MemberRegistryNoVoter`); no
    /// place for another member (`MemberRegistryFull`).
    function execute(uint256 id) external;

    /// @notice Replace the sender's own keys.
    /// @dev A rotation that was sent twice must not bring back keys that were replaced since. Restrictions: `callId`
    /// used before by the sender (`MemberRegistryAlreadyCalled`); sender not an active member (`MemberRegistryNotMember`); bad keys
    /// (`MemberRegistryInvalidKeys`).
    function rotateKeys(bytes32 callId, Keys calldata keys) external;

    /// @notice The role that a member holds now; `None` when it is suspended or unknown.
    function roleOf(address member) external view returns (Role);

    /// @notice The latest keys of a member, suspended or not; zero when unknown.
    function keysOf(address member) external view returns (Keys memory);

    /// @notice The block of a member's last event; 0 when there is none.
    function changed(address member) external view returns (uint256);

    /// @notice Whether a member holds a role now.
    function isActive(address member) external view returns (bool);

    /// @notice What a member is now, with the digest and the version of its latest keys: all that a leaf of its log says
    /// of it.
    /// @dev docs/spec/evidence-2.md, section 9.3, as are the views below.
    function standing(address account) external view returns (Role role, bytes32 keysDigest, uint64 keyVersion);

    /// @notice The place of a member in the tree of the active ones: how many were admitted before it.
    /// @dev Restriction: never admitted (`MemberRegistryUnknown`).
    function numberOf(address member) external view returns (uint16);

    /// @notice The head of a member's history: of its events of the first three kinds above, in order.
    function historyHead(address member) external view returns (bytes32);

    /// @notice How many events a member has.
    function changeCount(address member) external view returns (uint256);

    /// @notice The root of the tree of the active members.
    function activeRoot() external view returns (bytes32);

    /// @notice How many members are active.
    function activeCount() external view returns (uint256);

    /// @notice Whether proposal `id` is the action `digest`, and was executed.
    function actionPassed(uint256 id, bytes32 digest) external view returns (bool);
}
