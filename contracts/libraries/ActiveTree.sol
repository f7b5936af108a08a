// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The tree of the active members: ten hashes show that a member is active, and with which keys
/// @dev A binary tree (keccak-256) of depth 10 over the members' numbers, kept whole: node 1 is the root, the children of
/// node i are 2i and 2i + 1, and the leaf of number n is node 1024 + n. A change writes one path, however many members
/// there are. An empty leaf, and a node over nothing, is zero. In the place of node 0 stands the number of leaves.
library ActiveTree {
    /// @dev Node i lies in the i-th slot of the tree.
    struct Tree {
        bytes32[2048] nodes;
    }

    uint256 internal constant CAPACITY = 1024;

    /// @notice The leaf of an active member.
    function leaf(address member, uint8 role, bytes32 keysDigest) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x00), member, role, keysDigest));
    }

    /// @notice Put a leaf in the place of a member's number; zero takes it out.
    function set(Tree storage tree, uint256 number, bytes32 hash) internal {
        uint256 place = CAPACITY + number;
        bool isThere = tree.nodes[place] != bytes32(0);
        if (isThere != (hash != bytes32(0))) {
            uint256 leaves = uint256(tree.nodes[0]);
            tree.nodes[0] = bytes32(isThere ? leaves - 1 : leaves + 1);
        }
        tree.nodes[place] = hash;
        while (place > 1) {
            bool isLeft = place & 1 == 0;
            bytes32 sibling = tree.nodes[isLeft ? place + 1 : place - 1];
            hash = isLeft ? _node(hash, sibling) : _node(sibling, hash);
            place >>= 1;
            tree.nodes[place] = hash;
        }
    }

    /// @notice The root of the tree.
    function root(Tree storage tree) internal view returns (bytes32) {
        return tree.nodes[1];
    }

    /// @notice The number of active members.
    function count(Tree storage tree) internal view returns (uint256) {
        return uint256(tree.nodes[0]);
    }

    function _node(bytes32 left, bytes32 right) private pure returns (bytes32) {
        if (left == bytes32(0) && right == bytes32(0)) return bytes32(0);
        return keccak256(abi.encodePacked(bytes1(0x01), left, right));
    }
}
