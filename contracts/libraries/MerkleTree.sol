// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Merkle trees of RFC 9162 (SHA-256): a node, and a tree that grows at its right end
/// @dev The *peaks* of a tree are the roots of the complete subtrees that it falls into, left to right: one for each bit
/// that is set in its size, the largest first. They give its root, and all that is needed to append.
library MerkleTree {
    /// @notice The tree has another number of peaks than were given.
    error MerkleTreePeakCount(uint256 expected, uint256 actual);

    /// @notice The hash of a node, SHA-256(0x01 || left || right).
    /// @dev In assembly: 300 gas, where `sha256(abi.encodePacked(...))` takes 900, and an anchor may need 45.
    function node(bytes32 left, bytes32 right) internal view returns (bytes32 hash) {
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore8(input, 1)
            mstore(add(input, 1), left)
            mstore(add(input, 0x21), right)
            // The precompile fails only when the gas is not enough for it; what it returns is one word.
            if iszero(staticcall(gas(), 2, input, 0x41, 0, 0x20)) { revert(0, 0) }
            hash := mload(0)
        }
    }

    /// @notice The roots of a tree of at least one leaf before and after a leaf hash is appended to it.
    /// @dev With the peaks p1 .. pk the roots are H(p1, H(p2, .. pk)) and H(p1, H(p2, .. H(pk, leaf))).
    /// Restriction: not as many peaks as a tree of this size has (`MerkleTreePeakCount`).
    function append(uint256 size, bytes32[] calldata peaks, bytes32 leaf)
        internal
        view
        returns (bytes32 before, bytes32 root)
    {
        uint256 count = _peakCount(size);
        if (peaks.length != count) revert MerkleTreePeakCount(count, peaks.length);
        before = peaks[count - 1];
        root = node(before, leaf);
        for (uint256 i = count - 1; i > 0; i--) {
            before = node(peaks[i - 1], before);
            root = node(peaks[i - 1], root);
        }
    }

    function _peakCount(uint256 size) private pure returns (uint256 count) {
        for (uint256 rest = size; rest != 0; rest &= rest - 1) {
            count++;
        }
    }
}
