"""Shapes that several formats of version 2 share (docs/spec/evidence-2.md, section 1)."""

from __future__ import annotations

from collections.abc import Iterable

from evidence.shapes import HASH_BYTES
from primitives.encoding import decode_base64url, encode_base64url
from primitives.errors import InvalidInput
from primitives.shapes import Shape, Text

MAX_HASHES = 1 << 16


def hashes(most: int) -> Shape[tuple[bytes, ...]]:
    """Return the shape of a list of at most so many hashes: one base64url text of them joined."""
    longest = -(-most * HASH_BYTES * 4 // 3)
    return Text(longest, 0, "[A-Za-z0-9_-]*", "base64").then(_split)


def hashes_text(values: Iterable[bytes]) -> str:
    """Return the text of a list of hashes, `""` of none."""
    return encode_base64url(b"".join(values))


def _split(text: str, where: str) -> tuple[bytes, ...]:
    joined = decode_base64url(text, where)
    if len(joined) % HASH_BYTES:
        raise InvalidInput(where, "length", f"must be a multiple of {HASH_BYTES} bytes, not {len(joined)}")
    return tuple(joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES))


HASHES = hashes(MAX_HASHES)


def octets(most: int) -> Shape[bytes]:
    """Return the shape of at most so many bytes, as base64url."""
    return Text(-(-most * 4 // 3), 0, "[A-Za-z0-9_-]*", "base64").then(decode_base64url)
