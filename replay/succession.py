"""Two identities of one client: what the records of each say of the other, and whether the two agree.

A client who lost the wallet comes with a new DID. The new identity's history holds an ID_SUCCEED, signed by the new
key; the old one's an ID_SUCCEEDED. That both are one person is the broker's word; that it said so in both places, and
when, is proved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evidence.verdict import VerificationReport
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


def require_joined(
    one: VerificationReport, ones: Iterable[Record], other: VerificationReport, others: Iterable[Record]
) -> str:
    """Check that two verified bundles are of two identities of one client, by the word of their broker.

    Returns:
        A sentence on what ties them.

    Raises:
        VerificationFailed: check `succession`.
    """
    if (one.chain_id, one.broker) != (other.chain_id, other.broker):
        raise VerificationFailed("succession", "the bundles are of two brokers or chains")
    for new, tie, old, end in _pairs(one, ones, other, others):
        stated = (tie.subject, tie.did, end.subject, end.did, end.record.values.get("succession_ref"))
        if stated == (old.subject, old.client, new.subject, new.client, tie.record.fingerprint):
            return f"{new.client} took over from {old.client}: {tie.record.label} and {end.record.label} agree"
    raise VerificationFailed("succession", "no record of either bundle ties it to the other in the same way")


def _pairs(
    one: VerificationReport, ones: Iterable[Record], other: VerificationReport, others: Iterable[Record]
) -> list[tuple[VerificationReport, Tie, VerificationReport, Tie]]:
    first, second = ties_of(ones, one.subject), ties_of(others, other.subject)
    return [
        (new, tie, old, end)
        for new, news, old, olds in ((one, first, other, second), (other, second, one, first))
        for tie in news
        if tie.before
        for end in olds
        if not end.before
    ]
