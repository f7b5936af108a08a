"""Opening a node's database, and its transactions.

SQLite runs in WAL mode; a write transaction takes its lock at the start.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from sqlite3 import Error as SqliteError
from typing import cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from node_adapter.store.turn import WriteTurn
from primitives.errors import CouldNotCheck

BUSY_TIMEOUT_SECONDS = 10
_ROOM_BYTES = 1024 * 1024
_AFTER_COMMIT = "bonafides_after_commit"  # what a write transaction's connection carries: a list of what is to be done


class Store:
    """One node's database. `read()` and `write()` give a connection inside a transaction."""

    def __init__(self, engine: Engine, folder: Path, turn: WriteTurn) -> None:
        """Wrap an engine, whose file lies in a folder; `open_store` makes one."""
        self._engine = engine
        self._folder = folder
        self._turn = turn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one snapshot; nothing written through it is kept."""
        with _translated_errors(self._folder), self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")  # without it each SELECT would see a state of its own
            yield connection
            connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection that holds the write lock; commits at the end, rolls back on any error.

        Raises:
            CouldNotCheck: `store-busy` when another process holds the lock too long, `store-full` on a full disk.
        """
        owed: list[Callable[[], None]] = []
        with self._turn.held(), _translated_errors(self._folder), self._engine.connect() as connection:
            connection.execution_options(**{_AFTER_COMMIT: owed})
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            try:
                connection.commit()
            except BaseException:
                connection.invalidate()  # the refused transaction stays open, and with it the lock: closing ends both
                raise
        for act in owed:
            act()

    def commit_counter(self) -> Callable[[], int]:
        """Give what reads a number that every commit changes. It holds a connection of its own, which writes nothing.

        It passes by SQLAlchemy: it is asked many times a second, and its whole worth is that it costs microseconds.
        """
        connection = self._engine.connect()
        driver = cast(SqliteConnection, connection.connection.driver_connection)
        connection.detach()

        def count(_kept: Connection = connection) -> int:
            try:
                return int(driver.execute("PRAGMA data_version").fetchone()[0])
            except SqliteError as error:
                raise _as_typed_error(str(error), self._folder) from error

        return count

    def empty_write_ahead_log(self) -> bool:
        """Bring all that is committed into the file itself, and empty its write-ahead log of earlier pages.

        Returns:
            False where it must wait: another connection still reads an earlier state, or writes.
        """
        with _translated_errors(self._folder), self._engine.connect() as connection:
            before = int(connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one())
            connection.exec_driver_sql("PRAGMA busy_timeout = 0")  # it would hold the write lock while it waits
            try:
                return not connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {before}")

    def compact(self) -> None:
        """Write the file anew without what was deleted from it; nobody else may use the database meanwhile."""
        with _translated_errors(self._folder), self._engine.connect() as connection:
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def dispose(self) -> None:
        """Close every connection; call it in a child after a fork."""
        self._engine.dispose()


def after_commit(connection: Connection, act: Callable[[], None]) -> None:
    """Do something once all that a store's transaction shows is committed: in `read` at once; never when it is not."""
    owed: list[Callable[[], None]] | None = connection.get_execution_options().get(_AFTER_COMMIT)
    if owed is None:
        act()
    else:
        owed.append(act)


def open_store(path: Path, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> Store:
    """Open the SQLite file at `path`; the schema is brought up to date by `node_adapter.store.migrate`."""
    # An error of SQLAlchemy would show the statement's values, which are payloads and salts.
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": busy_timeout_seconds}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _configure(connection: SqliteConnection, _record: object) -> None:
        connection.isolation_level = None  # transactions are opened by us: pysqlite would open them too late
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return Store(engine, path.parent, WriteTurn(path, busy_timeout_seconds))


@contextmanager
def _translated_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        # A damaged file is told by the bare class; the other classes below it, such as a broken constraint, are ours.
        if type(error) not in (DatabaseError, OperationalError):
            raise
        raise _as_typed_error(str(error.orig), folder) from error


def _as_typed_error(text: str, folder: Path) -> CouldNotCheck:
    if "locked" in text or "busy" in text:
        return CouldNotCheck("store-busy", "another process holds the database's write lock; try again")
    if "full" in text or ("disk I/O error" in text and _has_no_room(folder)):
        return CouldNotCheck("store-full", "the disk of the database is full; nothing was stored")
    return CouldNotCheck("store-unavailable", f"the database cannot be used: {text}")


def _has_no_room(folder: Path) -> bool:
    """Say whether a disk is full: what SQLite cannot enlarge beside the database it calls an input-output error."""
    try:
        return shutil.disk_usage(folder).free < _ROOM_BYTES
    except OSError:
        return False
