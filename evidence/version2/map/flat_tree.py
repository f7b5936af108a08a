"""The complete upper levels of a map, or of a part of it, as one flat array: 33 bytes a node.

The nodes are numbered as in a heap: 1 is the top, the sides of node i are 2i and 2i + 1, so that two sides lie beside
each other and are hashed as they lie. The places of the lowest level are subtrees that are kept elsewhere. With each
hash goes whether there is no leaf below, one, or more: a single leaf rises to the highest node that is its alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping

from evidence.log.tree import HASH_BYTES
from evidence.version2.map.nodes import EMPTY, Node

NONE, ONE, MORE = 0, 1, 2  # how many leaves a subtree has
_PAIR = 2 * HASH_BYTES
Subtree = tuple[bytes, int]
"""The hash of what stands at a place, and NONE, ONE or MORE."""


class FlatTree:
    """Levels 0 to `depth` of a subtree, of which level 0 is its top. Whoever shares one copies it before a change."""

    __slots__ = ("_amounts", "_hashes", "depth")

    def __init__(self, depth: int) -> None:
        """Start without a leaf."""
        self.depth = depth
        self._hashes = bytearray(HASH_BYTES << depth + 1)
        self._amounts = bytearray(1 << depth + 1)

    def copy(self) -> FlatTree:
        """Return a tree that changes by itself."""
        other = FlatTree.__new__(FlatTree)
        other.depth = self.depth
        other._hashes, other._amounts = self._hashes[:], self._amounts[:]
        return other

    @property
    def places(self) -> int:
        """The number of places on the lowest level; place p is node `places` + p."""
        return 1 << self.depth

    @property
    def size(self) -> int:
        """The bytes that its nodes take."""
        return len(self._hashes) + len(self._amounts)

    @property
    def top(self) -> Subtree:
        """What stands at the top."""
        return self.node_hash(1), self.amount(1)

    def place(self, place: int) -> Subtree:
        """Return what stands at a place of the lowest level."""
        return self.node_hash(self.places + place), self.amount(self.places + place)

    def node_hash(self, node: int) -> bytes:
        """Return a node's hash."""
        return bytes(self._hashes[HASH_BYTES * node : HASH_BYTES * (node + 1)])

    def amount(self, node: int) -> int:
        """Return NONE, ONE or MORE."""
        return self._amounts[node]

    def place_of_one(self, node: int) -> int:
        """Return the place at which the only leaf below a node stands."""
        while node < self.places:
            node = 2 * node + (self._amounts[2 * node] == NONE)
        return node - self.places

    def update(self, changes: Mapping[int, Subtree]) -> None:
        """Set what stands at some places, and hash every node above them once."""
        hashes, amounts, sha256 = self._hashes, self._amounts, hashlib.sha256
        value: bytes | bytearray
        for place, (value, amount) in changes.items():
            node = self.places + place
            hashes[HASH_BYTES * node : HASH_BYTES * (node + 1)] = value
            amounts[node] = amount
        above = {self.places + place >> 1 for place in changes}
        for _ in range(self.depth):
            for node in above:
                start = _PAIR * node
                below = amounts[2 * node] + amounts[2 * node + 1]
                if below > ONE:
                    value = sha256(b"\x01" + hashes[start : start + _PAIR]).digest()
                elif below == ONE:
                    start += HASH_BYTES if amounts[2 * node] == NONE else 0
                    value = hashes[start : start + HASH_BYTES]
                else:
                    value = EMPTY
                hashes[HASH_BYTES * node : HASH_BYTES * (node + 1)] = value
                amounts[node] = min(below, MORE)
            above = {node >> 1 for node in above}


def amount_of(leaves: int) -> int:
    """Return NONE, ONE or MORE for a number of leaves."""
    return min(leaves, MORE)


def flat_tree(depth: int, places: Iterable[tuple[int, Subtree]]) -> FlatTree:
    """Build a tree of (place, what stands there)."""
    tree = FlatTree(depth)
    tree.update(dict(places))
    return tree


def flat_node(tree: FlatTree, node: int, below: Callable[[int], Node]) -> Node:
    """Return a node of a flat tree as the proofs walk over it; `below` gives what stands at a place."""
    amount = tree.amount(node)
    if amount == NONE:
        return None
    if amount == ONE:
        return below(tree.place_of_one(node))
    return below(node - tree.places) if node >= tree.places else _FlatNode(tree, node, below)


class _FlatNode:
    """A node of a flat tree that has two leaves or more below."""

    __slots__ = ("_below", "_node", "_tree")

    def __init__(self, tree: FlatTree, node: int, below: Callable[[int], Node]) -> None:
        self._tree, self._node, self._below = tree, node, below

    @property
    def hash(self) -> bytes:
        """Its hash."""
        return self._tree.node_hash(self._node)

    def side(self, bit: int) -> Node:
        """Return the subtree of the leaves whose next bit is this one."""
        return flat_node(self._tree, 2 * self._node + bit, self._below)

    def side_hash(self, bit: int) -> bytes:
        """Return its hash, without a look at what stands below."""
        return self._tree.node_hash(2 * self._node + bit)
