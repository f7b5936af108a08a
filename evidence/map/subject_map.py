"""The subject map: pseudonym -> (count, head of its chain), one root per anchor (docs/spec/evidence.md, section 5).

A compact sparse Merkle map. The path of a key is its own bits, most significant first; a leaf stands at the
shallowest depth where no other key shares its prefix. A key has one path and a path ends once, so that one root can
never hold two values for a key: truncating a subject's history in an anchored map is impossible to hide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from evidence import shapes
from evidence.log.tree import node_hash
from primitives.errors import InvalidInput, VerificationFailed
from primitives.shapes import MAX_SAFE_INTEGER, AnyOf, Fields, Nullable

KEY_BITS = 256
EMPTY = bytes(shapes.HASH_BYTES)  # an empty subtree, and the root of the empty map
_LEAF_TAG = b"\x00" + b"bonafides/map/1"
_ENTRY = {"count": shapes.POSITIVE, "head": shapes.HASH}
_PATH = shapes.tuple_of(shapes.HASH, KEY_BITS)
_PRESENCE = Fields({**_ENTRY, "path": _PATH})
_ABSENCE = Fields({"path": _PATH, "other": Nullable(Fields({"subject": shapes.HASH, **_ENTRY}))})
PROOF = AnyOf(_PRESENCE, _ABSENCE)  # how a proof looks; `parse_map_proof` reads it


@dataclass(frozen=True)
class Entry:
    """What the map holds of a subject: the number of its records and the fingerprint of the last."""

    count: int
    head: bytes


@dataclass(frozen=True)
class MapProof:
    """Presence (`entry`), or absence: the key's path ends in an empty subtree or at another key's leaf (`other`)."""

    path: tuple[bytes, ...]  # the siblings, leaf side first
    entry: Entry | None = None
    other: tuple[bytes, Entry] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        path = [sibling.hex() for sibling in self.path]
        if self.entry is not None:
            return {"count": self.entry.count, "head": self.entry.head.hex(), "path": path}
        other = None
        if self.other is not None:
            key, entry = self.other
            other = {"subject": key.hex(), "count": entry.count, "head": entry.head.hex()}
        return {"path": path, "other": other}


class _Leaf(NamedTuple):  # made by the million when maps are moved on: tuples are the cheapest values
    hash: bytes
    key: bytes
    entry: Entry


class _Inner(NamedTuple):
    hash: bytes
    left: _Node
    right: _Node


_Node = _Leaf | _Inner | None


class SubjectMap:
    """An immutable map; `with_entries` makes the next one and shares every subtree that did not change."""

    def __init__(self, top: _Node = None) -> None:
        """Use `build`, or start from the empty map."""
        self._top = top

    @classmethod
    def build(cls, entries: Mapping[bytes, tuple[int, bytes]]) -> SubjectMap:
        """Build a map of {pseudonym (32 bytes): (count, head)}."""
        leaves = [_leaf(key, Entry(count, head)) for key, (count, head) in sorted(entries.items())]
        return cls(_build(leaves, 0))

    def with_entries(self, entries: Mapping[bytes, tuple[int, bytes]]) -> SubjectMap:
        """Return the map after these subjects were added or moved on."""
        leaves = [_leaf(key, Entry(count, head)) for key, (count, head) in sorted(entries.items())]
        return SubjectMap(_put(self._top, leaves, 0))

    @property
    def root(self) -> bytes:
        """The root, 32 zero bytes when empty."""
        return _hash(self._top)

    def prove(self, key: bytes) -> MapProof:
        """Prove what the map holds under `key`, or that it holds nothing."""
        _check_key(key)
        node, depth, path = self._top, 0, []
        while isinstance(node, _Inner):
            near, far = (node.right, node.left) if _bit(key, depth) else (node.left, node.right)
            path.append(_hash(far))
            node, depth = near, depth + 1
        siblings = tuple(reversed(path))
        if node is None:
            return MapProof(siblings)
        if node.key == key:
            return MapProof(siblings, entry=node.entry)
        return MapProof(siblings, other=(node.key, node.entry))


def verify_map(key: bytes, proof: MapProof, root: bytes) -> Entry | None:
    """Check a proof against a root; return the entry, or None when absence is proved.

    Raises:
        VerificationFailed: check `subject-map`.
    """
    _check_key(key)
    depth = len(proof.path)
    if depth > KEY_BITS:
        raise VerificationFailed("subject-map", f"a path of {depth} is longer than a key")
    if proof.entry is not None:
        result = _leaf(key, proof.entry).hash
    elif proof.other is not None:
        other_key, entry = proof.other
        if other_key == key or _prefix(other_key, depth) != _prefix(key, depth):
            raise VerificationFailed("subject-map", "the other key does not stand on the path of this one")
        result = _leaf(other_key, entry).hash
    else:
        result = EMPTY
    for level, sibling in zip(range(depth - 1, -1, -1), proof.path, strict=True):
        result = node_hash(sibling, result) if _bit(key, level) else node_hash(result, sibling)
    if result != root:
        raise VerificationFailed("subject-map", "the proof does not lead to the anchored root")
    return proof.entry


def parse_map_proof(value: object, field: str) -> MapProof:
    """Read the wire form of a proof, of presence or of absence."""
    if isinstance(value, dict) and "count" in value:
        present = _PRESENCE.read(value, field)
        return MapProof(present.pop("path"), entry=Entry(**present))
    absent = _ABSENCE.read(value, field)
    other = absent["other"]
    return MapProof(absent["path"], other=other and (other.pop("subject"), Entry(**other)))


def _leaf(key: bytes, entry: Entry) -> _Leaf:
    _check_key(key)
    if not 1 <= entry.count <= MAX_SAFE_INTEGER or len(entry.head) != shapes.HASH_BYTES:
        raise InvalidInput("entry", "map-entry", "a count from 1 and a head of 32 bytes are needed")
    digest = hashlib.sha256(_LEAF_TAG + key + entry.count.to_bytes(8) + entry.head).digest()
    return _Leaf(digest, key, entry)


def _build(leaves: Sequence[_Leaf], depth: int) -> _Node:
    """Build the subtree of sorted leaves that share their first `depth` bits."""
    if len(leaves) < 2:  # noqa: PLR2004 - none or one
        return leaves[0] if leaves else None
    cut = _first_right(leaves, depth)
    return _inner(_build(leaves[:cut], depth + 1), _build(leaves[cut:], depth + 1))


def _first_right(leaves: Sequence[_Leaf], depth: int) -> int:
    if len(leaves) == 1:  # the usual case by far
        return 1 - _bit(leaves[0].key, depth)
    low, high = 0, len(leaves)
    while low < high:
        middle = low + high >> 1
        if _bit(leaves[middle].key, depth):
            high = middle
        else:
            low = middle + 1
    return low


def _put(node: _Node, leaves: Sequence[_Leaf], depth: int) -> _Node:
    """Put sorted leaves that share their first `depth` bits under a node; every node above them is hashed once."""
    if not leaves:
        return node
    if node is None:
        return _build(leaves, depth)
    if isinstance(node, _Leaf):
        return _build(sorted({leaf.key: leaf for leaf in (node, *leaves)}.values(), key=lambda leaf: leaf.key), depth)
    cut = _first_right(leaves, depth)
    if cut == len(leaves):
        return _inner(_put(node.left, leaves, depth + 1), node.right)
    if cut == 0:
        return _inner(node.left, _put(node.right, leaves, depth + 1))
    return _inner(_put(node.left, leaves[:cut], depth + 1), _put(node.right, leaves[cut:], depth + 1))


def _inner(left: _Node, right: _Node) -> _Inner:
    return _Inner(node_hash(_hash(left), _hash(right)), left, right)


def _hash(node: _Node) -> bytes:
    return EMPTY if node is None else node.hash


def _bit(key: bytes, depth: int) -> int:
    return key[depth >> 3] >> (7 - (depth & 7)) & 1


def _prefix(key: bytes, bits: int) -> int:
    return int.from_bytes(key) >> (KEY_BITS - bits)


def _check_key(key: bytes) -> None:
    if len(key) != shapes.HASH_BYTES:
        raise InvalidInput("subject", "length", f"must be {shapes.HASH_BYTES} bytes, not {len(key)}")
