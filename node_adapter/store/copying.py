"""A database's rows, from one engine to the other: what a backup and a restore of a node on PostgreSQL are made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Column, Connection, Table, func, select, text

from node_adapter.store.engine import Store, open_store
from node_adapter.store.migrate import make_in_empty, require_current, upgrade
from node_adapter.store.operations import add_many
from node_adapter.store.place import DatabaseUrl
from node_adapter.store.schema import metadata
from node_adapter.store.spelling import POSTGRESQL

_ROWS = 1000  # read and written at a time


def copy_to_file(source: DatabaseUrl, target: Path, progress: Callable[[int, int], None]) -> None:
    """Write one snapshot of a server's database into a new file of SQLite; writers go on.

    Args:
        source: the database, whose schema is this version's.
        target: where the copy goes; there is no such file.
        progress: told how many tables are copied, and out of how many.

    Raises:
        Refused: `store-behind`.
        CouldNotCheck: `store-too-new`, `store-unavailable`.
    """
    require_current(source)
    target.touch(mode=0o600, exist_ok=False)
    upgrade(target)
    _copy(open_store(source), open_store(target), progress)


def copy_to_server(source: Path, target: DatabaseUrl, progress: Callable[[int, int], None]) -> None:
    """Write what a file of SQLite holds into an empty database of a server: all of it, or nothing.

    Raises:
        Refused: `store-taken`, `store-foreign`; `store-behind`.
        CouldNotCheck: `store-too-new`, `store-unavailable`, `store-unsuitable`.
    """
    require_current(source)
    _copy(open_store(source), open_store(target), progress, lambda connection: make_in_empty(connection, target))


def _copy(
    source: Store,
    target: Store,
    progress: Callable[[int, int], None],
    begin: Callable[[Connection], None] = lambda _connection: None,
) -> None:
    tables = metadata.sorted_tables
    try:
        with source.read() as reading, target.write() as writing:
            begin(writing)
            for done, table in enumerate(tables):
                progress(done, len(tables))
                _copy_table(reading, writing, table)
            progress(len(tables), len(tables))
    finally:
        source.dispose()
        target.dispose()


def _copy_table(source: Connection, target: Connection, table: Table) -> None:
    columns = tuple(column.name for column in table.columns)
    found = source.execute(select(table), execution_options={"yield_per": _ROWS})
    for rows in found.partitions():
        add_many(target, table, columns, [tuple(row) for row in rows])
    column = table.autoincrement_column
    if target.dialect.name == POSTGRESQL and column is not None:
        _count_on(target, table, column)


def _count_on(connection: Connection, table: Table, column: Column[int]) -> None:
    """Let the numbers that the database gives itself begin behind those that were copied."""
    newest = connection.execute(select(func.max(column))).scalar_one()
    if newest is not None:
        sequence = text("SELECT setval(pg_get_serial_sequence(:of, :column), :newest)")
        connection.execute(sequence, {"of": table.name, "column": column.name, "newest": newest})
