"""A broker's promise to anchor a record by a stated time (docs/spec/evidence.md, section 7).

It is the answer to every accepted fact. With it, a client proves what was never anchored: the promise names the
fingerprint and its place in the log, so an anchored log that is long enough holds it there, or
convicts the broker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evidence import shapes
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import decode_base64url, encode_base64url
from primitives.errors import InvalidInput, VerificationFailed
from primitives.timestamp import format_time, parse_time
from primitives.uuid7 import uuid7_time

PROMISE_FORMAT = "bonafides.promise/1"
MAX_PROMISE_MS = 24 * 3600 * 1000  # how far after its acceptance a broker may put the anchoring of a record

_BODY = frozenset(
    ["format", "broker", "subject", "record_id", "fingerprint", "log_index", "accepted_at", "anchor_by", "block"]
)
_SIGNATURE = frozenset({"key", "alg", "value"})


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


def sign_promise(body: Mapping[str, Any], seed: bytes, key_id: str) -> dict[str, Any]:
    """Return the promise: the body and the member's Ed25519 signature over its RFC 8785 bytes."""
    _parse_body(shapes.members(dict(body), "promise", _BODY), "promise")
    value = encode_base64url(ed25519.sign(seed, canonical_json(dict(body))))
    return {**body, "signature": {"key": key_id, "alg": "Ed25519", "value": value}}


def parse_promise(value: object, field: str = "promise") -> Promise:
    """Read a promise without checking its signature."""
    promise = shapes.members(value, field, _BODY | {"signature"})
    body = _parse_body(promise, field)
    signature = shapes.members(promise["signature"], f"{field}.signature", _SIGNATURE)
    shapes.constant(signature["key"], f"{field}.signature.key", shapes.signing_key_id(body.broker))
    shapes.constant(signature["alg"], f"{field}.signature.alg", "Ed25519")
    decode_base64url(signature["value"], f"{field}.signature.value", ed25519.SIGNATURE_BYTES)
    return body


def verify_promise(value: object, public_key: bytes, field: str = "promise") -> Promise:
    """Check a promise against the member's signing key.

    Raises:
        InvalidInput: not a promise.
        VerificationFailed: check `promise-signature`.
    """
    parsed = parse_promise(value, field)
    promise = shapes.members(value, field, _BODY | {"signature"})
    body = {name: promise[name] for name in _BODY}
    signature = decode_base64url(promise["signature"]["value"], f"{field}.signature.value")
    try:
        ed25519.verify(public_key, canonical_json(body), signature)
    except VerificationFailed as error:
        raise VerificationFailed("promise-signature", f"{field}: {error.detail}") from error
    return parsed


def is_broken(promise: Promise, anchored_at: int | None, now: int) -> bool:
    """Tell whether a promise is broken: anchored after its time, or its time is over and it is not anchored.

    Args:
        promise: the promise.
        anchored_at: the time in milliseconds of the block of the first anchor that covers it, or None.
        now: the time of the latest block that the checker trusts, in milliseconds.
    """
    return (now if anchored_at is None else anchored_at) > promise.anchor_by


def _parse_body(body: Mapping[str, Any], field: str) -> Promise:
    shapes.constant(body["format"], f"{field}.format", PROMISE_FORMAT)
    uuid7_time(body["record_id"], f"{field}.record_id")
    parsed = Promise(
        broker=shapes.ethr_did(body["broker"], f"{field}.broker"),
        subject=shapes.hash32(body["subject"], f"{field}.subject"),
        record_id=body["record_id"],
        fingerprint=shapes.hash32(body["fingerprint"], f"{field}.fingerprint"),
        log_index=shapes.integer(body["log_index"], f"{field}.log_index"),
        accepted_at=parse_time(body["accepted_at"], f"{field}.accepted_at"),
        anchor_by=parse_time(body["anchor_by"], f"{field}.anchor_by"),
        block=shapes.integer(body["block"], f"{field}.block"),
    )
    if parsed.anchor_by < parsed.accepted_at:
        raise InvalidInput(f"{field}.anchor_by", "promise-times", "must not be before accepted_at")
    return parsed
