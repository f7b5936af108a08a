// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IMemberRegistry} from "./interfaces/IMemberRegistry.sol";
import {ActiveTree} from "./libraries/ActiveTree.sol";
import {HistoryHead} from "./libraries/HistoryHead.sol";

/// @title The members of the consortium, their roles and their keys
/// @dev Counts are derived from the list of members when they are needed, so that they cannot drift.
contract MemberRegistry is IMemberRegistry {
    using ActiveTree for ActiveTree.Tree;

    struct Member {
        Role role;
        bool active;
        uint16 number; // order of first admission, from 0
        uint64 keyVersion;
        uint64 changes;
        uint64 changed;
        bytes32 keysDigest;
        bytes32 head;
        Keys keys;
    }

    struct Proposal {
        ProposalKind kind;
        bool closed;
        bool executed;
        address subject;
        Role role;
        uint256 openFromBlock;
        bytes32 digest;
        string name;
        Keys keys;
        address[] voters;
    }

    uint16 private constant _ED25519 = 1;
    uint16 private constant _SM2 = 2;
    bytes32 private constant _HISTORY = keccak256("bonafides/member-history/2");

    uint64 private immutable _vetoBlocks;
    mapping(address member => Member) private _member;
    address[] private _members;
    uint256 private _proposals;
    mapping(uint256 id => Proposal) private _proposal;
    mapping(address member => mapping(bytes32 callId => bool)) private _called;
    ActiveTree.Tree private _activeTree;

    modifier onlyMember() {
        if (!_member[msg.sender].active) revert MemberRegistryNotMember(msg.sender);
        _;
    }

    /// @dev For calls that nothing else makes unique. The sender is part of it: nobody can use up another's ids.
    modifier once(bytes32 callId) {
        if (_called[msg.sender][callId]) revert MemberRegistryAlreadyCalled(msg.sender, callId);
        _called[msg.sender][callId] = true;
        _;
    }

    /// @param founders the first members; at least one of them must be able to vote
    /// @param vetoBlocks how many blocks must follow a proposal before it can be executed
    constructor(Founder[] memory founders, uint64 vetoBlocks) {
        _vetoBlocks = vetoBlocks;
        for (uint256 i = 0; i < founders.length; i++) {
            Founder memory founder = founders[i];
            _requireCandidate(founder.member, founder.role, founder.name, founder.keys);
            _admit(founder.member, founder.role, founder.name, founder.keys);
        }
        if (_countVoters() == 0) revert MemberRegistryNoVoter();
    }

    /// @inheritdoc IMemberRegistry
    function proposeAdmission(bytes32 callId, address member, Role role, string calldata name, Keys calldata keys)
        external
        onlyMember
        once(callId)
        returns (uint256 id)
    {
        _requireCandidate(member, role, name, keys);
        id = _propose(ProposalKind.Admission, member, keccak256(abi.encode(member, role, name, keys)));
        Proposal storage proposal = _proposal[id];
        proposal.role = role;
        proposal.name = name;
        proposal.keys = keys;
    }

    /// @inheritdoc IMemberRegistry
    function proposeSuspension(bytes32 callId, address member) external onlyMember once(callId) returns (uint256 id) {
        if (!_member[member].active) revert MemberRegistryNotActive(member);
        id = _propose(ProposalKind.Suspension, member, keccak256(abi.encode(member)));
    }

    /// @inheritdoc IMemberRegistry
    function proposeAction(bytes32 callId, bytes32 digest) external onlyMember once(callId) returns (uint256 id) {
        id = _propose(ProposalKind.Action, address(0), digest);
    }

    /// @inheritdoc IMemberRegistry
    function vote(uint256 id) external onlyMember {
        if (!_hasVote(msg.sender)) revert MemberRegistryWrongRole(msg.sender, _member[msg.sender].role);
        Proposal storage proposal = _openProposal(id);
        address[] storage voters = proposal.voters;
        for (uint256 i = 0; i < voters.length; i++) {
            if (voters[i] == msg.sender) revert MemberRegistryAlreadyVoted(id, msg.sender);
        }
        voters.push(msg.sender);
        emit ProposalVoted(id, msg.sender);
    }

    /// @inheritdoc IMemberRegistry
    function veto(uint256 id) external onlyMember {
        if (_member[msg.sender].role != Role.Regulator) {
            revert MemberRegistryWrongRole(msg.sender, _member[msg.sender].role);
        }
        _openProposal(id).closed = true;
        emit ProposalVetoed(id, msg.sender);
    }

    /// @inheritdoc IMemberRegistry
    function execute(uint256 id) external onlyMember {
        Proposal storage proposal = _openProposal(id);
        if (block.number < proposal.openFromBlock) revert MemberRegistryVetoPeriod(id, proposal.openFromBlock);
        _requireVotes(id, proposal.voters);
        proposal.closed = true;
        proposal.executed = true;
        if (proposal.kind == ProposalKind.Admission) {
            if (_member[proposal.subject].active) revert MemberRegistryAlreadyMember(proposal.subject);
            _admit(proposal.subject, proposal.role, proposal.name, proposal.keys);
        } else if (proposal.kind == ProposalKind.Suspension) {
            _suspend(proposal.subject);
        }
        emit ProposalExecuted(id);
    }

    /// @inheritdoc IMemberRegistry
    function rotateKeys(bytes32 callId, Keys calldata keys) external onlyMember once(callId) {
        _requireKeys(msg.sender, keys);
        Member storage member = _member[msg.sender];
        _setKeys(member, keys);
        emit MemberKeysChanged(
            msg.sender,
            keys.algorithm,
            keys.signing,
            keys.checkpoint,
            keys.agreement,
            keys.compliance,
            member.changed
        );
        _note(
            msg.sender,
            MemberKeysChanged.selector,
            abi.encode(keys.algorithm, keys.signing, keys.checkpoint, keys.agreement, keys.compliance)
        );
    }

    /// @inheritdoc IMemberRegistry
    function roleOf(address member) external view returns (Role) {
        return _member[member].active ? _member[member].role : Role.None;
    }

    /// @inheritdoc IMemberRegistry
    function keysOf(address member) external view returns (Keys memory) {
        return _member[member].keys;
    }

    /// @inheritdoc IMemberRegistry
    function changed(address member) external view returns (uint256) {
        return _member[member].changed;
    }

    /// @inheritdoc IMemberRegistry
    function isActive(address member) external view returns (bool) {
        return _member[member].active;
    }

    /// @inheritdoc IMemberRegistry
    function standing(address account) external view returns (Role role, bytes32 keysDigest, uint64 keyVersion) {
        Member storage member = _member[account];
        return (member.active ? member.role : Role.None, member.keysDigest, member.keyVersion);
    }

    /// @inheritdoc IMemberRegistry
    function numberOf(address member) external view returns (uint16) {
        if (_member[member].role == Role.None) revert MemberRegistryUnknown(member);
        return _member[member].number;
    }

    /// @inheritdoc IMemberRegistry
    function historyHead(address member) external view returns (bytes32) {
        return _member[member].head;
    }

    /// @inheritdoc IMemberRegistry
    function changeCount(address member) external view returns (uint256) {
        return _member[member].changes;
    }

    /// @inheritdoc IMemberRegistry
    function activeRoot() external view returns (bytes32) {
        return _activeTree.root();
    }

    /// @inheritdoc IMemberRegistry
    function activeCount() external view returns (uint256) {
        return _activeTree.count();
    }

    /// @inheritdoc IMemberRegistry
    function actionPassed(uint256 id, bytes32 digest) external view returns (bool) {
        Proposal storage proposal = _proposal[id];
        return proposal.executed && proposal.kind == ProposalKind.Action && proposal.digest == digest;
    }

    function _propose(ProposalKind kind, address subject, bytes32 digest) private returns (uint256 id) {
        id = ++_proposals;
        Proposal storage proposal = _proposal[id];
        proposal.kind = kind;
        proposal.subject = subject;
        proposal.digest = digest;
        proposal.openFromBlock = block.number + _vetoBlocks;
        emit ProposalCreated(id, kind, msg.sender, subject, digest);
    }

    function _admit(address account, Role role, string memory name, Keys memory keys) private {
        Member storage member = _member[account];
        if (member.role == Role.None) {
            if (_members.length == ActiveTree.CAPACITY) revert MemberRegistryFull(ActiveTree.CAPACITY);
            member.number = uint16(_members.length);
            _members.push(account);
        }
        member.role = role;
        member.active = true;
        _setKeys(member, keys);
        emit MemberAdmitted(
            account,
            role,
            name,
            keys.algorithm,
            keys.signing,
            keys.checkpoint,
            keys.agreement,
            keys.compliance,
            member.changed
        );
        _note(
            account,
            MemberAdmitted.selector,
            abi.encode(role, name, keys.algorithm, keys.signing, keys.checkpoint, keys.agreement, keys.compliance)
        );
    }

    function _suspend(address account) private {
        Member storage member = _member[account];
        if (!member.active) revert MemberRegistryNotActive(account);
        member.active = false;
        if (_countVoters() == 0) revert MemberRegistryNoVoter();
        emit MemberSuspended(account, member.changed);
        _note(account, MemberSuspended.selector, "");
    }

    function _setKeys(Member storage member, Keys memory keys) private {
        member.keys = keys;
        member.keysDigest = _digest(keys);
        member.keyVersion++;
    }

    /// @dev Called after each event of a member and never else: extends its history, and brings the tree of the active
    /// members up to what it is now.
    /// @param members of the event, encoded, without the member and the block of the change before
    function _note(address account, bytes32 topic, bytes memory members) private {
        Member storage member = _member[account];
        member.changed = uint64(block.number);
        member.changes++;
        member.head = HistoryHead.next(_HISTORY, member.head, member.changes, HistoryHead.ofEvent(topic, members));
        bytes32 leaf = member.active ? ActiveTree.leaf(account, uint8(member.role), member.keysDigest) : bytes32(0);
        _activeTree.set(member.number, leaf);
    }

    function _openProposal(uint256 id) private view returns (Proposal storage proposal) {
        proposal = _proposal[id];
        if (id == 0 || id > _proposals || proposal.closed) revert MemberRegistryNotOpen(id);
    }

    /// @dev A vote counts only while its member is active: who was suspended after voting decides nothing.
    function _requireVotes(uint256 id, address[] storage voted) private view {
        uint256 votes = 0;
        for (uint256 i = 0; i < voted.length; i++) {
            if (_hasVote(voted[i])) votes++;
        }
        uint256 voters = _countVoters();
        if (votes * 3 < voters * 2) revert MemberRegistryTooFewVotes(id, votes, voters);
    }

    function _countVoters() private view returns (uint256 voters) {
        for (uint256 i = 0; i < _members.length; i++) {
            if (_hasVote(_members[i])) voters++;
        }
    }

    function _hasVote(address account) private view returns (bool) {
        Member storage member = _member[account];
        return member.active && (member.role == Role.Broker || member.role == Role.Operator);
    }

    function _requireCandidate(address account, Role role, string memory name, Keys memory keys) private view {
        if (account == address(0) || role == Role.None || bytes(name).length == 0) {
            revert MemberRegistryInvalidMember(account);
        }
        if (_member[account].active) revert MemberRegistryAlreadyMember(account);
        _requireKeys(account, keys);
    }

    function _digest(Keys memory keys) private pure returns (bytes32) {
        return sha256(
            abi.encodePacked(
                uint8(23),
                "bonafides/member-keys/2",
                keys.algorithm,
                uint16(keys.signing.length),
                keys.signing,
                keys.checkpoint,
                keys.agreement,
                keys.compliance
            )
        );
    }

    function _requireKeys(address account, Keys memory keys) private pure {
        if (
            !_isSigningKey(keys.algorithm, keys.signing) || keys.checkpoint == bytes32(0)
                || keys.agreement == bytes32(0) || keys.compliance == address(0) || keys.compliance == account
        ) {
            revert MemberRegistryInvalidKeys(account);
        }
    }

    /// @dev Whether the bytes have the form of a public key of the algorithm; whether they are a point of its curve is
    /// not checked.
    function _isSigningKey(uint16 algorithm, bytes memory key) private pure returns (bool) {
        if (algorithm == _ED25519) return key.length == 32 && bytes32(key) != bytes32(0);
        if (algorithm == _SM2) return key.length == 65 && key[0] == 0x04;
        return false;
    }
}
