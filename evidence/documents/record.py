"""One record: its envelope, its derived salts and its fingerprint (specification: docs/spec/evidence.md, section 2).

root salt ── tagged HMAC ──> envelope salt             fingerprint  = HMAC(envelope salt, RFC 8785 of the envelope)
          └─ tagged HMAC ──> one salt per field name   field digest = HMAC(field salt, RFC 8785 of the value)

The envelope holds the digests, never a value. Whoever has no root salt cannot test a guess; whoever is shown one
field's salt can test that field alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from evidence import shapes
from evidence.documents.act import ROOT_SALT_BYTES, field_digest, field_digests, field_salt, hmac_sha256
from evidence.documents.envelope import ENVELOPE, MAX_FIELDS, RECORD_FORMAT, Envelope, check_envelope
from primitives.canonical import canonical_json, parse_json
from primitives.digest import tagged_hmac
from primitives.errors import InvalidInput, VerificationFailed
from primitives.shapes import Anything, Fields, MapOf, Text

ZERO_HASH = bytes(shapes.HASH_BYTES)
MAX_ENVELOPE_BYTES = 65_535  # as one C2SP log entry could be

_ENVELOPE_SALT_TAG = "bonafides/record/1/envelope-salt"
_SHOWN = Fields({"value": Anything(), "salt": shapes.HASH})
COPY = Fields(
    {"envelope": ENVELOPE, "envelope_salt": shapes.HASH, "fields": MapOf(Text(controls=True), _SHOWN, 0, MAX_FIELDS)}
)


class ShownField(TypedDict):
    """A value that a copy shows, and the salt (hex) that proves it against the envelope's digest."""

    value: Any
    salt: str


class RedactedCopy(TypedDict):
    """A record as it is given away: the envelope, its salt (hex), and the fields that are shown."""

    envelope: Envelope
    envelope_salt: str
    fields: dict[str, ShownField]


@dataclass(frozen=True)
class SealedRecord:
    """A record with its originals: only the member that made it holds this value."""

    envelope: Envelope
    canonical: bytes  # RFC 8785 bytes of the envelope: what the fingerprint covers
    fingerprint: bytes
    root_salt: bytes = field(repr=False)
    values: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class OpenedRecord:
    """A redacted copy that was checked: `values` holds what it shows, each proved against the envelope."""

    envelope: Envelope
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
    checked = check_envelope(envelope, "envelope")
    canonical = canonical_json(checked)
    if len(canonical) > MAX_ENVELOPE_BYTES:
        raise InvalidInput("envelope", "max-bytes", f"{len(canonical)} bytes are more than {MAX_ENVELOPE_BYTES}")
    print_ = hmac_sha256(envelope_salt(root_salt), canonical)
    return SealedRecord(checked, canonical, print_, root_salt, dict(values))


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


def redact(sealed: SealedRecord, names: Iterable[str] | None = None) -> RedactedCopy:
    """Return a copy that shows these fields (all, when None), with their derived salts and never the root salt."""
    shown = list(sealed.values) if names is None else list(names)
    for name in shown:
        if name not in sealed.values:
            raise InvalidInput("names", "unknown-member", f"the record has no field {name}")
    return {
        "envelope": sealed.envelope,
        "envelope_salt": envelope_salt(sealed.root_salt).hex(),
        "fields": {
            name: {"value": sealed.values[name], "salt": field_salt(sealed.root_salt, name).hex()} for name in shown
        },
    }


def envelope_copy(canonical: bytes, salt: bytes) -> RedactedCopy:
    """Return the redacted copy that shows no field: what is left of a record whose originals are erased."""
    envelope = parse_json(canonical, field="envelope", max_bytes=MAX_ENVELOPE_BYTES)
    return {"envelope": envelope, "envelope_salt": salt.hex(), "fields": {}}


def open_redacted(copy: object, field: str = "record", *, fingerprint: bytes | None = None) -> OpenedRecord:
    """Check a redacted copy: every shown value against its digest, and the fingerprint when one is expected.

    Raises:
        InvalidInput: not the shape of a redacted copy.
        VerificationFailed: check `field-digest` or `fingerprint`.
    """
    outer = COPY.read(copy, field)
    envelope, salt = outer["envelope"], outer["envelope_salt"]
    values = {}
    for name, shown in outer["fields"].items():
        place = f"{field}.fields.{name}"
        if name not in envelope["fields"]:
            raise InvalidInput(place, "unknown-member", "is no field of the envelope")
        if field_digest(shown["salt"], shown["value"]).hex() != envelope["fields"][name]:
            raise VerificationFailed("field-digest", f"{place}: value and salt do not give the digest of the envelope")
        values[name] = shown["value"]
    opened = hmac_sha256(salt, canonical_json(envelope))
    if fingerprint is not None and opened != fingerprint:
        raise VerificationFailed("fingerprint", f"{field}: envelope and salt do not give {fingerprint.hex()}")
    return OpenedRecord(envelope, opened, values)
