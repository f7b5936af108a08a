"""A member's log: the Merkle tree of RFC 9162 section 2.1 over fingerprints (docs/spec/evidence.md, section 4).

`Tree` keeps every complete subtree's hash, level by level, so that appending is one hash on average and a proof at any
earlier size needs no leaf again. Proofs are made by functions that ask for such hashes, wherever they are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from primitives.errors import InvalidInput, VerificationFailed

HASH_BYTES = 32
MAX_PATH = 64
EMPTY_ROOT = hashlib.sha256(b"").digest()
_PAIR = 2 * HASH_BYTES

NodeReader = Callable[[int, int], bytes]
"""(level, position) -> the hash of the complete subtree of the 2^level leaves that begin at position * 2^level."""


def leaf_hash(entry: bytes) -> bytes:
    """Return SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(entries: Iterable[bytes]) -> bytes:
    """Return the root of the tree over these entries."""
    tree = Tree()
    tree.extend(entries)
    return tree.root()


class Tree:
    """The log as a growing value: append, and prove about any size that it ever had."""

    def __init__(self) -> None:
        """Start empty."""
        self._levels: list[bytearray] = [bytearray()]  # level k: the hashes of the complete subtrees of 2^k leaves

    @classmethod
    def from_leaf_hashes(cls, leaf_hashes: Iterable[bytes]) -> Tree:
        """Build a tree of leaves that are hashed already."""
        tree = cls()
        tree._append_leaves(b"".join(leaf_hashes))
        return tree

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0]) // HASH_BYTES

    def append(self, entry: bytes) -> int:
        """Append one entry and return its index."""
        index = self.size
        self._append_leaves(leaf_hash(entry))
        return index

    def extend(self, entries: Iterable[bytes]) -> None:
        """Append many entries; much faster than one at a time."""
        sha256 = hashlib.sha256
        self._append_leaves(b"".join([sha256(b"\x00" + entry).digest() for entry in entries]))

    def leaf(self, index: int) -> bytes:
        """Return the leaf hash at `index`."""
        return self.node(0, index)

    def node(self, level: int, position: int) -> bytes:
        """Return the hash of a complete subtree: a `NodeReader`."""
        return bytes(self._levels[level][position * HASH_BYTES : (position + 1) * HASH_BYTES])

    def root(self) -> bytes:
        """Return the root at the present size."""
        return range_hash(0, self.size, self.node) if self.size else EMPTY_ROOT

    def root_at(self, size: int) -> bytes:
        """Return the root that the log had at an earlier size."""
        self._check_size(size, "size")
        return range_hash(0, size, self.node) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return the inclusion path of the leaf `index` in the tree of `size` leaves, leaf side first."""
        self._check_size(size, "size")
        return inclusion_path(index, size, self.node)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of `old` leaves is a prefix of that of `new` leaves."""
        self._check_size(new, "new")
        return consistency_proof(old, new, self.node)

    def _append_leaves(self, leaves: bytes) -> None:
        self._levels[0] += leaves
        sha256 = hashlib.sha256
        level = 0
        while len(self._levels[level]) >= _PAIR:
            if level + 1 == len(self._levels):
                self._levels.append(bytearray())
            below, above = self._levels[level], self._levels[level + 1]
            start, stop = 2 * len(above), len(below) - _PAIR + 1
            if start >= stop:
                break
            above += b"".join([sha256(b"\x01" + below[at : at + _PAIR]).digest() for at in range(start, stop, _PAIR)])
            level += 1

    def _check_size(self, size: int, field: str) -> None:
        if not 0 <= size <= self.size:
            raise InvalidInput(field, "log-size", f"{size} is not between 0 and {self.size}")


def range_hash(begin: int, end: int, node: NodeReader) -> bytes:
    """Return the hash of leaves [begin, end); begin is a multiple of the least power of two that is >= end - begin."""
    result = b""
    for level, position in reversed(complete_subtrees(begin, end)):
        right = node(level, position)
        result = node_hash(right, result) if result else right
    return result


def complete_subtrees(begin: int, end: int) -> list[tuple[int, int]]:
    """Return (level, position) of the complete subtrees that make up the leaves [begin, end), left to right."""
    places = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        places.append((level, begin >> level))
        begin += 1 << level
    return places


def inclusion_path(index: int, size: int, node: NodeReader) -> list[bytes]:
    """Return the inclusion path of the leaf `index` in the tree of `size` leaves, leaf side first.

    Raises:
        InvalidInput: `index`; there is no such leaf.
    """
    if not 0 <= index < size:
        raise InvalidInput("index", "log-index", f"{index} is not in a log of {size}")
    begin, end = 0, size
    path: list[bytes] = []
    while end - begin > 1:
        middle = begin + split(end - begin)
        if index < middle:
            path.append(range_hash(middle, end, node))
            end = middle
        else:
            path.append(range_hash(begin, middle, node))
            begin = middle
    return path[::-1]


def inclusion_path_length(index: int, size: int) -> int:
    """Return how many hashes the inclusion path of the leaf `index` has in the tree of `size` leaves."""
    begin, end, length = 0, size, 0
    while end - begin > 1:
        middle = begin + split(end - begin)
        begin, end = (begin, middle) if index < middle else (middle, end)
        length += 1
    return length


def consistency_proof(old: int, new: int, node: NodeReader) -> list[bytes]:
    """Return the proof that the tree of `old` leaves is a prefix of that of `new` leaves.

    Raises:
        InvalidInput: `old`; it is larger than `new`.
    """
    if not 0 <= old <= new:
        raise InvalidInput("old", "log-size", f"{old} is not between 0 and {new}")
    if old in (0, new):
        return []
    begin, end, known = 0, new, True  # known: the subtree [begin, old) is the old root, which the verifier has
    proof: list[bytes] = []
    while old != end:
        middle = begin + split(end - begin)
        if old <= middle:
            proof.append(range_hash(middle, end, node))
            end = middle
        else:
            proof.append(range_hash(begin, middle, node))
            begin, known = middle, False
    if not known:
        proof.append(range_hash(begin, end, node))
    return proof[::-1]


def verify_inclusion(entry: bytes, index: int, size: int, path: Sequence[bytes], root_hash: bytes) -> None:
    """Check that `entry` stands at `index` in the log of `size` entries with this root (RFC 9162 section 2.1.3.2).

    Raises:
        VerificationFailed: check `inclusion`.
    """
    if root_of_path(entry, index, size, path) != root_hash:
        raise _not_included(index, size)


def root_of_path(entry: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion path leads to; who signed that root says that `entry` stands there.

    Raises:
        VerificationFailed: check `inclusion`; a path of another length than a tree of this size has.
    """
    if not 0 <= index < size:
        raise VerificationFailed("inclusion", f"index {index} is not in a log of {size}")
    node, last, result = index, size - 1, leaf_hash(entry)
    for sibling in path:
        if last == 0:
            raise VerificationFailed("inclusion", "the path is longer than the tree is high")
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise _not_included(index, size)
    return result


def _not_included(index: int, size: int) -> VerificationFailed:
    return VerificationFailed("inclusion", f"the entry is not proved to stand at {index} of {size}")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the log of `old` entries is a prefix of that of `new` entries (RFC 9162 section 2.1.4.2).

    Raises:
        VerificationFailed: check `consistency`.
    """
    if not 0 <= old <= new:
        raise VerificationFailed("consistency", f"a log of {old} cannot precede one of {new}")
    if old in (0, new):
        if proof or old_root != (new_root if old else EMPTY_ROOT):
            raise VerificationFailed("consistency", "an empty proof needs equal roots, or an empty log before")
        return
    steps = list(proof) if old & (old - 1) else [old_root, *proof]
    if not steps:
        raise VerificationFailed("consistency", "the proof is empty")
    if _fold_consistency(old - 1, new - 1, steps) != (old_root, new_root):
        raise VerificationFailed("consistency", f"the log of {old} is not proved to be a prefix of that of {new}")


def _fold_consistency(node: int, last: int, steps: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the (old, new) roots that the steps lead to, from the last old leaf at `node` and the last at `last`."""
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            raise VerificationFailed("consistency", "the proof is longer than the tree is high")
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise VerificationFailed("consistency", "the proof is shorter than the tree is high")
    return first, second


def split(count: int) -> int:
    """Return the largest power of two below `count` (at least 2)."""
    return 1 << ((count - 1).bit_length() - 1)
