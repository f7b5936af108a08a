// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "./MerkleTree.sol";

/// @title Consistency of two states of a Merkle log, RFC 9162 section 2.1.4.2
/// @dev SHA-256, so that any verifier of that RFC agrees. Two cases that the RFC leaves out: every log is consistent
/// with the empty one, and a log of the same size must have the same root; both take an empty proof.
library ConsistencyProof {
    /// @notice Whether the log with root `oldRoot` is a prefix of the log with root `newRoot`.
    function verify(uint64 oldSize, uint64 newSize, bytes32 oldRoot, bytes32 newRoot, bytes32[] calldata proof)
        internal
        view
        returns (bool)
    {
        if (oldSize > newSize) return false;
        if (oldSize == newSize) return proof.length == 0 && oldRoot == newRoot;
        if (oldSize == 0) return proof.length == 0;
        if (proof.length == 0) return false;

        uint64 fn = oldSize - 1;
        uint64 sn = newSize - 1;
        while (fn & 1 == 1) {
            fn >>= 1;
            sn >>= 1;
        }
        // When the old size is a power of two, the old root itself is the first node, and it is not repeated.
        bool whole = fn == 0;
        bytes32 fr = whole ? oldRoot : proof[0];
        bytes32 sr = fr;
        for (uint256 i = whole ? 0 : 1; i < proof.length; i++) {
            if (sn == 0) return false;
            bytes32 node = proof[i];
            if (fn & 1 == 1 || fn == sn) {
                fr = MerkleTree.node(node, fr);
                sr = MerkleTree.node(node, sr);
                while (fn & 1 == 0 && fn != 0) {
                    fn >>= 1;
                    sn >>= 1;
                }
            } else {
                sr = MerkleTree.node(sr, node);
            }
            fn >>= 1;
            sn >>= 1;
        }
        return fr == oldRoot && sr == newRoot && sn == 0;
    }
}
