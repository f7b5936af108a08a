"""The staff signatures of a bundle: who was enrolled when, and which records bear whose (docs/spec/staff.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from evidence.opened import Opened
from evidence.staff import (
    END,
    ENROL,
    FIELD,
    SIGNATURE,
    UNKNOWN,
    Demand,
    Roster,
    StaffKey,
    act_digest,
    check_countersigned,
    check_enrolment,
)
from evidence.verdict import NOBODY_SIGNED, NOT_SHOWN, ORDERED, STAFF_NOT_SHOWN, SecondPersons
from primitives.errors import InvalidInput, VerificationFailed

_MS = 1000


def check_staff(
    records: Iterable[Opened], demands: Mapping[str, Demand], time_of: Callable[[int], int]
) -> tuple[SecondPersons, ...]:
    """Check every staff signature of a bundle; returns, for each record that takes one, who signed it.

    Args:
        records: every record of the bundle, also those of its references.
        demands: the record types that take a second person; the domain names them.
        time_of: gives the time of a block in seconds.

    Raises:
        VerificationFailed: check `staff-signature`.
    """
    reading = _Reading(demands, time_of)
    for opened in sorted(records, key=lambda opened: opened.promise.log_index):
        try:
            reading.take(opened)
        except (VerificationFailed, InvalidInput) as error:
            raise VerificationFailed(SIGNATURE, f"{opened.label}: {error}") from error
    return tuple(reading.found)


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

    def __init__(self, demands: Mapping[str, Demand], time_of: Callable[[int], int]) -> None:
        self._demands = demands
        self._time_of = time_of
        self._roster = Roster()
        self._once: dict[bytes, str] = {}
        self._not_shown: dict[str, set[str]] = {ENROL: set(), END: set()}  # the persons of records not shown whole
        self.found: list[SecondPersons] = []

    def take(self, opened: Opened) -> None:
        envelope = opened.record.envelope
        if envelope["type"] in (ENROL, END):
            self._enrol(opened)
        if FIELD in envelope["fields"]:
            self._require_once(opened)
        if envelope["type"] in self._demands:
            self.found.append(self._second_persons(opened))

    def _enrol(self, opened: Opened) -> None:
        record = opened.record
        type_, subject, place = record.envelope["type"], record.envelope["subject"], opened.promise.log_index
        if record.redacted:
            self._not_shown[type_].add(subject)
            return
        if type_ == ENROL:
            check_enrolment(record.envelope["broker"], record.values)
        self._roster = self._roster.with_record(type_, subject, place, record.fingerprint.hex(), record.values)

    def _require_once(self, opened: Opened) -> None:
        envelope = opened.record.envelope
        if envelope["type"] not in self._demands:
            raise VerificationFailed(SIGNATURE, f"{envelope['type']} takes no second person")
        other = self._once.setdefault(act_digest(envelope, envelope["fields"]), opened.label)
        if other != opened.label:
            raise VerificationFailed(SIGNATURE, f"what was signed is the same as {other}")

    def _second_persons(self, opened: Opened) -> SecondPersons:
        envelope, values = opened.record.envelope, opened.record.values
        persons: tuple[StaffKey, ...] = ()
        missing = NOBODY_SIGNED
        if FIELD in values:
            persons, missing = self._signers(opened)
        elif FIELD in envelope["fields"]:
            missing = NOT_SHOWN
        elif self._demands[envelope["type"]].instead in values:
            missing = ORDERED
        place_of = (envelope["subject"], envelope["seq"], envelope["record_id"], envelope["type"])
        return SecondPersons(*place_of, persons, missing)

    def _signers(self, opened: Opened) -> tuple[tuple[StaffKey, ...], str]:
        """Return who signed, or that it cannot be told: an enrolment, or an end of their keys, is not shown whole."""
        envelope, values = opened.record.envelope, opened.record.values
        time_ms = self._time_of(opened.promise.block) * _MS
        try:
            persons = check_countersigned(envelope, values, self._roster, time_ms, self._demands[envelope["type"]])
        except VerificationFailed as error:
            if error.check == UNKNOWN and self._not_shown[ENROL]:
                return (), STAFF_NOT_SHOWN
            raise
        if any(person.subject in self._not_shown[END] for person in persons):
            return (), STAFF_NOT_SHOWN
        return persons, ""
