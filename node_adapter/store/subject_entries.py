"""What domains know of a subject under keys (`domain.entries`): read by the key, written when it has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from node_adapter.store.schema import subject_entry
from node_adapter.store.spelling import insert_into


@dataclass(frozen=True)
class SubjectEntryRow:
    """What is kept of a subject under a key, as JSON."""

    pid: str
    key: str
    value: str


def find(connection: Connection, pid: str, key: str) -> SubjectEntryRow | None:
    """Return what is kept of a subject under a key, or None."""
    query = select(subject_entry).where(subject_entry.c.pid == pid, subject_entry.c.key == key)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else SubjectEntryRow(**row)


def put(connection: Connection, rows: Sequence[SubjectEntryRow]) -> None:
    """Keep rows in place of what was kept there."""
    if not rows:
        return
    statement = insert_into(subject_entry, connection.dialect)
    changed = statement.on_conflict_do_update(
        index_elements=["pid", "key"], set_={"value": statement.excluded["value"]}
    )
    connection.execute(changed, [vars(row) for row in rows])


def forget(connection: Connection, pid: str) -> None:
    """Delete what is kept of a subject."""
    connection.execute(delete(subject_entry).where(subject_entry.c.pid == pid))
