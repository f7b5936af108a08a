"""What a replay knows of the identities that its client had before: their states, in the order of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.domain import AnyDomain, Find, Judgement
from domain.domains import Domains, States
from replay.folding import fold_shown
from replay.records import Record
from replay.succession import ties_of


class Former:
    """The identities before, as far as their records are at hand."""

    def __init__(self, records: Sequence[Record], subject: str, ends: Mapping[str, int], domains: Domains) -> None:
        shown = {record.subject for record in records}
        self._domains = domains
        self._states: dict[str, States] = {pid: {} for pid in _older(records, subject) if pid in shown}
        self._blind: dict[str, str] = {}  # by pseudonym, the record that hides what is counted
        self._ends = ends

    def take(self, record: Record) -> None:
        """Read one record along, of whomever it is."""
        states = self._states.get(record.subject)
        if states is None:
            return
        after = fold_shown(states, record, self._domains)
        if after is not None:
            self._states[record.subject] = after
        elif record.type in self._domains.of(record.type).counted:
            self._blind.setdefault(record.subject, f"{record.label} of the identity before ({record.subject})")

    def find(self, domain: AnyDomain) -> Find[Any]:
        """Return how a domain finds the states of these identities, as of now in the order of the log."""

        def state_of(pid: str) -> object:
            states = self._states.get(pid)
            return None if states is None else states.get(domain.name, domain.start())

        return state_of

    def unseen(self, judged: Judgement, record: Record) -> str:
        """Say what the rules did not see of these identities at a record; empty where they saw all."""
        if judged.not_asked:
            return judged.not_asked
        for pid in judged.looked_at:
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
