"""The map from label to entry, and proofs that a label is there or is not (docs/spec/evidence-2.md, section 6).

A label has one path and a path ends once, so that under one root a label has one entry, or none. A leaf is never
changed and never taken away: a label that is there is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from evidence import shapes
from evidence.log.tree import node_hash
from evidence.version2.map.nodes import (
    EMPTY,
    LABEL_BITS,
    MapLeaf,
    Node,
    check_hash,
    first_right,
    hash_of,
    label_bit,
    map_leaf,
    map_leaves,
    same_prefix,
)
from evidence.version2.shapes import hashes, hashes_text
from primitives.errors import InvalidInput, VerificationFailed
from primitives.shapes import Fields, Nullable

CHECK = "label-map"


@dataclass(frozen=True)
class Presence:
    """That a label has its entry: the siblings on its path, from the leaf to the root."""

    path: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {"path": hashes_text(self.path)}


@dataclass(frozen=True)
class Absence:
    """That a label is not there: its path ends in an empty subtree, or at the leaf of another one."""

    path: tuple[bytes, ...]  # the siblings, from the end to the root
    other: tuple[bytes, bytes] | None = None  # label and entry of the leaf at which the path ends

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        other = None if self.other is None else {"label": self.other[0].hex(), "entry": self.other[1].hex()}
        return {"path": hashes_text(self.path), "other": other}


_PATH = hashes(LABEL_BITS)
_OTHER = Fields({"label": shapes.HASH, "entry": shapes.HASH}).then(lambda leaf, _: (leaf["label"], leaf["entry"]))
PRESENCE = Fields({"path": _PATH}).then(lambda proof, _: Presence(**proof))
ABSENCE = Fields({"path": _PATH, "other": Nullable(_OTHER)}).then(lambda proof, _: Absence(**proof))


class _MemoryNode(NamedTuple):
    hash: bytes
    left: Node
    right: Node

    def side(self, bit: int) -> Node:
        """Return the subtree of the leaves whose next bit is this one."""
        return self.right if bit else self.left

    def side_hash(self, bit: int) -> bytes:
        """Return its hash."""
        return hash_of(self.side(bit))


class LabelMap:
    """An immutable map; `insert` makes the next one and shares every subtree that did not change."""

    def __init__(self, top: Node = None) -> None:
        """Start from the empty map."""
        self._top = top

    @property
    def top(self) -> Node:
        """The node of which everything else is below; None of the empty map."""
        return self._top

    @property
    def root(self) -> bytes:
        """The root, 32 zero bytes of the empty map."""
        return hash_of(self._top)

    def insert(self, entries: Mapping[bytes, bytes]) -> LabelMap:
        """Return the map with {label: entry} added.

        Raises:
            InvalidInput: `unique`, a label is there already; `length`.
        """
        leaves = map_leaves(entries)
        return LabelMap(put(self._top, leaves, 0, 0, len(leaves)))

    def prove(self, label: bytes) -> Presence | Absence:
        """Prove what is there under a label: its entry, or nothing."""
        return prove_label(self._top, label)


def prove_label(top: Node, label: bytes) -> Presence | Absence:
    """Prove what lies under a label in the map with this topmost node.

    Raises:
        InvalidInput: `length`.
    """
    check_hash(label, "label")
    node, depth, path = top, 0, []
    while node is not None and not isinstance(node, MapLeaf):
        bit = label_bit(label, depth)
        path.append(node.side_hash(1 - bit))
        node, depth = node.side(bit), depth + 1
    siblings = tuple(reversed(path))
    if node is None:
        return Absence(siblings)
    return Presence(siblings) if node.label == label else Absence(siblings, (node.label, node.entry))


def entry_under(top: Node, label: bytes) -> bytes:
    """Return the entry that lies under a label in the map with this topmost node.

    Raises:
        InvalidInput: `length`.
        LookupError: nothing lies there.
    """
    check_hash(label, "label")
    node, depth = top, 0
    while node is not None and not isinstance(node, MapLeaf):
        node, depth = node.side(label_bit(label, depth)), depth + 1
    if node is None or node.label != label:
        raise LookupError(f"nothing lies under {label.hex()}")
    return node.entry


def verify_presence(root: bytes, label: bytes, entry: bytes, path: Sequence[bytes]) -> None:
    """Check that a label has this entry under a root.

    Raises:
        VerificationFailed: check `label-map`.
        InvalidInput: `length`, of the label or the entry.
    """
    check_hash(label, "label")
    check_hash(entry, "entry")
    if _root_above(label, map_leaf(label, entry).hash, path) != root:
        raise VerificationFailed(CHECK, f"{label.hex()[:8]}: the entry is not proved to stand under this label")


def verify_absence(root: bytes, label: bytes, proof: Absence) -> None:
    """Check that a label is not there under a root.

    Raises:
        VerificationFailed: check `label-map`.
        InvalidInput: `length`, of the label.
    """
    check_hash(label, "label")
    end = EMPTY
    if proof.other is not None:
        other, entry = proof.other
        if other == label or not same_prefix(other, label, len(proof.path)):
            raise VerificationFailed(CHECK, f"{label.hex()[:8]}: the other leaf does not stand on this label's path")
        end = map_leaf(other, entry).hash
    if _root_above(label, end, proof.path) != root:
        raise VerificationFailed(CHECK, f"{label.hex()[:8]}: the label is not proved to be absent")


def _root_above(label: bytes, value: bytes, path: Sequence[bytes]) -> bytes:
    """Return the root that a path leads to from the hash at its lower end."""
    if len(path) > LABEL_BITS:
        raise VerificationFailed(CHECK, f"{label.hex()[:8]}: a path of {len(path)} is longer than a label")
    for depth, sibling in zip(range(len(path) - 1, -1, -1), path, strict=True):
        value = node_hash(sibling, value) if label_bit(label, depth) else node_hash(value, sibling)
    return value


def put(node: Node, leaves: Sequence[MapLeaf], depth: int, low: int, high: int) -> Node:
    """Put the sorted leaves [low, high), which share their first `depth` bits, under a node; at most 256 calls deep.

    Raises:
        InvalidInput: `unique`, a label is there already.
    """
    if low == high:
        return node
    if node is None and high - low == 1:
        return leaves[low]
    if isinstance(node, MapLeaf):
        if any(leaf.label == node.label for leaf in leaves[low:high]):
            raise InvalidInput("label", "unique", f"{node.label.hex()} is in the map already")
        leaves = sorted([node, *leaves[low:high]], key=lambda leaf: leaf.label)
        node, low, high = None, 0, len(leaves)
    left, right = (None, None) if node is None else (node.side(0), node.side(1))
    cut = first_right(leaves, depth, low, high)
    left, right = put(left, leaves, depth + 1, low, cut), put(right, leaves, depth + 1, cut, high)
    return _MemoryNode(node_hash(hash_of(left), hash_of(right)), left, right)
