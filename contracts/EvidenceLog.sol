// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEvidenceAnchor} from "./interfaces/IEvidenceAnchor.sol";
import {IEvidenceLog} from "./interfaces/IEvidenceLog.sol";
import {IMemberRegistry} from "./interfaces/IMemberRegistry.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";

/// @title One evidence log per broker: a tree of its anchors, which this contract makes itself
contract EvidenceLog is IEvidenceLog {
    /// @dev SHA-256 of nothing: the root of the empty batch.
    bytes32 private constant _EMPTY_ROOT = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;
    /// @dev First byte of a leaf's entry: what kind of leaf it is.
    uint8 private constant _OPENING = 0;
    uint8 private constant _ANCHOR = 1;

    IMemberRegistry private immutable _members;
    IEvidenceLog private immutable _former;
    /// @inheritdoc IEvidenceLog
    IEvidenceAnchor public immutable override version1;
    mapping(address member => Log) private _logs;

    /// @param members whose active brokers may anchor
    /// @param first the contract of version 1 whose logs are continued; zero when there is none
    /// @param former the log of this kind whose trees are continued; zero when there is none
    constructor(IMemberRegistry members, IEvidenceAnchor first, IEvidenceLog former) {
        bool successor = address(former) != address(0);
        if (successor && address(first) != address(0)) revert EvidenceLogTwoFormers(address(first), address(former));
        _members = members;
        _former = former;
        version1 = successor ? former.version1() : first;
    }

    /// @inheritdoc IEvidenceLog
    function anchor(uint64 seq, bytes32[] calldata peaks, bytes32 batchRoot, uint64 size, bytes32 mapRoot) external {
        (IMemberRegistry.Role role, bytes32 keysDigest, uint64 keyVersion) = _members.standing(msg.sender);
        if (role != IMemberRegistry.Role.Broker) revert EvidenceLogNotBroker(msg.sender);
        Log memory last = logOf(msg.sender);
        uint64 expected = last.seq == 0 ? 2 : last.seq + 1;
        if (seq != expected) revert EvidenceLogBadSeq(msg.sender, expected, seq);
        _requireBatch(last, batchRoot, size, mapRoot);
        bytes32 leaf = sha256(
            abi.encodePacked(
                bytes1(0x00),
                _ANCHOR,
                seq,
                batchRoot,
                last.size,
                size,
                mapRoot,
                uint64(block.number),
                uint64(block.timestamp),
                keysDigest,
                keyVersion
            )
        );
        bytes32 root = last.seq == 0 ? _open(peaks, leaf) : _append(last, peaks, leaf);
        _logs[msg.sender] = Log(_head(seq, root), mapRoot, size, seq);
        emit Anchored(
            msg.sender, seq, batchRoot, last.size, size, mapRoot, uint64(block.timestamp), keysDigest, keyVersion
        );
    }

    /// @inheritdoc IEvidenceLog
    function logOf(address member) public view returns (Log memory last) {
        last = _logs[member];
        if (last.seq != 0) return last;
        if (address(_former) != address(0)) return _former.logOf(member);
        if (address(version1) != address(0)) last.size = version1.head(member).size;
    }

    /// @dev The root of a log's first two leaves: the opening, and its first anchor.
    function _open(bytes32[] calldata peaks, bytes32 leaf) private returns (bytes32) {
        if (peaks.length != 0) revert MerkleTree.MerkleTreePeakCount(0, peaks.length);
        address former = address(version1);
        IEvidenceAnchor.Head memory old =
            former == address(0) ? IEvidenceAnchor.Head(0, 0, 0, 0, 0) : version1.head(msg.sender);
        emit LogOpened(msg.sender, former, old.seq, old.root, old.size, old.mapRoot, uint64(block.timestamp));
        bytes32 opening = sha256(
            abi.encodePacked(
                bytes1(0x00),
                _OPENING,
                uint64(1),
                former,
                old.seq,
                old.root,
                old.size,
                old.mapRoot,
                uint64(block.number),
                uint64(block.timestamp)
            )
        );
        return MerkleTree.node(opening, leaf);
    }

    /// @dev The root of the tree with one leaf more. The peaks are right when they give the head that is kept.
    function _append(Log memory last, bytes32[] calldata peaks, bytes32 leaf) private returns (bytes32 root) {
        bytes32 before;
        (before, root) = MerkleTree.append(last.seq, peaks, leaf);
        bytes32 actual = _head(last.seq, before);
        if (actual != last.head) revert EvidenceLogBadPeaks(msg.sender, last.head, actual);
        if (_logs[msg.sender].seq == 0) emit LogContinued(msg.sender, address(_former), last.seq, last.head);
    }

    function _requireBatch(Log memory last, bytes32 batchRoot, uint64 size, bytes32 mapRoot) private view {
        if (size < last.size) revert EvidenceLogShrunk(msg.sender, last.size, size);
        if ((size == last.size) != (batchRoot == _EMPTY_ROOT)) {
            revert EvidenceLogBadBatch(msg.sender, last.size, size, batchRoot);
        }
        if (size == last.size && mapRoot != last.mapRoot) {
            revert EvidenceLogMapChanged(msg.sender, last.mapRoot, mapRoot);
        }
    }

    function _head(uint64 seq, bytes32 root) private pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x02), seq, root));
    }
}
