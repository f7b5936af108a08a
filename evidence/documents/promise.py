"""A broker's promise to anchor a record by a stated time (docs/spec/evidence.md, section 7).

It is the answer to every accepted fact. With it, a client proves what was never anchored: the promise names the
fingerprint and its place in the log, so an anchored log that is long enough holds it there, or
convicts the broker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, cast

from evidence import shapes
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from primitives.errors import InvalidInput, VerificationFailed
from primitives.shapes import Constant, Fields, Moment
from primitives.timestamp import format_time

PROMISE_FORMAT = "bonafides.promise/1"
MAX_PROMISE_MS = 24 * 3600 * 1000  # how far after its acceptance a broker may put the anchoring of a record

_BODY = {
    "format": Constant(PROMISE_FORMAT),
    "broker": shapes.ETHR_DID,
    "subject": shapes.HASH,
    "record_id": shapes.RECORD_ID,
    "fingerprint": shapes.HASH,
    "log_index": shapes.NUMBER,
    "accepted_at": Moment(),
    "anchor_by": Moment(),
    "block": shapes.NUMBER,
}


class PromiseDocument(TypedDict):
    """A promise as it is signed and given away: `Promise`, with bytes as hex and times as they are spelled."""

    format: str
    broker: str
    subject: str
    record_id: str
    fingerprint: str
    log_index: int
    accepted_at: str
    anchor_by: str
    block: int
    signature: shapes.SignatureDocument


@dataclass(frozen=True)
class Promise:
    """A promise whose shape was checked; times in milliseconds."""

    broker: str
    subject: bytes
    record_id: str
    fingerprint: bytes
    log_index: int
    accepted_at: int
    anchor_by: int
    block: int


def _promise(members: dict[str, Any], where: str) -> Promise:
    promise = Promise(**{name: members[name] for name in _BODY if name != "format"})
    if promise.anchor_by < promise.accepted_at:
        raise InvalidInput(f"{where}.anchor_by", "promise-times", "must not be before accepted_at")
    return promise


def _signed(members: dict[str, Any], where: str) -> tuple[Promise, bytes]:
    shapes.require_signing_key(members["signature"], members["broker"], f"{where}.signature")
    return _promise(members, where), members["signature"]["value"]


_UNSIGNED = Fields(_BODY).then(_promise)
PROMISE = Fields({**_BODY, "signature": shapes.SIGNATURE}).then(_signed)
"""A promise and its signature, which is not verified."""


def promise_body(
    *,
    broker: str,
    subject: str,
    record_id: str,
    fingerprint: bytes,
    log_index: int,
    accepted_at: int,
    anchor_by: int,
    block: int,
) -> dict[str, Any]:
    """Return the body that `sign_promise` signs; times in milliseconds, `block` the chain's head at acceptance."""
    return {
        "format": PROMISE_FORMAT,
        "broker": broker,
        "subject": subject,
        "record_id": record_id,
        "fingerprint": fingerprint.hex(),
        "log_index": log_index,
        "accepted_at": format_time(accepted_at),
        "anchor_by": format_time(anchor_by),
        "block": block,
    }


def sign_promise(body: Mapping[str, Any], seed: bytes, key_id: str) -> PromiseDocument:
    """Return the promise: the body and the member's Ed25519 signature over its RFC 8785 bytes."""
    _UNSIGNED.read(body, "promise")
    value = encode_base64url(ed25519.sign(seed, canonical_json(dict(body))))
    return cast(PromiseDocument, {**body, "signature": {"key": key_id, "alg": "Ed25519", "value": value}})


def promise_document(value: object, field: str = "promise") -> PromiseDocument:
    """Return a promise as it is given away; its signature is not checked.

    Raises:
        InvalidInput: not a promise.
    """
    parse_promise(value, field)
    return cast(PromiseDocument, value)


def is_of_format_1(value: object) -> bool:
    """Tell whether a promise says that it is of this format."""
    return isinstance(value, Mapping) and value.get("format") == PROMISE_FORMAT


def parse_promise(value: object, field: str = "promise") -> Promise:
    """Read a promise without checking its signature."""
    return PROMISE.read(value, field)[0]


def verify_promise(value: object, public_key: bytes, field: str = "promise") -> Promise:
    """Check a promise against the member's signing key.

    Raises:
        InvalidInput: not a promise.
        VerificationFailed: check `promise-signature`.
    """
    promise, signature = PROMISE.read(value, field)
    body = {name: entry for name, entry in cast(Mapping[str, Any], value).items() if name != "signature"}
    try:
        ed25519.verify(public_key, canonical_json(body), signature)
    except VerificationFailed as error:
        raise VerificationFailed("promise-signature", f"{field}: {error.detail}") from error
    return promise


def is_broken(promise: Promise, anchored_at: int | None, now: int) -> bool:
    """Tell whether a promise is broken: anchored after its time, or its time is over and it is not anchored.

    Args:
        promise: the promise.
        anchored_at: the time in milliseconds of the block of the first anchor that covers it, or None.
        now: the time of the latest block that the checker trusts, in milliseconds.
    """
    return (now if anchored_at is None else anchored_at) > promise.anchor_by
