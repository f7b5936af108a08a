"""The envelope of a record: its members and their shapes (docs/spec/evidence-2.md, section 2)."""

from __future__ import annotations

from typing import Any, TypedDict, cast

from evidence import shapes
from evidence.documents.envelope import MAX_SIGNATURES, SHARED, CommonEnvelope
from primitives.encoding import decode_base64url
from primitives.errors import InvalidInput
from primitives.shapes import Constant, Fields, Hex, ListOf, Nullable, Text
from primitives.suite import SIGNATURE_BYTES
from primitives.suites import ALG, SUITE_NAME, SUITES, require_alg

RECORD_FORMAT = "bonafides.record/2"
NONCE_BYTES = 16
RULESET = Text(256, pattern=r"[a-z0-9]+(?:-[a-z0-9]+)*@[0-9]+(?:\.[0-9]+)*:[0-9a-f]{64}", rule="ruleset-label")
"""A rule set in an envelope: `name@version:`, and the whole SHA-256 of its document."""

_HASH = Hex(shapes.HASH_BYTES)
_NO_FINGERPRINT = "0" * (2 * shapes.HASH_BYTES)


class AcceptedAt(TypedDict):
    """The chain's head at acceptance: its number and hash (hex). The record was not made before that block."""

    block: int
    hash: str


class KnownBefore(TypedDict):
    """The last record of the subject that a wallet knew when it signed, and a nonce; hex."""

    count: int
    fingerprint: str
    nonce: str


class ActSignature(TypedDict):
    """A signature over the act's bytes; `value` is base64url."""

    did: str
    key: str
    alg: str
    value: str


class Envelope(CommonEnvelope):
    """An envelope that was read. Times are as they are spelled, digests and pseudonyms are hex."""

    suite: str
    next: str
    accepted: AcceptedAt
    known: KnownBefore | None
    signatures: list[ActSignature]


def _known(known: dict[str, Any], where: str) -> dict[str, Any]:
    if (known["count"] == 0) != (known["fingerprint"] == _NO_FINGERPRINT):
        raise InvalidInput(where, "together", "names no record by zeros alone: count and fingerprint")
    return known


def _of_its_did(signature: dict[str, Any], where: str) -> dict[str, Any]:
    decode_base64url(signature["value"], f"{where}.value", SIGNATURE_BYTES)
    if not signature["key"].startswith(f"{signature['did']}#"):
        raise InvalidInput(f"{where}.key", "verification-method", "must be a verification method of `did`")
    return signature


KNOWN = Fields({"count": shapes.NUMBER, "fingerprint": _HASH, "nonce": Hex(NONCE_BYTES)}).then(_known)
_SIGNATURE = Fields(
    {
        "did": shapes.ETHR_DID,
        "key": shapes.WORDS,
        "alg": ALG,
        "value": Text(min=0, pattern="[A-Za-z0-9_-]{86}", rule="base64"),
    }
)
_MEMBERS = Fields(
    {
        "format": Constant(RECORD_FORMAT),
        "suite": SUITE_NAME,
        **SHARED,
        "next": _HASH,
        "accepted": Fields({"block": shapes.NUMBER, "hash": _HASH}),
        "ruleset": Nullable(RULESET),
        "known": Nullable(KNOWN),
        "signatures": ListOf(_SIGNATURE.then(_of_its_did), 0, MAX_SIGNATURES),
    }
)


def _envelope(members: dict[str, Any], where: str) -> Envelope:
    """Check what spans several members: one suite, and `known` exactly where a client signed."""
    suite = SUITES[members["suite"]]
    for number, signature in enumerate(members["signatures"]):
        require_alg(suite, signature["alg"], f"{where}.signatures[{number}].alg")
    by_client = any(signature["did"] != members["broker"] for signature in members["signatures"])
    if by_client != (members["known"] is not None):
        raise InvalidInput(f"{where}.known", "together", "stands where a client signed, and nowhere else")
    return cast(Envelope, members)


ENVELOPE = _MEMBERS.then(_envelope)


def check_envelope(value: object, place: str) -> Envelope:
    """Check the shape of an envelope, member by member, and return it."""
    return ENVELOPE.read(value, place)
