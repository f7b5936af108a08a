"""What is derived of a record's root salt (docs/spec/evidence-2.md, section 2).

root salt ── tagged HMAC ──> envelope salt, one salt per field name, the label of the record after

Whoever has no root salt cannot test a guess; whoever is shown one field's salt can test that field alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evidence.version2.links import label_of_secret, u64
from primitives.canonical import canonical_json
from primitives.errors import InvalidInput
from primitives.suite import SigningSuite

ROOT_SALT_BYTES = 32

_ENVELOPE_TAG = "bonafides/record/2/envelope-salt"
_FIELD_TAG = "bonafides/record/2/field-salt"
_NEXT_TAG = "bonafides/record/2/next"


def envelope_salt(suite: SigningSuite, root_salt: bytes) -> bytes:
    """Derive the salt of the envelope."""
    return _derive(suite, root_salt, _ENVELOPE_TAG)


def field_salt(suite: SigningSuite, root_salt: bytes, name: str) -> bytes:
    """Derive the salt of one field; showing it shows nothing of any other."""
    return _derive(suite, root_salt, _FIELD_TAG, name.encode("utf-8"))


def next_label(suite: SigningSuite, root_salt: bytes, subject: bytes, seq: int) -> bytes:
    """Derive the label of the record after the record `seq` of a subject.

    It binds subject and place: a client who draws one root salt for two subjects gives them different labels, and
    blocks nobody.
    """
    return label_of_secret(_derive(suite, root_salt, _NEXT_TAG, subject + u64(seq + 1)))


def field_digest(suite: SigningSuite, salt: bytes, value: object) -> bytes:
    """Return HMAC(field salt, RFC 8785 bytes of the value)."""
    return suite.hmac(salt, canonical_json(value))


def field_digests(suite: SigningSuite, values: Mapping[str, Any], root_salt: bytes) -> dict[str, str]:
    """Return the digest of every field as lower-case hex, as the envelope and the act hold them."""
    return {
        name: field_digest(suite, field_salt(suite, root_salt, name), value).hex() for name, value in values.items()
    }


def _derive(suite: SigningSuite, root_salt: bytes, tag: str, data: bytes = b"") -> bytes:
    if len(root_salt) != ROOT_SALT_BYTES:
        raise InvalidInput("root_salt", "length", f"must be {ROOT_SALT_BYTES} bytes, not {len(root_salt)}")
    return suite.tagged_hmac(root_salt, tag, data)
