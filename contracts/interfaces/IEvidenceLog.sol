// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEvidenceAnchor} from "./IEvidenceAnchor.sol";

/// @title One evidence log per broker: a tree of its anchors, which this contract makes itself
/// @notice Each anchor is a leaf: the root of the batch of entries that it adds, the sizes, the root of the subject map,
/// the block, its time, and the keys that the broker had at that moment. No call can do but append, so what was anchored
/// can neither be cut, nor changed, nor forked, and there is nothing to prove.
/// @dev The tree is that of RFC 9162 (SHA-256). Of it the contract keeps one word; the broker gives the peaks, which its
/// own events give back when they are lost. Bytes: docs/spec/evidence-2.md, section 5. The contract proves order and
/// completeness of what the broker logged, never that a record is true.
interface IEvidenceLog {
    /// @notice What is kept of a broker's log.
    /// @param head SHA-256(0x02 || u64 seq || root of the tree)
    /// @param mapRoot root of the subject map of the last anchor
    /// @param size number of entries logged
    /// @param seq number of leaves; 0 before the first anchor, which is leaf 2
    struct Log {
        bytes32 head;
        bytes32 mapRoot;
        uint64 size;
        uint64 seq;
    }

    /// @notice Only an active broker has a log.
    error EvidenceLogNotBroker(address sender);
    /// @notice The anchor is not the next one: it was sent before, or one is missing.
    error EvidenceLogBadSeq(address member, uint64 expected, uint64 actual);
    /// @notice The peaks are not those of the tree that is kept.
    error EvidenceLogBadPeaks(address member, bytes32 expected, bytes32 actual);
    /// @notice A log never gets shorter.
    error EvidenceLogShrunk(address member, uint64 sizeBefore, uint64 sizeAfter);
    /// @notice A batch is empty exactly when the size stays.
    error EvidenceLogBadBatch(address member, uint64 sizeBefore, uint64 sizeAfter, bytes32 batchRoot);
    /// @notice Without a new entry the subject map cannot have changed.
    error EvidenceLogMapChanged(address member, bytes32 expected, bytes32 actual);
    /// @notice A former log has itself a contract of version 1 that it continues, or none.
    error EvidenceLogTwoFormers(address version1, address former);

    /// @notice A broker anchored a batch, or nothing (a heartbeat). With the number of its block this is the leaf.
    event Anchored(
        address indexed member,
        uint64 indexed seq,
        bytes32 batchRoot,
        uint64 sizeBefore,
        uint64 sizeAfter,
        bytes32 mapRoot,
        uint64 time,
        bytes32 keysDigest,
        uint64 keyVersion
    );
    /// @notice A broker's log began: leaf 1, which names what it continues; zeros where it continues nothing.
    event LogOpened(
        address indexed member,
        address former,
        uint64 formerSeq,
        bytes32 formerRoot,
        uint64 formerSize,
        bytes32 formerMapRoot,
        uint64 time
    );
    /// @notice A broker's tree, which stood in a former log until here, goes on in this one.
    event LogContinued(address indexed member, address former, uint64 seq, bytes32 head);

    /// @notice Append an anchor to the sender's log.
    /// @dev The first one of all appends the opening leaf before it. A resend of an anchor that has arrived reverts, so
    /// it is harmless. Restrictions: sender not an active broker (`EvidenceLogNotBroker`); `seq` not the next
    /// (`EvidenceLogBadSeq`); peaks not those of the tree (`MerkleTreePeakCount`, `EvidenceLogBadPeaks`); log shorter
    /// (`EvidenceLogShrunk`); an empty batch that adds entries, or entries of no batch (`EvidenceLogBadBatch`); a
    /// heartbeat with another map root than before (`EvidenceLogMapChanged`).
    /// @param seq the number of the anchor's leaf: 2 for the first
    /// @param peaks of the tree of leaves 1 .. seq - 1, left to right; none for the first anchor
    /// @param batchRoot RFC 9162 root of the entries that this anchor adds, SHA-256 of nothing for a heartbeat
    /// @param size number of entries logged, with those of this batch
    /// @param mapRoot root of the subject map after them
    function anchor(uint64 seq, bytes32[] calldata peaks, bytes32 batchRoot, uint64 size, bytes32 mapRoot) external;

    /// @notice What is kept of a member's log. Before its first anchor here this is what the former log keeps; before
    /// its first anchor of all, zeros, with the size at which version 1 stands.
    function logOf(address member) external view returns (Log memory);

    /// @notice The contract of version 1 that logs which begin here continue; zero when there is none.
    function version1() external view returns (IEvidenceAnchor);
}
