"""Writes that databases spell in different ways. No gateway names a dialect: a new one is taught here and to `engine`.

That one process writes at a time is `Store.write`'s business: whoever holds its connection decides from one state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects.sqlite import insert

Row = Mapping[str, object]


def add_once(connection: Connection, table: Table, row: Row) -> bool:
    """Add a row unless one of its keys is taken; tells whether it was added."""
    return connection.execute(insert(table).values(**row).on_conflict_do_nothing()).rowcount == 1


def upsert(
    connection: Connection,
    table: Table,
    row: Row,
    key: Sequence[str],
    changes: Mapping[str, object | ColumnElement[int]],
) -> None:
    """Add a row, or change the one with the same key.

    Args:
        connection: in a write transaction.
        table: where.
        row: what is added where the key is free.
        key: the columns of the key.
        changes: what is set where it is taken; a value, or an expression over the columns of the row that is there.
    """
    statement = insert(table).values(**row)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=dict(changes)))
