"""Deleting what an ERASE names, once its own anchor is final: one ERASE at a time, in steps that a kill cannot halve.

1. One transaction leaves of each named record its link, deletes what was made of it in other tables (findings, the
   credential's and the consent's text, the part in a task, a regulator's message, kept replays), and folds the
   subject's state again from what is left. A record whose clock was not over at the anchor of the ERASE stays: that an
   ERASE names what is there all the same refutes nothing.
2. Kept answers to earlier requests in which such a record stands are deleted.
3. The database's write-ahead log is emptied, so that no earlier page of the file shows it.
4. Only then the ERASE is noted as done. After a kill the next turn finds it waiting, and what is left of 1 to 3.

Backups are files of their own, and hold what they held: see docs/for-operators.md.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from domain.domains import States
from domain.erasure import CLOCKS
from domain.second_person import ORDER
from node_adapter.node import Node
from node_adapter.store import anchors, credentials, erasures, records, replays, subjects
from node_adapter.store.erasures import ErasureRow
from node_adapter.store.records import RecordRow
from node_adapter.workflows.intake.fold import dump_states, fold_again
from primitives.canonical import parse_json
from replay.records import Record
from replay.wire.consent_call import GIVE
from suitability.records.credential import ISSUE

_MS = 1000
_TASK_REFERENCE, _USE = "task_id", "DATA_USE"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Due:
    """An ERASE under a final anchor, and the records that it names."""

    row: ErasureRow
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
    with node.store.read() as connection:
        due = _first_due(connection)
    if due is None:
        return False
    if due.left:
        with node.store.write() as connection:
            due = _first_due(connection)
            if due is not None:
                _erase(node, connection, due)  # (1)
        if due is None:
            return True
    ids = {row.record_id for row in due.named}
    with node.store.read() as connection:
        answers = erasures.answers_that_show(connection, ids)
    if answers:
        with node.store.write() as connection:
            erasures.overwrite_what_is_deleted(connection)
            erasures.forget_answers(connection, answers)  # (2)
    if not node.store.empty_write_ahead_log():  # (3)
        return False  # somebody reads an earlier state of the file: in a later turn
    with node.store.write() as connection:
        erasures.mark_done(connection, due.row.log_index, node.clock.now_ms())  # (4)
    _log.info("%d records were erased, as the record at place %d says", len(due.over), due.row.log_index)
    return True


def _first_due(connection: Connection) -> _Due | None:
    row = erasures.first_waiting(connection, anchors.anchored_size(connection))
    erase = None if row is None else records.at(connection, row.log_index)
    own = None if row is None else anchors.first_covering(connection, row.log_index)
    if row is None or erase is None or own is None:
        return None
    payload = {} if erase.payload is None else json.loads(erase.payload)
    rules = {int(entry["seq"]): str(entry["rule"]) for entry in payload.get("erases", ())}
    named = tuple(records.at_places(connection, row.pid, rules).values())
    over = []
    for record in named:
        anchor = anchors.first_covering(connection, record.log_index)
        if anchor is not None and (own.block_time - anchor.block_time) * _MS >= CLOCKS[rules[record.seq]]:
            over.append(record.seq)
    return _Due(row, named, frozenset(over))


def _erase(node: Node, connection: Connection, due: _Due) -> None:
    erasures.overwrite_what_is_deleted(connection)
    for row in due.left:
        _forget_what_was_made_of(connection, row)
    erasures.wipe(connection, [row.log_index for row in due.left])
    subject = subjects.find_by_pid(connection, due.row.pid)
    if subject is not None:
        states = _folded_again(node, connection, _rows(connection, subject.pid))
        erasures.put_state(connection, subject.pid, dump_states(node, states))
    replays.forget_of(connection, due.row.pid)


def _forget_what_was_made_of(connection: Connection, row: RecordRow) -> None:
    payload: Mapping[str, Any] = {} if row.payload is None else json.loads(row.payload)
    if row.type == ISSUE and "credential_id" in payload:
        erasures.forget_credential(connection, payload["credential_id"], credentials.LOST_BODY)
    if row.type == GIVE and "consent_id" in payload:
        erasures.forget_consent(connection, row.pid, payload["consent_id"])
    if row.type == _USE and _TASK_REFERENCE in payload:
        erasures.forget_use(connection, row.pid, payload[_TASK_REFERENCE])
    if ORDER in payload:
        erasures.forget_order(connection, str(payload[ORDER]["body"]["id"]))


def _rows(connection: Connection, pid: str) -> Iterator[RecordRow]:
    for page in records.pages_of(connection, pid):
        yield from page


def _folded_again(node: Node, connection: Connection, rows: Iterator[RecordRow]) -> States:
    """Return what is known from the records that are left; one whose hidden fields decide that changes nothing."""
    states: States = {}
    for row in rows:
        if row.is_stub:
            continue
        values = {} if row.payload is None else json.loads(row.payload)
        envelope = parse_json(row.envelope, field="envelope")
        record = Record(
            row.pid, row.seq, row.record_id, row.type, row.fingerprint.hex(), row.log_index, envelope, values
        )
        after = fold_again(node, connection, states, record)
        states = states if after is None else after
    return states
