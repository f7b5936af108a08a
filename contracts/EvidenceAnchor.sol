// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEvidenceAnchor} from "./interfaces/IEvidenceAnchor.sol";
import {IMemberRegistry} from "./interfaces/IMemberRegistry.sol";
import {ConsistencyProof} from "./libraries/ConsistencyProof.sol";

/// @title One evidence log per broker, of which the chain keeps the head
contract EvidenceAnchor is IEvidenceAnchor {
    /// @dev SHA-256 of nothing: the root of the empty log.
    bytes32 private constant _EMPTY_ROOT = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;

    IMemberRegistry private immutable _members;
    mapping(address member => Head) private _heads;

    /// @param members whose active brokers may anchor
    constructor(IMemberRegistry members) {
        _members = members;
    }

    /// @inheritdoc IEvidenceAnchor
    function anchor(
        uint64 seq,
        bytes32 prevRoot,
        bytes32 root,
        uint64 size,
        bytes32 mapRoot,
        bytes32[] calldata consistency
    ) external {
        if (_members.roleOf(msg.sender) != IMemberRegistry.Role.Broker) revert EvidenceAnchorNotBroker(msg.sender);
        Head memory old = head(msg.sender);
        if (seq != old.seq + 1) revert EvidenceAnchorBadSeq(msg.sender, old.seq + 1, seq);
        if (prevRoot != old.root) revert EvidenceAnchorBadPrev(msg.sender, old.root, prevRoot);
        if (size < old.size) revert EvidenceAnchorShrunk(msg.sender, old.size, size);
        if (!ConsistencyProof.verify(old.size, size, old.root, root, consistency)) {
            revert EvidenceAnchorBadProof(msg.sender, old.size, size);
        }
        if (size == old.size && mapRoot != old.mapRoot) {
            revert EvidenceAnchorMapChanged(msg.sender, old.mapRoot, mapRoot);
        }
        _heads[msg.sender] = Head(root, size, seq, uint64(block.timestamp), mapRoot);
        emit Anchored(msg.sender, seq, root, size, prevRoot, mapRoot);
    }

    /// @inheritdoc IEvidenceAnchor
    function head(address member) public view returns (Head memory last) {
        last = _heads[member];
        if (last.seq == 0) last.root = _EMPTY_ROOT;
    }
}
