"""A database's file as a whole: a copy of one snapshot, a copy without a log beside it, and whether it is sound."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

from node_adapter.store.spelling import POSTGRESQL
from primitives.errors import CouldNotCheck

_PAGES = 2048  # copied at a time


def copy_database(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Copy one snapshot by SQLite's backup API: pages that the write-ahead log holds are in it, writers go on.

    Args:
        source: the database.
        target: where the copy goes; there is no such file.
        progress: told how many pages are copied, and out of how many.

    Raises:
        CouldNotCheck: `store-unavailable`.
    """
    target.touch(mode=0o600, exist_ok=False)
    try:
        with closing(sqlite3.connect(source)) as origin, closing(sqlite3.connect(target)) as copy:
            origin.isolation_level = None
            origin.execute("BEGIN")
            origin.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on one snapshot, however long

            def told(_status: int, left: int, total: int) -> None:
                progress(total - left, total)

            origin.backup(copy, pages=_PAGES, progress=told)
    except sqlite3.Error as error:
        raise CouldNotCheck("store-unavailable", f"{source} cannot be copied: {error}") from error


def leave_wal(file: Path) -> None:
    """Turn the copy into one file without a write-ahead log beside it; the node turns it back when it opens it."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def integrity(connection: Connection) -> str:
    """Return `ok`, or what SQLite finds wrong with the file; a server looks after its own."""
    if connection.dialect.name == POSTGRESQL:
        return "ok"
    return str(connection.exec_driver_sql("PRAGMA quick_check").scalar_one())


def engine_of(connection: Connection) -> str:
    """Return what keeps the database, with its version."""
    if connection.dialect.name == POSTGRESQL:
        return f"PostgreSQL {connection.exec_driver_sql('SHOW server_version').scalar_one()}"
    return f"SQLite {sqlite3.sqlite_version}"
