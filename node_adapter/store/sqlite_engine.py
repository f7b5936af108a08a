"""SQLite in WAL mode: a write transaction takes its lock at the start."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from sqlite3 import Error as SqliteError
from typing import cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError

from node_adapter.store.turn import WriteTurn
from primitives.errors import CouldNotCheck

_ROOM_BYTES = 1024 * 1024
_PRIMARY = 0xFF  # the byte of a result code that its extended forms share
_NO_TEXT = re.compile(r"Could not decode to UTF-8 column '(\w*)'")  # the driver's words, which go on with what it holds


class SqliteDatabase:
    """One file; see `node_adapter.store.engine.DatabaseKind`."""

    def __init__(self, path: Path, busy_timeout_seconds: float) -> None:
        """Open the file at `path`, or make it."""
        self._folder = path.parent
        self._turn = WriteTurn(path, busy_timeout_seconds)
        self.engine: Engine = create_engine(
            f"sqlite:///{path}",
            connect_args={"timeout": busy_timeout_seconds},
            hide_parameters=True,  # an error would show the statement's values, which are payloads and salts
        )
        event.listen(self.engine, "connect", _configure)

    def turn(self) -> AbstractContextManager[None]:
        """Wait in the queue that the kernel keeps of this machine's writers."""
        return self._turn.held()

    def begin_read(self, connection: Connection) -> None:
        """See one snapshot: without it each SELECT would see a state of its own."""
        connection.exec_driver_sql("BEGIN")

    def begin_write(self, connection: Connection) -> None:
        """Take the file's write lock."""
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def typed_error(self, error: DatabaseError | InterfaceError) -> CouldNotCheck | None:
        """Tell a damaged file by the bare class; the other classes below it, such as a broken constraint, are ours."""
        return self._as_typed_error(error.orig) if type(error) in (DatabaseError, OperationalError) else None

    def commit_counter(self) -> Callable[[], int]:
        """Ask SQLite's own count of other connections' commits.

        It passes by SQLAlchemy: it is asked many times a second, and its whole worth is that it costs microseconds.
        """
        connection = self.engine.connect()
        driver = cast(SqliteConnection, connection.connection.driver_connection)
        connection.detach()

        def count(_kept: Connection = connection) -> int:
            try:
                return int(driver.execute("PRAGMA data_version").fetchone()[0])
            except SqliteError as error:
                raise self._as_typed_error(error) from None

        return count

    def empty_of_deleted(self) -> bool:
        """Bring what is committed into the file itself, and empty its write-ahead log of earlier pages."""
        with self.engine.connect() as connection:
            before = int(connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one())
            connection.exec_driver_sql("PRAGMA busy_timeout = 0")  # it would hold the write lock while it waits
            try:
                return not connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {before}")

    def compact(self) -> None:
        """Write the file anew."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def _as_typed_error(self, error: BaseException | None) -> CouldNotCheck:
        """Tell the kind alone: the driver's words may quote what a column holds."""
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return CouldNotCheck("store-busy", "another process holds the database's write lock; try again")
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _has_no_room(self._folder)):
            return CouldNotCheck("store-full", "the disk of the database is full; nothing was stored")
        if (column := _NO_TEXT.match(str(error))) is not None:
            return CouldNotCheck("store-unreadable", f"the column {column[1]} holds bytes that are no text in UTF-8")
        name = getattr(error, "sqlite_errorname", "an error of the driver")
        return CouldNotCheck("store-unavailable", f"the database cannot be used: {name}")


def _configure(connection: SqliteConnection, _record: object) -> None:
    connection.isolation_level = None  # transactions are opened by us: pysqlite would open them too late
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _has_no_room(folder: Path) -> bool:
    """Say whether a disk is full: what SQLite cannot enlarge beside the database it calls an input-output error."""
    try:
        return shutil.disk_usage(folder).free < _ROOM_BYTES
    except OSError:
        return False
