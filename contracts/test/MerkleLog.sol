// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The definitions of RFC 9162 sections 2.1.1 and 2.1.4.1, written down recursively as they stand there: the
/// reference that the verifier of the contract is tested against.
library MerkleLog {
    function leaf(bytes32 entry) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x00), entry));
    }

    /// @dev MTH(D[from:to]) over leaf hashes.
    function root(bytes32[] memory leaves, uint256 from, uint256 to) internal pure returns (bytes32) {
        uint256 size = to - from;
        if (size == 0) return sha256("");
        if (size == 1) return leaves[from];
        uint256 k = split(size);
        return sha256(
            abi.encodePacked(bytes1(0x01), root(leaves, from, from + k), root(leaves, from + k, to))
        );
    }

    /// @dev The roots of the complete subtrees that D[0:n] falls into, the largest first.
    function peaks(bytes32[] memory leaves, uint256 n) internal pure returns (bytes32[] memory found) {
        uint256 count = 0;
        for (uint256 rest = n; rest != 0; rest &= rest - 1) {
            count++;
        }
        found = new bytes32[](count);
        uint256 from = 0;
        uint256 width = 1 << 63;
        for (uint256 i = 0; i < count; width >>= 1) {
            if (n & width == 0) continue;
            found[i++] = root(leaves, from, from + width);
            from += width;
        }
    }

    /// @dev PROOF(m, D_n) over leaf hashes, for 0 < m <= n.
    function proof(bytes32[] memory leaves, uint256 m, uint256 n) internal pure returns (bytes32[] memory nodes) {
        bytes32[] memory buffer = new bytes32[](64);
        uint256 length = _subproof(leaves, m, 0, n, true, buffer, 0);
        nodes = new bytes32[](length);
        for (uint256 i = 0; i < length; i++) {
            nodes[i] = buffer[i];
        }
    }

    /// @dev The largest power of two smaller than `size`.
    function split(uint256 size) internal pure returns (uint256 k) {
        k = 1;
        while (k * 2 < size) k *= 2;
    }

    function _subproof(
        bytes32[] memory leaves,
        uint256 m,
        uint256 from,
        uint256 to,
        bool known,
        bytes32[] memory buffer,
        uint256 length
    ) private pure returns (uint256) {
        uint256 size = to - from;
        if (m == size) {
            if (!known) buffer[length++] = root(leaves, from, to);
            return length;
        }
        uint256 k = split(size);
        if (m <= k) {
            length = _subproof(leaves, m, from, from + k, known, buffer, length);
            buffer[length++] = root(leaves, from + k, to);
        } else {
            length = _subproof(leaves, m - k, from + k, to, false, buffer, length);
            buffer[length++] = root(leaves, from, from + k);
        }
        return length;
    }
}
