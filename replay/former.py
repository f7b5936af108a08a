"""What a replay knows of the identities that its client had before: their states, in the order of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.fact import Fact
from replay.folding import fold_shown
from replay.records import Record
from replay.succession import ties_of
from suitability.line import COUNTED, Before, identities_before
from suitability.ruleset import RuleSet
from suitability.subject import SubjectState


class Former:
    """The identities before, as far as their records are at hand."""

    def __init__(self, records: Sequence[Record], subject: str, ends: Mapping[str, int]) -> None:
        shown = {record.subject for record in records}
        self._states = {pid: SubjectState() for pid in _older(records, subject) if pid in shown}
        self._blind: dict[str, str] = {}  # by pseudonym, the record that hides what is counted
        self._ends = ends

    def take(self, record: Record) -> None:
        """Read one record along, of whomever it is."""
        state = self._states.get(record.subject)
        if state is None:
            return
        after = fold_shown(state, record)
        if after is not None:
            self._states[record.subject] = after
        elif record.type in COUNTED:
            self._blind.setdefault(record.subject, f"{record.label} of the identity before ({record.subject})")

    def before(self, state: SubjectState, fact: Fact, ruleset: RuleSet) -> Before:
        """Return the identities that the limits count for a fact, as of now in the order of the log."""
        return identities_before(state, fact.type, fact.payload, ruleset, self._states.get)

    def unseen(self, before: Before, record: Record) -> str:
        """Say what the limits did not see of these identities at a record; empty where they saw all."""
        if before.reason:
            return before.reason
        for pid in before.found:
            if pid in self._blind:
                return f"{self._blind[pid]} cannot be read, which the limits over time count"
            if record.log_index > self._ends.get(pid, record.log_index):
                return f"the records of the identity before ({pid}) that are at hand end before it"
        return ""


def _older(records: Sequence[Record], subject: str) -> list[str]:
    named: dict[str, list[str]] = {}
    for record in records:
        named.setdefault(record.subject, []).extend(
            tie.subject for tie in ties_of([record], record.subject) if tie.before
        )
    waiting, found = [subject], dict[str, None]()
    for pid in waiting:  # it grows
        if pid not in found:
            found[pid] = None
            waiting += named.get(pid, ())
    return list(found)[1:]
