"""The leaves of the chain's tree: the opening leaf and the anchors (docs/spec/evidence-2.md, sections 5.2 and 5.3).

The bytes of a leaf are an entry of the log, of which RFC 9162 makes the leaf hash. Numbers stand in them as u64; one
above 2^53 - 1 could not stand in a document, so no reader takes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from evidence import shapes
from evidence.log.tree import HASH_BYTES, leaf_hash
from primitives.errors import InvalidInput
from primitives.shapes import MAX_SAFE_INTEGER, Fields, Integer, Shape

OPENING_BYTES, ANCHOR_BYTES = 125, 145
NO_CONTRACT = "0x" + 20 * "00"
_OPENING_KIND, _ANCHOR_KIND = b"\x00", b"\x01"
_HEAD_TAG = b"\x02"
_NUMBER_BYTES, _ADDRESS_BYTES = 8, 20


def head_digest(seq: int, root: bytes) -> bytes:
    """Return SHA-256(0x02 || u64 seq || root): what the contract keeps of a broker's tree after anchor `seq`."""
    return hashlib.sha256(_HEAD_TAG + u64(seq) + root).digest()


def u64(number: int) -> bytes:
    """Return a number as 8 bytes, big-endian."""
    return number.to_bytes(_NUMBER_BYTES)


@dataclass(frozen=True)
class OpeningLeaf:
    """Leaf 1 of a log: what it continues, at which block, and when (seconds).

    Attributes:
        former: 0x address of the contract that is continued; `NO_CONTRACT` when nothing is.
        former_root: the log's root of version 1, or the head of the former EvidenceLog.
    """

    former: str
    former_seq: int
    former_root: bytes
    former_size: int
    former_map_root: bytes
    block: int
    time: int

    seq = 1

    @property
    def size_after(self) -> int:
        """The size of the log after this leaf: that of the log before."""
        return self.former_size

    def encode(self) -> bytes:
        """Return the leaf's bytes, as the contract makes them."""
        return b"".join(
            (
                _OPENING_KIND,
                u64(self.seq),
                bytes.fromhex(self.former.removeprefix("0x")),
                u64(self.former_seq),
                self.former_root,
                u64(self.former_size),
                self.former_map_root,
                u64(self.block),
                u64(self.time),
            )
        )

    def hash(self) -> bytes:
        """Return the leaf hash."""
        return leaf_hash(self.encode())

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return _to_json(self, _OPENING_MEMBERS)


@dataclass(frozen=True)
class AnchorLeaf:
    """Leaf `seq` of a log: the anchor of that number, as the contract made it; `time` in seconds."""

    seq: int
    batch_root: bytes
    size_before: int
    size_after: int
    map_root: bytes
    block: int
    time: int
    keys_digest: bytes
    key_version: int

    @property
    def added(self) -> int:
        """The number of records that this anchor adds; 0 of a heartbeat."""
        return self.size_after - self.size_before

    def encode(self) -> bytes:
        """Return the leaf's bytes, as the contract makes them."""
        return b"".join(
            (
                _ANCHOR_KIND,
                u64(self.seq),
                self.batch_root,
                u64(self.size_before),
                u64(self.size_after),
                self.map_root,
                u64(self.block),
                u64(self.time),
                self.keys_digest,
                u64(self.key_version),
            )
        )

    def hash(self) -> bytes:
        """Return the leaf hash."""
        return leaf_hash(self.encode())

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return _to_json(self, ANCHOR_MEMBERS)


Leaf = OpeningLeaf | AnchorLeaf
FIRST_ANCHOR = OpeningLeaf.seq + 1
"""The number of a log's first anchor: leaf 1 is the opening."""

_OPENING_MEMBERS: dict[str, Shape[Any]] = {
    "former": shapes.ADDRESS,
    "former_seq": shapes.NUMBER,
    "former_root": shapes.HASH,
    "former_size": shapes.NUMBER,
    "former_map_root": shapes.HASH,
    "block": shapes.NUMBER,
    "time": shapes.NUMBER,
}
ANCHOR_MEMBERS: dict[str, Shape[Any]] = {
    "seq": Integer(FIRST_ANCHOR),
    "batch_root": shapes.HASH,
    "size_before": shapes.NUMBER,
    "size_after": shapes.NUMBER,
    "map_root": shapes.HASH,
    "block": shapes.NUMBER,
    "time": shapes.NUMBER,
    "keys_digest": shapes.HASH,
    "key_version": shapes.POSITIVE,
}
"""What a document shows of an anchor; a document that proves it adds members of its own."""


def read_anchor(members: dict[str, Any], where: str) -> AnchorLeaf:
    """Make an anchor of members that `ANCHOR_MEMBERS` read; others beside them are left alone.

    Raises:
        InvalidInput: `order`; the log would shrink.
    """
    leaf = AnchorLeaf(**{name: members[name] for name in ANCHOR_MEMBERS})
    if leaf.added < 0:
        raise InvalidInput(f"{where}.size_after", "order", "must not be below size_before")
    return leaf


OPENING_LEAF = Fields(_OPENING_MEMBERS).then(lambda members, _: OpeningLeaf(**members))
ANCHOR_LEAF = Fields(ANCHOR_MEMBERS).then(read_anchor)


def decode_leaf(data: bytes, where: str = "leaf") -> Leaf:
    """Read the bytes of a leaf; what is taken encodes to the same bytes again.

    Raises:
        InvalidInput: `length`, `constant` (the first byte, or an opening's seq), `range` (a number above 2^53 - 1, or
            an anchor's number below 2), `order` (the log would shrink).
    """
    kind = data[:1]
    if kind == _OPENING_KIND:
        return _decode_opening(data, where)
    if kind == _ANCHOR_KIND:
        return _decode_anchor(data, where)
    raise InvalidInput(where, "constant", "must begin with 0 (an opening) or 1 (an anchor)")


def _decode_opening(data: bytes, where: str) -> OpeningLeaf:
    take = _Taker(data, OPENING_BYTES, where)
    if take.number("seq") != OpeningLeaf.seq:
        raise InvalidInput(f"{where}.seq", "constant", "an opening is leaf 1")
    return OpeningLeaf(
        former="0x" + take.bytes(_ADDRESS_BYTES).hex(),
        former_seq=take.number("former_seq"),
        former_root=take.bytes(),
        former_size=take.number("former_size"),
        former_map_root=take.bytes(),
        block=take.number("block"),
        time=take.number("time"),
    )


def _decode_anchor(data: bytes, where: str) -> AnchorLeaf:
    take = _Taker(data, ANCHOR_BYTES, where)
    members = {
        "seq": take.number("seq", FIRST_ANCHOR),
        "batch_root": take.bytes(),
        "size_before": take.number("size_before"),
        "size_after": take.number("size_after"),
        "map_root": take.bytes(),
        "block": take.number("block"),
        "time": take.number("time"),
        "keys_digest": take.bytes(),
        "key_version": take.number("key_version", 1),
    }
    return read_anchor(members, where)


class _Taker:
    """Takes the parts of a leaf after its first byte, in their order."""

    def __init__(self, data: bytes, length: int, where: str) -> None:
        if len(data) != length:
            raise InvalidInput(where, "length", f"must be {length} bytes, not {len(data)}")
        self._data, self._at, self._where = data, 1, where

    def bytes(self, length: int = HASH_BYTES) -> bytes:
        part = self._data[self._at : self._at + length]
        self._at += length
        return part

    def number(self, name: str, low: int = 0) -> int:
        number = int.from_bytes(self.bytes(_NUMBER_BYTES))
        return Integer(low, MAX_SAFE_INTEGER).read(number, f"{self._where}.{name}")


def _to_json(leaf: Leaf, names: Iterable[str]) -> dict[str, Any]:
    values = {name: getattr(leaf, name) for name in names}
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()}
