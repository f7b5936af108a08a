"""What each database spells or bounds in its way. No gateway names a dialect: a new one is taught here and to `engine`.

That one process writes at a time is `Store.write`'s business: whoever holds its connection decides from one state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TypeVar

from sqlalchemy import ClauseElement, Column, ColumnElement, Connection, Dialect, Table, bindparam, update

from node_adapter.store.spelling import insert_into

Row = Mapping[str, object]
_Value = TypeVar("_Value")
_MAX_VARIABLES = 500  # SQLite bounds the variables of one statement
_Compiled = tuple[str, Callable[[tuple[object, ...]], object]]
"""A statement as the driver takes it, and what makes its parameters of a row."""


def in_parts(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    """Give values in their order, as many at a time as one statement may ask for."""
    for start in range(0, len(values), _MAX_VARIABLES):
        yield values[start : start + _MAX_VARIABLES]


def add_once(connection: Connection, table: Table, row: Row) -> bool:
    """Add a row unless one of its keys is taken; tells whether it was added."""
    statement = insert_into(table, connection.dialect).values(**row).on_conflict_do_nothing()
    # SQLAlchemy keeps the number of an INSERT's rows only where it is told to.
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount == 1


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
    statement = insert_into(table, connection.dialect).values(**row)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=dict(changes)))


def move_places(connection: Connection, place: Column[int], start: int, by: int) -> None:
    """Add a number to each place from `start` on, in a column that is unique: over negative ones, so that none meets.

    Args:
        connection: in a write transaction.
        place: the column, which holds numbers from 0 on.
        start: the first place that moves.
        by: how far; the place that `start` moves to is 0 or more.
    """
    connection.execute(update(place.table).where(place >= start).values({place: -1 - (place + by)}))
    connection.execute(update(place.table).where(place < 0).values({place: -1 - place}))


def add_many(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]
) -> None:
    """Add rows by one statement.

    The driver gets them as they are: SQLAlchemy spends three times as long on a row as the database. So values are
    numbers, bytes or text.

    Args:
        connection: in a write transaction.
        table: where.
        columns: what each value of a row is.
        rows: none has a key that is taken, or of another one.
    """
    _execute_many(connection, _adding(connection.dialect, table, columns), rows)


def update_many(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]
) -> None:
    """Set columns of many rows by one statement, as `add_many` adds them; what is not there stays away.

    Args:
        connection: in a write transaction.
        table: where.
        columns: what each value of a row is; the first is the key, by which the row is found.
        rows: the values.
    """
    _execute_many(connection, _updating(connection.dialect, table, columns), rows)


def _execute_many(connection: Connection, compiled: _Compiled, rows: Sequence[tuple[object, ...]]) -> None:
    text, arranged = compiled
    if rows:
        connection.exec_driver_sql(text, [arranged(row) for row in rows])


@lru_cache(maxsize=32)
def _adding(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> _Compiled:
    statement = table.insert().values({column: bindparam(_name(column)) for column in columns})
    return _compiled(statement, dialect, columns)


@lru_cache(maxsize=32)
def _updating(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> _Compiled:
    key, *others = columns
    statement = update(table).where(table.c[key] == bindparam(_name(key)))
    return _compiled(statement.values({column: bindparam(_name(column)) for column in others}), dialect, columns)


def _compiled(statement: ClauseElement, dialect: Dialect, columns: tuple[str, ...]) -> _Compiled:
    compiled, names = statement.compile(dialect=dialect), [*map(_name, columns)]
    order: Sequence[str] | None = compiled.positiontup  # type: ignore[attr-defined] # of every statement that is run
    if order is None:  # the driver takes parameters by their names
        return str(compiled), lambda row: dict(zip(names, row, strict=True))
    return str(compiled), itemgetter(*map(names.index, order))


def _name(column: str) -> str:
    """Return the name of a column's parameter: SQLAlchemy keeps the columns' own names for itself."""
    return f"given_{column}"
