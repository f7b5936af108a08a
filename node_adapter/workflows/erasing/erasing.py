"""Deleting what an ERASE names, once its own anchor is final: one ERASE at a time, in steps that a kill cannot halve.

1. One transaction leaves of each named record its link, deletes what was made of it in other tables (findings, the
   credential's and the consent's text, the part in a task, a regulator's message, kept replays), and folds the
   subject's state again from what is left. A record whose clock was not over at the anchor of the ERASE stays: that an
   ERASE names what is there all the same refutes nothing.
2. One transaction of the other database does the same to the records of format 1 that are named (`of_format_1`).
3. Kept answers to earlier requests in which such a record stands are deleted.
4. The write-ahead logs are emptied, so that no earlier page of a file shows it.
5. Only then the ERASE is noted as done. After a kill the next turn finds it waiting, and what is left of 1 to 4.

Where a history continues one of format 1 and that database is not there, or is another one, its ERASE waits under the
alarm `former-missing`, and the others go on.
Backups are files of their own, and hold what they held: see docs/for-operators.md.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from sqlalchemy import Connection

from domain.erasure import CLOCKS
from node_adapter.former_database import require_own
from node_adapter.node import Node
from node_adapter.store import alarms, anchors, erasures, former, records, replays, subjects
from node_adapter.store.erasures import ErasureRow
from node_adapter.store.records import RecordRow
from node_adapter.workflows.erasing.made_of import folded_again, forget_what_was_made_of, rows_of
from node_adapter.workflows.erasing.named import rules_named
from node_adapter.workflows.erasing.of_format_1 import due_of_format_1, wipe_of_format_1
from node_adapter.workflows.former.opened import former_node
from node_adapter.workflows.intake.fold import write_states_anew
from primitives.errors import BonafidesError, Refused, VerificationFailed

_MS = 1000
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Due:
    """An ERASE under a final anchor of a time (seconds), and the records of its history that it names."""

    row: ErasureRow
    erase: RecordRow
    time: int
    named: tuple[RecordRow, ...]
    over: frozenset[int]

    @property
    def left(self) -> tuple[RecordRow, ...]:
        """Those that are still to go."""
        return tuple(row for row in self.named if row.seq in self.over and not row.is_stub)


def erase_next(node: Node) -> bool:
    """Do the work of the first ERASE that is anchored and waits; return whether something was done.

    Raises:
        CouldNotCheck: the store is busy or full; what was not done is done in a later turn.
    """
    return _erase_first(node, continuing=True)


def _erase_first(node: Node, *, continuing: bool) -> bool:
    with node.store.read() as connection:
        due = _first_due(connection, continuing=continuing)
        subject = None if due is None else subjects.find_by_pid(connection, due.row.pid)
    if due is None:
        return False
    if subject is None or subject.continues is None:
        return _do(node, due, None)
    try:
        require_own(node.settings, node.store)
    except (Refused, VerificationFailed) as error:
        _tell_missing(node, error)
        return _erase_first(node, continuing=False)  # the histories that continue none do not wait for it
    with former_node(node) as of_1:
        return _do(node, due, of_1)


def _do(node: Node, due: _Due, of_1: Node | None) -> bool:
    before = () if of_1 is None else due_of_format_1(of_1, due.row.pid, due.erase, due.time)
    if due.left or any(not row.erased for row in before):
        with node.store.write() as connection:
            _erase(node, connection, due, before, of_1)  # (1)
        if of_1 is not None:
            wipe_of_format_1(of_1, due.row.pid, before)  # (2)
    _forget_answers(node, {row.record_id for row in (*due.named, *before)})  # (3)
    stores = [node.store] if of_1 is None else [node.store, of_1.store]
    if not all([store.empty_of_deleted() for store in stores]):  # (4)
        return False  # somebody reads an earlier state of the file: in a later turn
    with node.store.write() as connection:
        erasures.mark_done(connection, due.row.log_index, node.clock.now_ms())  # (5)
    _log.info("%d records were erased, as the record at place %d says", len(due.over) + len(before), due.row.log_index)
    return True


def _tell_missing(node: Node, error: BonafidesError) -> None:
    with node.store.read() as connection:
        is_told = alarms.is_open(connection, alarms.FORMER_MISSING)
    if not is_told:
        with node.store.write() as connection:
            name = node.settings.former_path.name
            alarms.raise_alarm(connection, alarms.FORMER_MISSING, name, str(error), node.clock.now_ms())


def _first_due(connection: Connection, *, continuing: bool) -> _Due | None:
    row = erasures.first_waiting(connection, anchors.anchored_size(connection), continuing=continuing)
    erase = None if row is None else records.at(connection, row.log_index)
    own = None if row is None else anchors.first_covering(connection, row.log_index)
    if row is None or erase is None or own is None:
        return None
    rules = rules_named(erase)
    named = tuple(records.at_places(connection, row.pid, rules).values())
    over = []
    for record in named:
        anchor = anchors.first_covering(connection, record.log_index)
        if anchor is not None and (own.block_time - anchor.block_time) * _MS >= CLOCKS[rules[record.seq]]:
            over.append(record.seq)
    return _Due(row, erase, own.block_time, named, frozenset(over))


def _erase(node: Node, connection: Connection, due: _Due, before: tuple[RecordRow, ...], of_1: Node | None) -> None:
    erasures.overwrite_what_is_deleted(connection)
    for row in (*due.left, *before):
        forget_what_was_made_of(connection, row)
    erasures.wipe(connection, [row.log_index for row in due.left])
    former.forget_references(connection, [row.source_ref for row in before if not row.erased])
    if subjects.find_by_pid(connection, due.row.pid) is not None:
        earlier = _left_of_format_1(of_1, due.row.pid, {row.seq for row in before})
        states = folded_again(node, connection, chain(earlier, rows_of(connection, due.row.pid)))
        write_states_anew(node, connection, due.row.pid, states)
    replays.forget_of(connection, due.row.pid)


def _left_of_format_1(of_1: Node | None, pid: str, gone: set[int]) -> Iterator[RecordRow]:
    """Yield the records of format 1 as they will be: what is known of a subject was folded from them, too."""
    if of_1 is None:
        return
    with of_1.store.read() as connection:
        for row in rows_of(connection, pid):
            yield replace(row, payload=None, root_salt=None) if row.seq in gone else row


def _forget_answers(node: Node, ids: set[str]) -> None:
    with node.store.read() as connection:
        answers = erasures.answers_that_show(connection, ids)
    if answers:
        with node.store.write() as connection:
            erasures.overwrite_what_is_deleted(connection)
            erasures.forget_answers(connection, answers)
