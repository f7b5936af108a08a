"""The nodes of the map from label to entry, and their hashes (docs/spec/evidence-2.md, section 6).

A compact sparse Merkle map: a label's path is its own bits, most significant first, and a leaf stands at the
shallowest depth where no other label shares its prefix. What walks over a map takes its nodes as they come, so that a
map in memory and one whose nodes are fetched when they are asked for are proved by the same code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from evidence.log.tree import HASH_BYTES, node_hash
from primitives.digest import tag_bytes
from primitives.errors import InvalidInput

LABEL_BITS = 8 * HASH_BYTES
EMPTY = bytes(HASH_BYTES)  # an empty subtree, and the root of the empty map
_LEAF_PREFIX = b"\x00" + tag_bytes("bonafides/map/2")


class MapLeaf(NamedTuple):  # made by the million when a map grows: tuples are the cheapest values
    """One label with its entry, and the hash of both."""

    hash: bytes
    label: bytes
    entry: bytes


class InnerNode(Protocol):
    """A subtree of two leaves or more. A side is asked for its hash alone where no walk goes on into it."""

    @property
    def hash(self) -> bytes:
        """Its hash."""

    def side(self, bit: int) -> Node:
        """Return the subtree of its leaves whose next bit is this one."""

    def side_hash(self, bit: int) -> bytes:
        """Return that subtree's hash."""


Node = MapLeaf | InnerNode | None


def map_leaf(label: bytes, entry: bytes) -> MapLeaf:
    """Return the leaf of a label and its entry, 32 bytes each."""
    return MapLeaf(hashlib.sha256(_LEAF_PREFIX + label + entry).digest(), label, entry)


def map_leaves(entries: Mapping[bytes, bytes]) -> list[MapLeaf]:
    """Return the leaves of {label: entry}, in the order of their labels.

    Raises:
        InvalidInput: `length`, of a label or an entry.
    """
    for label, entry in entries.items():
        check_hash(label, "label")
        check_hash(entry, "entry")
    return [map_leaf(label, entries[label]) for label in sorted(entries)]


def hash_of(node: Node) -> bytes:
    """Return the hash of any node, `EMPTY` of none."""
    return EMPTY if node is None else node.hash


def label_bit(label: bytes, depth: int) -> int:
    """Return the bit by which a label's path goes on from this depth: 0 is left."""
    return label[depth >> 3] >> (7 - (depth & 7)) & 1


def same_prefix(one: bytes, other: bytes, bits: int) -> bool:
    """Tell whether two labels share their first bits."""
    return shared_bits(one, other) >= bits


def shared_bits(one: bytes, other: bytes) -> int:
    """Return how many bits two labels share before the first in which they differ."""
    return LABEL_BITS - (int.from_bytes(one) ^ int.from_bytes(other)).bit_length()


def first_right(leaves: Sequence[MapLeaf], depth: int, low: int, high: int) -> int:
    """Return the place of the first of the sorted leaves [low, high), one prefix of `depth` bits, that goes right."""
    while low < high:
        middle = low + high >> 1
        if label_bit(leaves[middle].label, depth):
            high = middle
        else:
            low = middle + 1
    return low


def subtree_hash(leaves: Sequence[MapLeaf], depth: int) -> bytes:
    """Return the hash of the subtree of sorted leaves that share their first `depth` bits.

    One pass and no recursion: two neighbours part at the first bit in which they differ, and what lies between two
    partings is joined as soon as the shallower one is met. Costs a hash for each leaf, and one for each bit that
    labels share below `depth`.
    """
    waiting: list[tuple[int, bytes]] = []  # left sides: the depth of the node that joins them, their hash below it
    last = len(leaves) - 1
    for index, leaf in enumerate(leaves):
        label = leaf.label
        parting = depth - 1 if index == last else shared_bits(label, leaves[index + 1].label)
        value, top = leaf.hash, 0  # the depth at which the value's node stands; a leaf stands wherever it is put
        while waiting and waiting[-1][0] > parting:
            joined, left = waiting.pop()
            value, top = node_hash(left, _raised(value, label, top, joined + 1)), joined
        waiting.append((parting, _raised(value, label, top, parting + 1)))
    return waiting[0][1] if waiting else EMPTY


def check_hash(value: bytes, field: str) -> None:
    """Check that a label, an entry or a root is 32 bytes long.

    Raises:
        InvalidInput: `length`.
    """
    if len(value) != HASH_BYTES:
        raise InvalidInput(field, "length", f"must be {HASH_BYTES} bytes, not {len(value)}")


def _raised(value: bytes, label: bytes, low: int, high: int) -> bytes:
    """Return the hash at depth `high` of a subtree that stands at `low`, with nothing beside it in between."""
    for depth in range(low - 1, high - 1, -1):
        value = node_hash(EMPTY, value) if label_bit(label, depth) else node_hash(value, EMPTY)
    return value
