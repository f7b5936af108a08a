"""Shapes that several formats of the evidence share, and what the identifiers in them say."""

from __future__ import annotations

import re
from typing import Any, TypedDict

from primitives import ed25519
from primitives.errors import InvalidInput
from primitives.shapes import Base64Url, Bytes, Constant, Fields, Integer, ListOf, Shape, Text
from primitives.uuid7 import UUID7_PATTERN

HASH_BYTES = 32
_ETHR_DID_PATTERN = "did:ethr:0x(0|[1-9a-f][0-9a-f]{0,15}):(0x[0-9a-f]{40})"
_ETHR_DID = re.compile(_ETHR_DID_PATTERN)

HASH = Bytes(HASH_BYTES)
WORDS = Text(512, controls=True)
NUMBER, POSITIVE = Integer(), Integer(1)
ADDRESS = Text(min=0, pattern="0x[0-9a-f]{40}", rule="address")
ETHR_DID = Text(min=0, pattern=_ETHR_DID_PATTERN, rule="did-ethr")  # in the one spelling that records use: lower hex
RECORD_ID = Text(min=0, pattern=UUID7_PATTERN, rule="uuid7")
SIGNATURE = Fields({"key": WORDS, "alg": Constant("Ed25519"), "value": Base64Url(ed25519.SIGNATURE_BYTES)})


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
