"""Records of format 1, which lie in the database that a migration left behind: which may be erased, and how they go.

That format has no stub. Of an erased record its values and the root salt go; its envelope stays under a salt that opens
no field, since without it the record after would not verify. The ERASE stands in the history that continues it, in the
field `erases_former` (docs/spec/evidence-2.md, section 2.3).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection

from domain.erasure import CLOCKS, ERASES_FORMER
from node_adapter.node import Node
from node_adapter.store import erasures, former_records, records, subjects
from node_adapter.store.records import RecordRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.erasing.made_of import folded_again, forget_what_was_made_of, rows_of
from node_adapter.workflows.erasing.named import KEPT, Erasable, first_of, rules_named
from node_adapter.workflows.former.opened import former_node
from node_adapter.workflows.intake.fold import state_alone
from primitives.errors import Refused

_MS = 1000


@contextmanager
def former_of(node: Node, subject: SubjectRow | None) -> Iterator[Node | None]:
    """Give the node as it was at the end of format 1, where a subject's history continues one; else None.

    Raises:
        BonafidesError: as `former_node`.
    """
    if subject is None or subject.continues is None:
        yield None
        return
    with former_node(node) as former:
        yield former


@dataclass(frozen=True)
class FormerErasable:
    """Says of the records of one subject's history of format 1 whether they may go now.

    Attributes:
        own: the same of the history that continues it.
        before: a connection to the database of format 1.
    """

    own: Erasable
    before: Connection

    def first_ones(self) -> list[RecordRow]:
        """Return the first records that may go, as many as one ERASE names."""
        return first_of(records.pages_of(self.before, self.own.subject.pid), self.require)

    def require(self, row: RecordRow) -> None:
        """Refuse a record that may not go now.

        Raises:
            Refused: as `Erasable.require`, but that its record 1 may go: in that format it opens nothing.
        """
        where = f"record {row.seq} of format 1"
        if self._is_of_house:
            raise Refused("erase-house", "subject: holds a rating, and bundles of clients who rely on it show it whole")
        if row.erased or row.seq in self.own.waiting_of_format_1:
            raise Refused("erase-again", f"{where}: an ERASE has named it already, or its originals are gone")
        if row.house or row.type in KEPT:
            raise Refused("erase-kept", f"{where}: is what other records rest on, and is never erased")
        anchor = former_records.first_covering(self.before, row.log_index)
        if anchor is None or anchor.block_time is None:
            raise Refused("erase-not-anchored", f"{where}: no final anchor covers it, and its clock does not run")
        self.own.require_clock(anchor.block_time, where)
        if self.own.is_in_force(row):
            raise Refused("erase-in-force", f"{where}: the consent or the credential that it tells of has not ended")

    @cached_property
    def _is_of_house(self) -> bool:
        types = [code for code, entry in self.own.node.domains.types.items() if entry.of_house]
        return bool(records.of_types(self.before, self.own.subject.pid, types))


def due_of_format_1(former: Node, pid: str, erase: RecordRow, time: int) -> tuple[RecordRow, ...]:
    """Return the records of format 1 that an ERASE names, whose clock was over at the time (seconds) of its anchor."""
    rules = rules_named(erase, ERASES_FORMER)
    with former.store.read() as before:
        return tuple(
            row
            for row in records.at_places(before, pid, rules).values()
            if _anchored_at(before, row) + CLOCKS[rules[row.seq]] <= time * _MS
        )


def _anchored_at(before: Connection, row: RecordRow) -> float:
    anchor = former_records.first_covering(before, row.log_index)
    return math.inf if anchor is None or anchor.block_time is None else anchor.block_time * _MS


def wipe_of_format_1(former: Node, pid: str, gone: tuple[RecordRow, ...]) -> None:
    """Delete records in the database of format 1, and what was made of them there; asked again it changes nothing."""
    with former.store.write() as before:
        erasures.overwrite_what_is_deleted(before)
        left = [row for row in gone if not row.erased]
        for row in left:
            forget_what_was_made_of(before, row)
        former_records.wipe(before, left)
        if subjects.find_by_pid(before, pid) is not None:
            states = folded_again(former, before, rows_of(before, pid))
            erasures.put_state(before, pid, state_alone(former, states))  # of it nothing asks what lies under keys
        erasures.forget_answers(before, erasures.answers_that_show(before, {row.record_id for row in gone}))
