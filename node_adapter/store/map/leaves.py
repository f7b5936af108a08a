"""The leaves of a row as bytes: label, entry and the anchor that added it, 72 bytes each, by label."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from evidence.version2.map.nodes import MapLeaf, map_leaf

_LABEL, _ENTRY, LEAF_BYTES = 32, 64, 72


class StoredLeaf(NamedTuple):
    """A leaf, and the number of the anchor that added it."""

    label: bytes
    entry: bytes
    anchor: int


def leaf_bytes(label: bytes, entry: bytes, anchor: int) -> bytes:
    """Return a leaf as it stands in a row; leaves in this form are in the order of their labels."""
    return label + entry + anchor.to_bytes(LEAF_BYTES - _ENTRY)


def leaves_in(data: bytes) -> list[bytes]:
    """Return each leaf of a row in the form of `leaf_bytes`."""
    return [data[at : at + LEAF_BYTES] for at in range(0, len(data), LEAF_BYTES)]


def split_leaves(data: bytes) -> list[StoredLeaf]:
    """Return the leaves of a row."""
    return [StoredLeaf(leaf[:_LABEL], leaf[_LABEL:_ENTRY], anchor_of(leaf)) for leaf in leaves_in(data)]


def leaves_of(stored: Iterable[bytes]) -> list[MapLeaf]:
    """Return leaves with their hashes."""
    return [map_leaf(leaf[:_LABEL], leaf[_LABEL:_ENTRY]) for leaf in stored]


def under(data: bytes, anchor: int) -> list[bytes]:
    """Return the leaves of a row that this anchor, or one before it, has added."""
    return [leaf for leaf in leaves_in(data) if anchor_of(leaf) <= anchor]


def anchor_of(leaf: bytes) -> int:
    """Return the number of the anchor that added a leaf."""
    return int.from_bytes(leaf[_ENTRY:])


def label_of(leaf: bytes) -> bytes:
    """Return a leaf's label."""
    return leaf[:_LABEL]
