"""Two identities of one client: what the records of each say of the other, and whether the two agree.

A client who lost the wallet comes with a new DID. The new identity's history holds an ID_SUCCEED, signed by the new
key; the old one's an ID_SUCCEEDED. That both are one person is the broker's word; that it said so in both places, and
when, is proved.

A history of format 2 may continue an earlier one, which its OPENING names by pseudonym, number of records and head: a
history of format 1, or the one before. Where that one's bundle is given, it must be what the opening says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from domain.opening import OPENING
from evidence.verify.verdict import VerificationReport
from primitives.errors import VerificationFailed
from replay.records import Record

SUCCEED, SUCCEEDED = "ID_SUCCEED", "ID_SUCCEEDED"


@dataclass(frozen=True)
class Tie:
    """One record that ties its subject to another: `before` says whether the other identity is the older one."""

    record: Record
    before: bool
    subject: str
    did: str

    @property
    def sentence(self) -> str:
        """What a reader is told."""
        place = f"{self.record.label}: this client "
        if self.before:
            return place + f"had the identity {self.did} (subject {self.subject}) before: ask for its bundle, too"
        return place + f"goes on as {self.did} (subject {self.subject}): ask for its bundle, too"


def ties_of(records: Iterable[Record], subject: str) -> list[Tie]:
    """Return the ties of a subject's own records, in their order; a record that does not show the other has none."""
    found = []
    for record in records:
        names = {SUCCEED: ("predecessor", "predecessor_did"), SUCCEEDED: ("successor", "successor_did")}
        if record.subject == subject and record.type in names:
            pid, did = (record.values.get(name) for name in names[record.type])
            if isinstance(pid, str) and isinstance(did, str):
                found.append(Tie(record, record.type == SUCCEED, pid, did))
    return found


@dataclass(frozen=True)
class Continuation:
    """An earlier history that an opening continues, as it says: `count` records, of which the last is `head`."""

    record: Record
    format: int
    subject: str
    count: int
    head: str

    @property
    def place(self) -> tuple[int, str]:
        """Which history it is: two formats may share a pseudonym."""
        return self.format, self.subject


def continued_by(records: Iterable[Record], subject: str) -> list[Continuation]:
    """Return the earlier histories that the openings of a subject's verified records continue."""
    stated = [
        (record, record.values["continues"])
        for record in records
        if record.subject == subject and record.type == OPENING and record.values.get("continues")
    ]
    return [
        Continuation(record, *(named[name] for name in ("format", "subject", "count", "head")))
        for record, named in stated
    ]


def earlier_of(own: Shown, others: Sequence[Shown]) -> tuple[list[Record], list[str]]:
    """Return the records of the same client's histories that this one continues, and the pseudonyms of those not shown.

    A history of another DID is no part of it: whoever goes on under a new identity is assessed anew.
    """
    found: list[Record] = []
    missing: list[str] = []
    waiting = [own]
    for one in waiting:  # it grows
        for named in continued_by(one.records, one.report.subject):
            old = next((other for other in others if other.place == named.place), None)
            if old is None:
                missing.append(named.subject)
            elif old not in waiting and old.report.client in (None, own.report.client):
                found += old.own_records
                waiting.append(old)
    return found, missing


def joined(own: Shown, others: Sequence[Shown]) -> list[str]:
    """Check that verified bundles are of identities of one client, by the word of their broker.

    Returns:
        A sentence on each tie: first those that two of the bundles name alike, then those to identities not among them.

    Raises:
        VerificationFailed: check `succession`.
    """
    known, waiting, told = [own], list(others), []
    while waiting:
        found = [(one, other) for other in waiting for one in known if one.tie_to(other)]
        if not found:
            _refuse(known, waiting)
        one, other = found[0]
        told.append(one.tie_to(other))
        waiting.remove(other)
        known.append(other)
    shown = {one.report.subject for one in known}
    ties = [tie for one in known for tie in ties_of(one.records, one.report.subject)]
    return told + [tie.sentence for tie in ties if tie.subject not in shown]


@dataclass(frozen=True)
class Shown:
    """A verified bundle and its records."""

    report: VerificationReport
    records: Sequence[Record]

    @property
    def place(self) -> tuple[int, str]:
        """Its format and its pseudonym."""
        return (1 if self.report.reach is None else 2), self.report.subject

    @property
    def own_records(self) -> list[Record]:
        """The records of the bundle's own subject."""
        return [record for record in self.records if record.subject == self.report.subject]

    def tie_to(self, other: Shown) -> str:
        """Return a sentence on what ties two identities, from both sides alike; empty where nothing does."""
        if (self.report.chain_id, self.report.broker) != (other.report.chain_id, other.report.broker):
            return ""
        for new, old in ((self, other), (other, self)):
            continued = new.continuing(old)
            if continued:
                return continued
            ends = new.ends_named_by(old)
            for tie in ties_of(new.records, new.report.subject):
                end = ends.get(tie.record.fingerprint)
                if tie.before and old.is_of(tie) and end is not None:
                    names = f"{tie.record.label} and {end.record.label} agree"
                    return f"{new.report.client} took over from {tie.did}: {names}"
        return ""

    def is_of(self, tie: Tie) -> bool:
        """Tell whether this is the history that a tie names; of a client who signed nothing the pseudonym alone."""
        return tie.subject == self.report.subject and self.report.client in (tie.did, None)

    def continuing(self, old: Shown) -> str:
        """Return a sentence on how this history continues an earlier one; empty where it does not say so.

        Raises:
            VerificationFailed: check `succession`; the earlier one is not what the opening says.
        """
        for named in continued_by(self.records, self.report.subject):
            if named.place == old.place:
                last = max(old.own_records, key=lambda record: record.seq)
                if (last.seq, last.fingerprint) != (named.count, named.head):
                    raise VerificationFailed(
                        "succession",
                        f"{named.record.label} continues {named.count} records with the head {named.head[:16]}; the "
                        f"bundle of {named.subject} has {last.seq}, with the head {last.fingerprint[:16]}",
                    )
                return f"{named.record.label} continues subject {named.subject}: {named.count} records, the same head"
        return ""

    def ends_named_by(self, old: Shown) -> dict[str, Tie]:
        """Return the records by which an older identity names this one, by the fingerprint that each refers to."""
        place = (self.report.subject, self.report.client)
        return {
            str(end.record.values.get("succession_ref")): end
            for end in reversed(ties_of(old.records, old.report.subject))
            if not end.before and (end.subject, end.did) == place
        }

    def said_of_itself(self, block: int | None) -> list[str]:
        """Return what the verification of another identity's bundle says beside its checks, in words for this one's.

        Args:
            block: that this one's bundle reaches; None where the other history ended with what its bundle shows.
        """
        of = f"the bundle of {self.report.client or self.report.subject}: "
        found = [f"finding {finding.code} {finding.record_id}: {finding.detail}" for finding in self.report.findings]
        ends = self.report.complete_as_of_block
        told = [*found, *self.report.notes]
        if block is not None and ends < block:
            told.append(f"it ends at block {ends}, and this one at block {block}: what came between is not shown")
        return [of + one for one in told]

    def ends_for(self, own: Shown) -> int:
        """Return the last log index, as far as another bundle tells, that this one's records are complete for."""
        block = self.report.complete_as_of_block
        inside = (record.log_index for record in own.report.records if record.anchor_block <= block)
        return max(inside, default=-1)


def _refuse(known: Sequence[Shown], waiting: Sequence[Shown]) -> NoReturn:
    places = {(one.report.chain_id, one.report.broker) for one in (*known, *waiting)}
    if len(places) > 1:
        raise VerificationFailed("succession", "the bundles are of two brokers or chains")
    raise VerificationFailed("succession", "no record of either bundle ties it to the other in the same way")
