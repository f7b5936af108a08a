"""From a record whose evidence was checked to the fact that the domain executes.

A node reads records from its store, a verifier from a bundle. Both hand them over as `Record`, so that there is one
place where a record becomes a fact, and one where it is said why it cannot.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from domain.domains import Domains
from domain.fact import Fact
from evidence.verify.verdict import VerifiedRecord
from primitives.errors import InvalidInput
from primitives.timestamp import parse_time

SCHEMA = "1"  # of the payloads of every record type


class CannotRead(Exception):
    """A record that cannot be executed again; the message is the reason, for a person."""


@dataclass(frozen=True)
class Record:
    """One record: its place, its envelope and as much of its payload as is shown. `fingerprint` is hex."""

    subject: str
    seq: int
    record_id: str
    type: str
    fingerprint: str
    log_index: int
    envelope: Mapping[str, Any]
    values: Mapping[str, Any] = field(repr=False)

    @property
    def label(self) -> str:
        """How the record is called in a sentence."""
        return f"record {self.seq} ({self.type})"


def of_verified(record: VerifiedRecord) -> Record:
    """Return a record of a verified bundle."""
    return Record(
        subject=record.subject,
        seq=record.seq,
        record_id=record.record_id,
        type=record.type,
        fingerprint=record.fingerprint,
        log_index=record.log_index,
        envelope=record.envelope,
        values=record.values,
    )


def fact_of(record: Record, domains: Domains) -> Fact:
    """Return the fact that a record states.

    Raises:
        CannotRead: it is redacted, of a type or a schema that this version does not know, or its payload is malformed.
    """
    if record.type not in domains.types:
        raise CannotRead("its type is not known to this version")
    if record.envelope["schema"] != SCHEMA:
        raise CannotRead(f"schema {record.envelope['schema']} of its payload is not known to this version")
    if set(record.values) != set(record.envelope["fields"]):
        raise CannotRead("it is not shown whole")
    try:
        payload = domains.check_payload(record.type, dict(record.values))
    except InvalidInput as error:
        raise CannotRead(f"its payload is malformed: {error.field}: {error.detail}") from error
    return to_fact(record.envelope, payload, record.fingerprint)


def shown_of(record: Record, domains: Domains) -> dict[str, Any]:
    """Return the well-formed fields of a record that cannot be read whole."""
    known = domains.types[record.type].fields if record.type in domains.types else {}
    shown: dict[str, Any] = {}
    for name in sorted(set(known) & set(record.values)):
        with suppress(InvalidInput):
            shown[name] = known[name].read(record.values[name], name)
    return shown


def to_fact(envelope: Mapping[str, Any], payload: Mapping[str, Any], fingerprint: str) -> Fact:
    """Return the fact of an envelope of a known type and a payload that was checked."""
    return Fact(
        type=envelope["type"],
        payload=payload,
        occurred_at=parse_time(envelope["occurred_at"], "occurred_at"),
        recorded_at=parse_time(envelope["recorded_at"], "recorded_at"),
        channel=envelope["channel"],
        ref=fingerprint,
        ruleset=envelope["ruleset"],
        broker=envelope["broker"],
    )
