"""Shapes that several formats of the evidence share, and what the identifiers in them say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypedDict

from primitives import ed25519
from primitives.encoding import decode_base64url, encode_base64url
from primitives.errors import InvalidInput
from primitives.shapes import Base64Url, Bytes, Constant, Fields, Integer, ListOf, Shape, Text
from primitives.uuid7 import UUID7_PATTERN

HASH_BYTES = 32
HASH_TEXT = 43  # characters of base64url for one hash, at most
_ETHR_DID_PATTERN = "did:ethr:0x(0|[1-9a-f][0-9a-f]{0,15}):(0x[0-9a-f]{40})"
_ETHR_DID = re.compile(_ETHR_DID_PATTERN)

HASH = Bytes(HASH_BYTES)
WORDS = Text(512, controls=True)
NUMBER, POSITIVE = Integer(), Integer(1)
ADDRESS = Text(min=0, pattern="0x[0-9a-f]{40}", rule="address")
ETHR_DID = Text(min=0, pattern=_ETHR_DID_PATTERN, rule="did-ethr")  # in the one spelling that records use: lower hex
RECORD_ID = Text(min=0, pattern=UUID7_PATTERN, rule="uuid7")
SIGNATURE = Fields({"key": WORDS, "alg": Constant("Ed25519"), "value": Base64Url(ed25519.SIGNATURE_BYTES)})


class _Hashes(Shape[tuple[bytes, ...]]):
    """A list of hashes as one base64url text of them joined."""

    def __init__(self, most: int) -> None:
        self._most = most

    def read(self, value: object, where: str) -> tuple[bytes, ...]:
        """Return the hashes."""
        text = Text(self._most * HASH_TEXT, 0, pattern="[A-Za-z0-9_-]*", rule="base64").read(value, where)
        data = decode_base64url(text, where)
        if len(data) % HASH_BYTES:
            raise InvalidInput(where, "length", f"must be whole hashes of {HASH_BYTES} bytes")
        return tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))

    def json_schema(self) -> dict[str, Any]:
        """Return what a program is told of it."""
        return {"type": "string", "pattern": "^[A-Za-z0-9_-]*$", "maxLength": self._most * HASH_TEXT}

    def describe(self) -> str:
        """Return what a person is told of it."""
        return f"at most {self._most} hashes of {HASH_BYTES} bytes, joined, as base64url"


def hashes(most: int) -> Shape[tuple[bytes, ...]]:
    """Return the shape of a list of at most so many hashes (docs/spec/evidence-2.md, section 1: HASHES)."""
    return _Hashes(most)


def joined(nodes: Iterable[bytes]) -> str:
    """Return a list of hashes as documents of format 2 hold it."""
    return encode_base64url(b"".join(nodes))


class SignatureDocument(TypedDict):
    """A member's signature as it stands under a document; `value` is base64url."""

    key: str
    alg: str
    value: str


def tuple_of(inner: Shape[Any], high: int, low: int = 0) -> Shape[tuple[Any, ...]]:
    """Return the shape of a list of `low` to `high` entries, which is read as a tuple."""
    return ListOf(inner, low, high).then(lambda entries, _: tuple(entries))


def did_parts(did: str) -> tuple[int, str]:
    """Return (chain id, 0x address) of a `did:ethr` that `ETHR_DID` took."""
    match = _ETHR_DID.fullmatch(did)
    if match is None:
        raise InvalidInput("did", "did-ethr", f"must match {_ETHR_DID_PATTERN}")
    return int(match.group(1), 16), match.group(2)


def signing_key_id(did: str) -> str:
    """Return the verification method of a member's signing key."""
    return f"{did}#signing"


def require_signing_key(signature: dict[str, Any], did: str, where: str) -> None:
    """Check that a member's signature names the member's signing key.

    Raises:
        InvalidInput: `constant`.
    """
    Constant(signing_key_id(did)).read(signature["key"], f"{where}.key")
