"""A client's own act: what the wallet signs (specification: docs/spec/evidence.md, section 3).

The signed bytes hold digests only, so they still verify when fields are redacted, and no payload is signed unsalted.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from evidence import shapes
from evidence.documents.envelope import ActSignature, Envelope
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.digest import tagged_hmac
from primitives.errors import InvalidInput, VerificationFailed

ACT_FORMAT = "bonafides.act/1"
ROOT_SALT_BYTES = 32

_FIELD_SALT_TAG = "bonafides/record/1/field-salt"


def field_salt(root_salt: bytes, name: str) -> bytes:
    """Derive the salt of one field; showing it shows nothing of any other."""
    if len(root_salt) != ROOT_SALT_BYTES:
        raise InvalidInput("root_salt", "length", f"must be {ROOT_SALT_BYTES} bytes, not {len(root_salt)}")
    return tagged_hmac(root_salt, _FIELD_SALT_TAG, name.encode("utf-8"))


def field_digest(salt: bytes, value: object) -> bytes:
    """Return HMAC-SHA-256(field salt, RFC 8785 bytes of the value)."""
    return hmac_sha256(salt, canonical_json(value))


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Return plain HMAC-SHA-256: the key is already bound to its purpose by the tag it was derived under."""
    return hmac.digest(key, data, "sha256")


def field_digests(values: Mapping[str, Any], root_salt: bytes) -> dict[str, str]:
    """Return the digest of every field as lower-case hex, as the envelope and the act hold them."""
    return {name: field_digest(field_salt(root_salt, name), value).hex() for name, value in values.items()}


def act_payload(
    type_: str,
    broker: str,
    subject: str,
    occurred_at: str,
    document: str | None,
    ruleset: str | None,
    digests: Mapping[str, str],
) -> bytes:
    """Return the bytes that the client signs."""
    return canonical_json(
        {
            "version": ACT_FORMAT,
            "type": type_,
            "broker": broker,
            "subject": subject,
            "occurred_at": occurred_at,
            "document": document,
            "ruleset": ruleset,
            "fields": dict(digests),
        }
    )


def act_payload_of(envelope: Envelope) -> bytes:
    """Return the bytes that a client's signature in this envelope must cover."""
    return act_payload(
        envelope["type"],
        envelope["broker"],
        envelope["subject"],
        envelope["occurred_at"],
        envelope["document"],
        envelope["ruleset"],
        envelope["fields"],
    )


def verify_act(envelope: Envelope, signature: ActSignature, public_key: bytes) -> None:
    """Check one signature of an envelope against one Ed25519 key.

    Raises:
        VerificationFailed: check `client-signature`.
    """
    value = shapes.SIGNATURE.read(
        {"key": signature["key"], "alg": signature["alg"], "value": signature["value"]}, "signature"
    )["value"]
    try:
        ed25519.verify(public_key, act_payload_of(envelope), value)
    except VerificationFailed as error:
        raise VerificationFailed("client-signature", f"{envelope['type']}: {error.detail}") from error
