"""A node's database, and its transactions: one Store over SQLite or PostgreSQL (docs/adr/0079).

Whatever the engine, a reader sees one snapshot and there is one writer at a time, who holds the lock from the start.
How each engine does it, and what its errors mean, stand in a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError, InterfaceError

from node_adapter.store import postgresql_engine, sqlite_engine
from node_adapter.store.place import Place
from primitives.errors import BonafidesError

BUSY_TIMEOUT_SECONDS = 10
_AFTER_COMMIT = "bonafides_after_commit"  # what a write transaction's connection carries: a list of what is to be done


class DatabaseKind(Protocol):
    """What differs between the engines."""

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, with its pool of connections."""

    def turn(self) -> AbstractContextManager[None]:
        """Wait until it is this writer's turn, where the database itself wakes nobody who waits."""

    def begin_read(self, connection: Connection) -> None:
        """Begin a transaction that sees one snapshot."""

    def begin_write(self, connection: Connection) -> None:
        """Begin a transaction that holds the lock of the one writer, and sees all that was committed before."""

    def typed_error(self, error: DatabaseError | InterfaceError) -> BonafidesError | None:
        """Return what an error of the database means, or None of a fault of the program, such as a broken key."""

    def commit_counter(self) -> Callable[[], int | str]:
        """Give what `Store.commit_counter` does."""

    def empty_of_deleted(self) -> bool:
        """Do what `Store.empty_of_deleted` does."""

    def compact(self) -> None:
        """Do what `Store.compact` does."""


class Store:
    """One node's database. `read()` and `write()` give a connection inside a transaction."""

    def __init__(self, kind: DatabaseKind) -> None:
        """Wrap an opened database; `open_store` makes one."""
        self._kind = kind
        self._engine = kind.engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one snapshot; nothing written through it is kept."""
        with self._translated_errors(), self._engine.connect() as connection:
            self._kind.begin_read(connection)
            yield connection
            connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection that holds the write lock; commits at the end, rolls back on any error.

        Raises:
            CouldNotCheck: `store-busy` when another process holds the lock too long, `store-full` on a full disk,
                `store-unavailable`, `store-unreadable` of a column of text that holds none. Where the connection to a
                server breaks at the commit nobody knows whether what was written is kept: who repeats the act must find
                it, as everything here does by its key.
        """
        owed: list[Callable[[], None]] = []
        with self._kind.turn(), self._translated_errors(), self._engine.connect() as connection:
            connection.execution_options(**{_AFTER_COMMIT: owed})
            self._kind.begin_write(connection)
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

    def commit_counter(self) -> Callable[[], int | str]:
        """Give what reads a value that every commit changes. It holds a connection of its own, which writes nothing."""
        with self._translated_errors():
            count = self._kind.commit_counter()

        def counted() -> int | str:
            with self._translated_errors():
                return count()

        return counted

    def empty_of_deleted(self) -> bool:
        """Bring all that is committed to its place, and take away what the database keeps of earlier states.

        Returns:
            False where it must wait: another connection still reads an earlier state, or writes.
        """
        with self._translated_errors():
            return self._kind.empty_of_deleted()

    def compact(self) -> None:
        """Write the database anew without what was deleted from it; nobody else may use it meanwhile."""
        with self._translated_errors():
            self._kind.compact()

    def dispose(self) -> None:
        """Close every connection; call it in a child after a fork."""
        self._engine.dispose()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except (DatabaseError, InterfaceError) as error:
            typed = self._kind.typed_error(error)
            if typed is None:
                raise
            raise typed.with_traceback(error.__traceback__) from None  # the driver's words may quote what is stored


def after_commit(connection: Connection, act: Callable[[], None]) -> None:
    """Do something once all that a store's transaction shows is committed: in `read` at once; never when it is not."""
    owed: list[Callable[[], None]] | None = connection.get_execution_options().get(_AFTER_COMMIT)
    if owed is None:
        act()
    else:
        owed.append(act)


def open_store(place: Place, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> Store:
    """Open the database at a place; the schema is brought up to date by `node_adapter.store.migrate`."""
    if isinstance(place, Path):
        return Store(sqlite_engine.SqliteDatabase(place, busy_timeout_seconds))
    return Store(postgresql_engine.PostgresqlDatabase(place, busy_timeout_seconds))
