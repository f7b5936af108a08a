"""The staff signatures of a bundle: who was enrolled when, and which records bear whose (docs/spec/staff.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from domain.second_person import FIELD
from evidence import shapes
from evidence.documents.envelope import CommonEnvelope
from evidence.documents.staff_signature import (
    SIGNATURE,
    Demand,
    act_digest,
    check_countersigned,
    check_enrolment,
)
from evidence.log.roster import Roster, StaffKey, key_of_did, names_did_key, staff_subject
from evidence.verify.signing import SigningRules
from evidence.verify.verdict import NOBODY_SIGNED, NOT_SHOWN, ORDERED, STAFF_NOT_SHOWN, SecondPersons
from primitives.errors import InvalidInput, VerificationFailed
from primitives.timestamp import parse_time

_MS = 1000


class _Copy(Protocol):
    """A copy of a record, of any format."""

    @property
    def envelope(self) -> CommonEnvelope: ...
    @property
    def fingerprint(self) -> bytes: ...
    @property
    def values(self) -> Mapping[str, Any]: ...
    @property
    def redacted(self) -> Sequence[str]: ...


class _Promised(Protocol):
    """A record's place in the log, and the block at which it was accepted."""

    @property
    def log_index(self) -> int: ...
    @property
    def block(self) -> int: ...


class _Anchored(Protocol):
    @property
    def block(self) -> int: ...


class LoggedRecord(Protocol):
    """A record of a bundle, of any format."""

    @property
    def record(self) -> _Copy:
        """The copy, proved against its fingerprint."""

    @property
    def promise(self) -> _Promised:
        """Its promise."""

    @property
    def anchor(self) -> _Anchored:
        """The anchor that covers it first."""

    @property
    def label(self) -> str:
        """How the record is called in a sentence."""


Logged = TypeVar("Logged", bound=LoggedRecord)


@dataclass(frozen=True)
class StaffTimes:
    """The chain's times of one record in seconds: by which a key must not have ended, and of its anchor.

    They are of a record and never of a block number that it states: another record that states the same one, and was
    anchored years before, would let an ended key sign.
    """

    accepted: int
    anchored: int


@dataclass(frozen=True)
class StaffReading:
    """Who signed each record that takes a second person, and what is to be said beside."""

    found: tuple[SecondPersons, ...]
    notes: tuple[str, ...]


def check_staff(
    records: Iterable[Logged],
    signing: SigningRules,
    broker: str,
    no_colleagues: Mapping[str, int],
    times_of: Callable[[Logged], StaffTimes],
) -> StaffReading:
    """Check every staff signature of a bundle; returns, for each record that takes one, who signed it.

    Args:
        records: every record of the bundle, also those of its references.
        signing: which record types take a second person, enrol a key and end one.
        broker: the broker's DID.
        no_colleagues: the keys (hex) that client and member ever had, each with its first block.
        times_of: gives the times of a record.

    Raises:
        VerificationFailed: check `staff-signature`.
    """
    reading = _Reading(signing, broker, no_colleagues)
    for opened in sorted(records, key=lambda opened: opened.promise.log_index):
        try:
            reading.take(opened, times_of(opened))
        except (VerificationFailed, InvalidInput) as error:
            raise VerificationFailed(SIGNATURE, f"{opened.label}: {error}") from error
    return StaffReading(tuple(reading.found), tuple(reading.notes))


def described(found: Iterable[SecondPersons]) -> str:
    """Say what was checked, in one phrase."""
    entries = list(found)
    signed = [entry for entry in entries if entry.persons]
    if not entries:
        return "no record takes a second person"
    count = sum(len(entry.persons) for entry in signed)
    return f"{count} signatures under {len(signed)} of {len(entries)} records that take a second person"


class _Reading:
    """The records of a bundle in the order of the log: a roster that grows, and who signed what."""

    def __init__(
        self,
        signing: SigningRules,
        broker: str,
        no_colleagues: Mapping[str, int],
    ) -> None:
        self._signing = signing
        self._demands = signing.second_persons
        self._no_colleagues = no_colleagues
        self._roster = Roster(broker)
        self._enrolled: dict[str, str] = {}  # by subject, when its enrolment says to have been recorded
        self._once: dict[bytes, str] = {}
        self.found: list[SecondPersons] = []
        self.notes: list[str] = []

    def take(self, opened: LoggedRecord, times: StaffTimes) -> None:
        envelope = opened.record.envelope
        if envelope["type"] in (self._signing.enrols, self._signing.ends):
            self._enrol(opened)
        if FIELD in envelope["fields"]:
            self._require_once(opened)
        if envelope["type"] in self._demands:
            self.found.append(self._second_persons(opened, times))
            self.notes += self._before_enrolment(opened)

    def _enrol(self, opened: LoggedRecord) -> None:
        record = opened.record
        type_, subject, values = record.envelope["type"], record.envelope["subject"], record.values
        if "key" in values:
            key = shapes.HASH.read(values["key"], "payload.key").hex()
            if staff_subject(record.envelope["broker"], key) != subject:
                raise VerificationFailed(SIGNATURE, f"does not lie on the pseudonym of the key {key[:16]}")
        known = self._roster.by_subject.get(subject)
        if type_ == self._signing.ends:
            if known is None or values.get("enrolment_ref", known.enrolment) != known.enrolment:
                raise VerificationFailed(SIGNATURE, "ends no key that was enrolled before")
            self._roster = self._roster.with_end(subject, opened.promise.log_index)
            return
        if not record.redacted:
            check_enrolment(record.envelope["broker"], values)
        self._enrolled.setdefault(subject, record.envelope["recorded_at"])
        place = (opened.promise.log_index, opened.promise.block, record.fingerprint.hex())
        self._roster = self._roster.with_enrolment(subject, *place, {} if record.redacted else values)

    def _require_once(self, opened: LoggedRecord) -> None:
        envelope = opened.record.envelope
        if envelope["type"] not in self._demands:
            raise VerificationFailed(SIGNATURE, f"{envelope['type']} takes no second person")
        other = self._once.setdefault(act_digest(envelope, envelope["fields"]), opened.label)
        if other != opened.label:
            raise VerificationFailed(SIGNATURE, f"what was signed is the same as {other}")

    def _second_persons(self, opened: LoggedRecord, times: StaffTimes) -> SecondPersons:
        envelope, values = opened.record.envelope, opened.record.values
        persons: tuple[StaffKey, ...] = ()
        missing = NOBODY_SIGNED
        if FIELD in values:
            persons, missing = self._signers(opened, times)
        elif FIELD in envelope["fields"]:
            missing = NOT_SHOWN
        elif self._demands[envelope["type"]].instead in values:
            missing = ORDERED
        place_of = (envelope["subject"], envelope["seq"], envelope["record_id"], envelope["type"])
        return SecondPersons(*place_of, persons, missing)

    def _before_enrolment(self, opened: LoggedRecord) -> Iterator[str]:
        """Name who signed it, or did it, and was enrolled only after it says to have happened.

        Before it in the log the enrolment stands, else the check fails: so one of the two is late, or dated back.
        """
        envelope = opened.record.envelope
        happened = parse_time(envelope["occurred_at"], "occurred_at")
        for key in dict.fromkeys(_keys_of(opened, self._demands[envelope["type"]])):
            entry = self._roster.find(key)
            enrolled = None if entry is None else self._enrolled.get(entry.subject)
            if entry is not None and enrolled is not None and happened < parse_time(enrolled, "recorded_at"):
                yield (
                    f"{opened.label}: says to have happened {envelope['occurred_at']}, before the key {key[:16]} of "
                    f"{entry.label} was enrolled: {enrolled}"
                )

    def _signers(self, opened: LoggedRecord, times: StaffTimes) -> tuple[tuple[StaffKey, ...], str]:
        """Return who is proven to have signed, and whether there is more that cannot be told."""
        envelope, block = opened.record.envelope, opened.promise.block
        signers = check_countersigned(
            envelope,
            opened.record.values,
            self._roster,
            times.accepted * _MS,
            self._demands[envelope["type"]],
            self._no_colleagues,
        )
        self.notes += _hidden(opened, self._demands[envelope["type"]], signers.persons)
        anchor = opened.anchor.block
        self.notes += [
            f"{opened.label}: the key of {person.name} expired {person.expires_at}, after block {block}, where the "
            f"broker says to have accepted it, and before block {anchor}, which anchored it"
            for person in signers.persons
            if parse_time(person.expires_at, "expires_at") <= times.anchored * _MS
        ]
        return signers.persons, "" if signers.whole else STAFF_NOT_SHOWN


def _hidden(opened: LoggedRecord, demand: Demand, persons: Sequence[StaffKey]) -> list[str]:
    """Say which rules about the persons who signed could not be asked, since the bundle hides who else is named."""
    signed = " and ".join(person.name for person in persons) or "somebody"
    hidden = opened.record.envelope["fields"].keys() - opened.record.values.keys()
    told = []
    if demand.not_by in hidden:
        told.append(f"{opened.label}: {signed} signed; {demand.not_by} is not shown, who may be the same person")
    if demand.named in hidden:
        told.append(f"{opened.label}: {signed} signed; {demand.named} is not shown, which may name somebody else")
    return told


def _keys_of(opened: LoggedRecord, demand: Demand) -> Iterator[str]:
    """Yield the keys (hex) that a checked record shows: of who signed, and of the persons of the staff who did it."""
    envelope, values = opened.record.envelope, opened.record.values
    yield from (signature["key"] for signature in values.get(FIELD, ()))
    for did in (envelope["actor"]["did"], None if demand.not_by is None else values.get(demand.not_by)):
        key = key_of_did(did) if names_did_key(did) else None
        if key is not None:
            yield key
