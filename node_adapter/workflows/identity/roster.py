"""Whose keys sign for the broker's staff, read from its own log and kept up to date by the log's growth."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection

from evidence.log.roster import Roster
from node_adapter.node import Node
from node_adapter.store import house_records
from suitability.records.staff import END, ENROL


@dataclass(frozen=True)
class _View:
    """The roster as of the first `size` records."""

    size: int
    roster: Roster


def roster_of(node: Node, connection: Connection, log_size: int) -> Roster:
    """Return who was enrolled by the first `log_size` records; only what the log has grown by is read."""
    known = node.views.peek("roster", "")
    base = known if isinstance(known, _View) and known.size <= log_size else _View(0, Roster(node.did))
    return node.views.get(connection, "roster", "", log_size, lambda: _extend(connection, base, log_size)).roster


def _extend(connection: Connection, base: _View, log_size: int) -> _View:
    roster = base.roster
    for row in house_records.of_types(connection, [ENROL, END], base.size, log_size):
        values = {} if row.payload is None else json.loads(row.payload)  # what came back from others may show nothing
        block = row.block or 0  # null in rows of before revision 5, when nobody was enrolled yet
        if row.type == END:
            roster = roster.with_end(row.pid, row.log_index)
        else:
            roster = roster.with_enrolment(row.pid, row.log_index, block, row.fingerprint.hex(), values)
    return _View(log_size, roster)
