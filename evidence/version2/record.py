"""One record: its envelope, its fingerprint and its links (docs/spec/evidence-2.md, section 2).

    fingerprint     = HMAC(envelope salt, RFC 8785 of the envelope)
    field digest(n) = HMAC(field salt(n), RFC 8785 of the value of n)

HMAC is that of the suite that the envelope names. The envelope holds the digests, never a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypedDict

from evidence import shapes
from evidence.documents.envelope import MAX_FIELDS
from evidence.documents.record import MAX_ENVELOPE_BYTES, ShownField
from evidence.version2.envelope import ENVELOPE, RECORD_FORMAT, Envelope, check_envelope
from evidence.version2.links import STUB, Link
from evidence.version2.salts import envelope_salt, field_digest, field_digests, field_salt, next_label
from primitives.canonical import canonical_json, parse_json
from primitives.errors import InvalidInput, VerificationFailed
from primitives.shapes import AnyOf, Anything, Fields, MapOf, Text
from primitives.suite import SigningSuite
from primitives.suites import SUITES, suite_named

_SHOWN = Fields({"value": Anything(), "salt": shapes.HASH})
COPY = Fields(
    {"envelope": ENVELOPE, "envelope_salt": shapes.HASH, "fields": MapOf(Text(controls=True), _SHOWN, 0, MAX_FIELDS)}
)


class RedactedCopy(TypedDict):
    """A record as it is given away: the envelope, its salt (hex), and the fields that are shown."""

    envelope: Envelope
    envelope_salt: str
    fields: dict[str, ShownField]


@dataclass(frozen=True)
class _Enveloped:
    envelope: Envelope
    fingerprint: bytes

    @property
    def suite(self) -> SigningSuite:
        """The suite that the envelope names."""
        return SUITES[self.envelope["suite"]]

    @cached_property
    def link(self) -> Link:
        """The record's place in its subject's history."""
        envelope = self.envelope
        return Link(envelope["seq"], bytes.fromhex(envelope["prev"]), self.next, self.fingerprint)

    @property
    def next(self) -> bytes:
        """The label under which the record after has to lie."""
        return bytes.fromhex(self.envelope["next"])

    @property
    def entry(self) -> bytes:
        """What the log holds of the record, and the map under its label."""
        return self.link.entry


@dataclass(frozen=True)
class SealedRecord(_Enveloped):
    """A record with its originals: only the member that made it holds this value."""

    canonical: bytes  # RFC 8785 bytes of the envelope: what the fingerprint covers
    root_salt: bytes = field(repr=False)
    values: Mapping[str, Any] = field(repr=False)

    @cached_property
    def envelope_salt(self) -> bytes:
        """What opens the envelope and no field."""
        return envelope_salt(self.suite, self.root_salt)


@dataclass(frozen=True)
class OpenedRecord(_Enveloped):
    """A redacted copy that was checked: `values` holds what it shows, each proved against the envelope."""

    values: Mapping[str, Any]

    @property
    def redacted(self) -> tuple[str, ...]:
        """The fields that the copy does not show."""
        return tuple(name for name in self.envelope["fields"] if name not in self.values)


def seal(envelope: Mapping[str, Any], values: Mapping[str, Any], root_salt: bytes) -> SealedRecord:
    """Make a record of an envelope and its field values.

    Args:
        envelope: every member of the envelope; `format`, `fields` and `next` may be left out, they are set here.
        values: the payload, by field name.
        root_salt: 32 random bytes, the wallet's own where the client signed.

    Raises:
        InvalidInput: the envelope or a field name is malformed, or given digests differ from the values.
    """
    suite = suite_named(envelope["suite"], "envelope.suite")
    digests = field_digests(suite, values, root_salt)
    if envelope.get("fields", digests) != digests:
        raise InvalidInput("envelope.fields", "field-digest", "are not the digests of these values and this root salt")
    following = _next(suite, envelope, root_salt)
    if envelope.get("next", following) != following:
        raise InvalidInput("envelope.next", "field-digest", "is not the label that this root salt gives")
    return _sealed({**envelope, "format": RECORD_FORMAT, "fields": digests, "next": following}, values, root_salt)


def _next(suite: SigningSuite, envelope: Mapping[str, Any], root_salt: bytes) -> str:
    subject = shapes.HASH.read(envelope["subject"], "envelope.subject")
    return next_label(suite, root_salt, subject, shapes.POSITIVE.read(envelope["seq"], "envelope.seq")).hex()


def _sealed(envelope: Mapping[str, Any], values: Mapping[str, Any], root_salt: bytes) -> SealedRecord:
    checked = check_envelope(envelope, "envelope")
    canonical = canonical_json(checked)
    if len(canonical) > MAX_ENVELOPE_BYTES:
        raise InvalidInput("envelope", "max-bytes", f"{len(canonical)} bytes are more than {MAX_ENVELOPE_BYTES}")
    suite = SUITES[checked["suite"]]
    print_ = suite.hmac(envelope_salt(suite, root_salt), canonical)
    return SealedRecord(checked, print_, canonical, root_salt, dict(values))


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


def altered_fields(envelope: Envelope, values: Mapping[str, Any], root_salt: bytes) -> tuple[str, ...]:
    """Name what was not sealed so: a field whose stored value gives another digest, or `next`."""
    suite = SUITES[envelope["suite"]]
    digests = field_digests(suite, values, root_salt)
    names = envelope["fields"].keys() | digests.keys()
    wrong = sorted(name for name in names if digests.get(name) != envelope["fields"].get(name))
    if not wrong and _next(suite, envelope, root_salt) != envelope["next"]:
        wrong = ["next"]
    return tuple(wrong)


def redact(sealed: SealedRecord, names: Iterable[str] | None = None) -> RedactedCopy:
    """Return a copy that shows these fields (all, when None), with their derived salts and never the root salt."""
    shown = list(sealed.values) if names is None else list(names)
    for name in shown:
        if name not in sealed.values:
            raise InvalidInput("names", "unknown-member", f"the record has no field {name}")
    suite, root_salt = sealed.suite, sealed.root_salt
    return {
        "envelope": sealed.envelope,
        "envelope_salt": envelope_salt(suite, root_salt).hex(),
        "fields": {
            name: {"value": sealed.values[name], "salt": field_salt(suite, root_salt, name).hex()} for name in shown
        },
    }


def envelope_copy(canonical: bytes, salt: bytes) -> RedactedCopy:
    """Return the redacted copy that shows no field: of a record whose values are gone and whose envelope is not."""
    envelope = parse_json(canonical, field="envelope", max_bytes=MAX_ENVELOPE_BYTES)
    return {"envelope": envelope, "envelope_salt": salt.hex(), "fields": {}}


def open_redacted(copy: object, field: str = "record", *, fingerprint: bytes | None = None) -> OpenedRecord:
    """Check a redacted copy: every shown value against its digest, and the fingerprint when one is expected.

    Raises:
        InvalidInput: not the shape of a redacted copy.
        VerificationFailed: check `field-digest` or `fingerprint`.
        CouldNotCheck: the library of its suite is not installed.
    """
    return _opened(COPY.read(copy, field), field, fingerprint)


def _opened(outer: Mapping[str, Any], field: str, fingerprint: bytes | None = None) -> OpenedRecord:
    envelope, salt = outer["envelope"], outer["envelope_salt"]
    suite = SUITES[envelope["suite"]]
    values = {}
    for name, shown in outer["fields"].items():
        place = f"{field}.fields.{name}"
        if name not in envelope["fields"]:
            raise InvalidInput(place, "unknown-member", "is no field of the envelope")
        if field_digest(suite, shown["salt"], shown["value"]).hex() != envelope["fields"][name]:
            raise VerificationFailed("field-digest", f"{place}: value and salt do not give the digest of the envelope")
        values[name] = shown["value"]
    opened = suite.hmac(salt, canonical_json(envelope))
    if fingerprint is not None and opened != fingerprint:
        raise VerificationFailed("fingerprint", f"{field}: envelope and salt do not give {fingerprint.hex()}")
    return OpenedRecord(envelope, opened, values)


_ERASED = Fields({"erased": STUB})
SHOWN = AnyOf(_ERASED, COPY)
"""A record of a history: a redacted copy, or the stub of one that was erased."""


def open_shown(value: object, field: str = "record") -> OpenedRecord | Link:
    """Check a record of a history; return the link alone of an erased one.

    Raises:
        InvalidInput: neither.
        VerificationFailed: check `field-digest`.
        CouldNotCheck: the library of its suite is not installed.
    """
    read = SHOWN.read(value, field)
    return read["erased"] if "erased" in read else _opened(read, field)
