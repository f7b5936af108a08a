// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title One evidence log per broker, of which the chain keeps the head
/// @notice A head can only be replaced by that of a log that the old one is a prefix of. So a log that was anchored
/// once can neither be cut, nor changed, nor forked. Anchors cannot be deleted by anyone.
/// @dev The contract proves order and completeness of what the broker logged, never that a record is true.
interface IEvidenceAnchor {
    /// @notice The last anchor of a broker.
    /// @param root RFC 9162 root (SHA-256) of the first `size` entries of its log
    /// @param size number of entries
    /// @param seq number of anchors so far
    /// @param time seconds of the block that holds the anchor
    /// @param mapRoot root of its subject map: for every subject the count and the last fingerprint of its records
    struct Head {
        bytes32 root;
        uint64 size;
        uint64 seq;
        uint64 time;
        bytes32 mapRoot;
    }

    /// @notice Only an active broker has a log.
    error EvidenceAnchorNotBroker(address sender);
    /// @notice The anchor is not the next one: it was sent before, or one is missing.
    error EvidenceAnchorBadSeq(address member, uint64 expected, uint64 actual);
    /// @notice The anchor does not follow the anchored head.
    error EvidenceAnchorBadPrev(address member, bytes32 expected, bytes32 actual);
    /// @notice A log never gets shorter.
    error EvidenceAnchorShrunk(address member, uint64 oldSize, uint64 newSize);
    /// @notice The proof does not show that the anchored log is a prefix of the new one.
    error EvidenceAnchorBadProof(address member, uint64 oldSize, uint64 newSize);
    /// @notice Without a new entry the subject map cannot have changed.
    error EvidenceAnchorMapChanged(address member, bytes32 expected, bytes32 actual);

    /// @notice A broker anchored its log.
    event Anchored(
        address indexed member, uint64 indexed seq, bytes32 root, uint64 size, bytes32 prevRoot, bytes32 mapRoot
    );

    /// @notice Anchor the sender's log, or repeat its head as a heartbeat (same root, size and map, empty proof).
    /// @dev Before the first anchor the head has seq 0, size 0, the root of the empty log and map root 0. A resend of
    /// an anchor that has arrived reverts, so a resend is harmless. Restrictions: sender not an active broker
    /// (`EvidenceAnchorNotBroker`); `seq` not the next (`EvidenceAnchorBadSeq`); `prevRoot` not the head's root
    /// (`EvidenceAnchorBadPrev`); log shorter (`EvidenceAnchorShrunk`); proof wrong (`EvidenceAnchorBadProof`); map
    /// root differs at the same size (`EvidenceAnchorMapChanged`).
    /// @param consistency RFC 9162 consistency proof; empty for a heartbeat and for the first entries
    function anchor(
        uint64 seq,
        bytes32 prevRoot,
        bytes32 root,
        uint64 size,
        bytes32 mapRoot,
        bytes32[] calldata consistency
    ) external;

    /// @notice The last anchor of a member.
    function head(address member) external view returns (Head memory);
}
