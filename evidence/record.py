"""One record: its envelope, its derived salts and its fingerprint (specification: docs/spec/evidence.md, section 2).

root salt ── tagged HMAC ──> envelope salt             fingerprint  = HMAC(envelope salt, RFC 8785 of the envelope)
          └─ tagged HMAC ──> one salt per field name   field digest = HMAC(field salt, RFC 8785 of the value)

The envelope holds the digests, never a value. Whoever has no root salt cannot test a guess; whoever is shown one
field's salt can test that field alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evidence import shapes
from evidence.act import ROOT_SALT_BYTES, field_digest, field_digests, field_salt, hmac_sha256
from primitives import ed25519
from primitives.canonical import canonical_json, parse_json
from primitives.digest import tagged_hmac
from primitives.encoding import decode_base64url
from primitives.errors import InvalidInput, VerificationFailed
from primitives.timestamp import parse_time
from primitives.uuid7 import uuid7_time

RECORD_FORMAT = "bonafides.record/1"
CHANNELS = frozenset({"branch", "app", "web", "phone", "api"})
ZERO_HASH = bytes(shapes.HASH_BYTES)
MAX_ENVELOPE_BYTES = 65_535  # as one C2SP log entry could be
MAX_FIELDS = 128
MAX_ATTACHMENTS = 64
MAX_SIGNATURES = 4

_ENVELOPE_SALT_TAG = "bonafides/record/1/envelope-salt"
_TYPE = re.compile(r"[A-Z][A-Z0-9_]{1,31}")
_SCHEMA = re.compile(r"[1-9][0-9]{0,3}")
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MIME = re.compile(r"[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,64}")

_ENVELOPE = frozenset(
    [
        "format",
        "record_id",
        "type",
        "schema",
        "broker",
        "subject",
        "seq",
        "prev",
        "occurred_at",
        "recorded_at",
        "channel",
        "actor",
        "ruleset",
        "document",
        "fields",
        "attachments",
        "signatures",
    ]
)
_ACTOR = frozenset({"did", "role"})
_ATTACHMENT = frozenset({"sha256", "mime", "bytes"})
_SIGNATURE = frozenset({"did", "key", "alg", "value", "block"})
_COPY = frozenset({"envelope", "envelope_salt", "fields"})
_SHOWN = frozenset({"value", "salt"})


@dataclass(frozen=True)
class SealedRecord:
    """A record with its originals: only the member that made it holds this value."""

    envelope: Mapping[str, Any]
    canonical: bytes  # RFC 8785 bytes of the envelope: what the fingerprint covers
    fingerprint: bytes
    root_salt: bytes = field(repr=False)
    values: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class OpenedRecord:
    """A redacted copy that was checked: `values` holds what it shows, each proved against the envelope."""

    envelope: Mapping[str, Any]
    fingerprint: bytes
    values: Mapping[str, Any]

    @property
    def redacted(self) -> tuple[str, ...]:
        """The fields that the copy does not show."""
        return tuple(name for name in self.envelope["fields"] if name not in self.values)


def seal(envelope: Mapping[str, Any], values: Mapping[str, Any], root_salt: bytes) -> SealedRecord:
    """Make a record of an envelope and its field values.

    Args:
        envelope: every member of the envelope; `format` and `fields` may be left out, they are set here.
        values: the payload, by field name.
        root_salt: 32 random bytes, the wallet's own where the client signed.

    Raises:
        InvalidInput: the envelope or a field name is malformed, or given digests differ from the values.
    """
    digests = field_digests(values, root_salt)
    if envelope.get("fields", digests) != digests:
        raise InvalidInput("envelope.fields", "field-digest", "are not the digests of these values and this root salt")
    return _sealed({**envelope, "format": RECORD_FORMAT, "fields": digests}, values, root_salt)


def _sealed(envelope: Mapping[str, Any], values: Mapping[str, Any], root_salt: bytes) -> SealedRecord:
    check_envelope(envelope, "envelope")
    canonical = canonical_json(envelope)
    if len(canonical) > MAX_ENVELOPE_BYTES:
        raise InvalidInput("envelope", "max-bytes", f"{len(canonical)} bytes are more than {MAX_ENVELOPE_BYTES}")
    print_ = hmac_sha256(envelope_salt(root_salt), canonical)
    return SealedRecord(envelope, canonical, print_, root_salt, dict(values))


def restore(canonical: bytes, values: Mapping[str, Any], root_salt: bytes) -> SealedRecord:
    """Rebuild a stored record from its parts, checking that the originals are the ones that were sealed.

    Raises:
        VerificationFailed: check `field-digest`; a stored value or the salt is not what was sealed.
    """
    envelope = check_envelope(parse_json(canonical, field="envelope", max_bytes=MAX_ENVELOPE_BYTES), "envelope")
    wrong = altered_fields(envelope, values, root_salt)
    if wrong:
        raise VerificationFailed("field-digest", f"the originals differ from what was sealed: {', '.join(wrong)}")
    return _sealed(envelope, values, root_salt)


def altered_fields(envelope: Mapping[str, Any], values: Mapping[str, Any], root_salt: bytes) -> tuple[str, ...]:
    """Name the fields whose stored value is not the one that the envelope's digest was made of."""
    digests = field_digests(values, root_salt)
    names = envelope["fields"].keys() | digests.keys()
    return tuple(sorted(name for name in names if digests.get(name) != envelope["fields"].get(name)))


def envelope_salt(root_salt: bytes) -> bytes:
    """Derive the salt of the envelope."""
    if len(root_salt) != ROOT_SALT_BYTES:
        raise InvalidInput("root_salt", "length", f"must be {ROOT_SALT_BYTES} bytes, not {len(root_salt)}")
    return tagged_hmac(root_salt, _ENVELOPE_SALT_TAG)


def redact(sealed: SealedRecord, names: Iterable[str] | None = None) -> dict[str, Any]:
    """Return a copy that shows these fields (all, when None), with their derived salts and never the root salt."""
    shown = list(sealed.values) if names is None else list(names)
    for name in shown:
        if name not in sealed.values:
            raise InvalidInput("names", "unknown-member", f"the record has no field {name}")
    return {
        "envelope": dict(sealed.envelope),
        "envelope_salt": envelope_salt(sealed.root_salt).hex(),
        "fields": {
            name: {"value": sealed.values[name], "salt": field_salt(sealed.root_salt, name).hex()} for name in shown
        },
    }


def envelope_copy(canonical: bytes, salt: bytes) -> dict[str, Any]:
    """Return the redacted copy that shows no field: what is left of a record whose originals are erased."""
    envelope = parse_json(canonical, field="envelope", max_bytes=MAX_ENVELOPE_BYTES)
    return {"envelope": envelope, "envelope_salt": salt.hex(), "fields": {}}


def open_redacted(copy: object, field: str = "record", *, fingerprint: bytes | None = None) -> OpenedRecord:
    """Check a redacted copy: every shown value against its digest, and the fingerprint when one is expected.

    Raises:
        InvalidInput: not the shape of a redacted copy.
        VerificationFailed: check `field-digest` or `fingerprint`.
    """
    outer = shapes.members(copy, field, _COPY)
    envelope = check_envelope(outer["envelope"], f"{field}.envelope")
    salt = shapes.hash32(outer["envelope_salt"], f"{field}.envelope_salt")
    if not isinstance(outer["fields"], dict):
        raise InvalidInput(f"{field}.fields", "object", "must be an object")
    values = {}
    for name, shown in outer["fields"].items():
        place = f"{field}.fields.{name}"[: shapes.MAX_TEXT]
        if name not in envelope["fields"]:
            raise InvalidInput(place, "unknown-member", "is no field of the envelope")
        values[name] = _open_field(shown, place, envelope["fields"][name])
    opened = hmac_sha256(salt, canonical_json(envelope))
    if fingerprint is not None and opened != fingerprint:
        raise VerificationFailed("fingerprint", f"{field}: envelope and salt do not give {fingerprint.hex()}")
    return OpenedRecord(envelope, opened, values)


def _open_field(shown: object, place: str, digest: str) -> Any:
    pair = shapes.members(shown, place, _SHOWN)
    if field_digest(shapes.hash32(pair["salt"], f"{place}.salt"), pair["value"]).hex() != digest:
        raise VerificationFailed("field-digest", f"{place}: value and salt do not give the digest of the envelope")
    return pair["value"]


def check_envelope(value: object, place: str) -> Mapping[str, Any]:
    """Check the shape of an envelope, member by member, and return it."""
    envelope = shapes.members(value, place, _ENVELOPE)
    shapes.constant(envelope["format"], f"{place}.format", RECORD_FORMAT)
    uuid7_time(envelope["record_id"], f"{place}.record_id")
    shapes.matching(envelope["type"], f"{place}.type", _TYPE, "record-type")
    shapes.matching(envelope["schema"], f"{place}.schema", _SCHEMA, "schema")
    shapes.ethr_did(envelope["broker"], f"{place}.broker")
    shapes.hash32(envelope["subject"], f"{place}.subject")
    shapes.integer(envelope["seq"], f"{place}.seq", minimum=1)
    shapes.hash32(envelope["prev"], f"{place}.prev")
    parse_time(envelope["occurred_at"], f"{place}.occurred_at")
    parse_time(envelope["recorded_at"], f"{place}.recorded_at")
    if not isinstance(envelope["channel"], str) or envelope["channel"] not in CHANNELS:
        raise InvalidInput(f"{place}.channel", "channel", f"must be one of {', '.join(sorted(CHANNELS))}")
    actor = shapes.members(envelope["actor"], f"{place}.actor", _ACTOR)
    shapes.text(actor["did"], f"{place}.actor.did")
    shapes.text(actor["role"], f"{place}.actor.role")
    shapes.optional_text(envelope["ruleset"], f"{place}.ruleset")
    shapes.optional_text(envelope["document"], f"{place}.document")
    _check_digests(envelope["fields"], f"{place}.fields")
    shapes.items(envelope["attachments"], f"{place}.attachments", _check_attachment, MAX_ATTACHMENTS)
    shapes.items(envelope["signatures"], f"{place}.signatures", _check_signature, MAX_SIGNATURES)
    return envelope


def _check_digests(value: object, place: str) -> None:
    if not isinstance(value, dict) or len(value) > MAX_FIELDS:
        raise InvalidInput(place, "object", f"must be an object of at most {MAX_FIELDS} members")
    for name, digest in value.items():
        shapes.matching(name, place, _FIELD_NAME, "field-name")
        shapes.hash32(digest, f"{place}.{name}")


def _check_attachment(value: object, place: str) -> None:
    attachment = shapes.members(value, place, _ATTACHMENT)
    shapes.hash32(attachment["sha256"], f"{place}.sha256")
    shapes.matching(attachment["mime"], f"{place}.mime", _MIME, "mime")
    shapes.integer(attachment["bytes"], f"{place}.bytes")


def _check_signature(value: object, place: str) -> None:
    signature = shapes.members(value, place, _SIGNATURE)
    did = shapes.ethr_did(signature["did"], f"{place}.did")
    if not shapes.text(signature["key"], f"{place}.key").startswith(f"{did}#"):
        raise InvalidInput(f"{place}.key", "verification-method", "must be a verification method of `did`")
    shapes.constant(signature["alg"], f"{place}.alg", "Ed25519")
    decode_base64url(signature["value"], f"{place}.value", ed25519.SIGNATURE_BYTES)
    shapes.integer(signature["block"], f"{place}.block")
