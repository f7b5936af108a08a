"""PostgreSQL 14 and newer: one writer by an advisory lock, readers with one snapshot, and a pool that mends itself.

Transactions are opened by us, as in SQLite: the driver's connections commit by themselves outside of them. A writer's
statements each see what was committed before (READ COMMITTED): with a snapshot of the whole transaction it would not
see what the holder of the lock before it wrote.
"""

from __future__ import annotations

import json
import re
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import psycopg
from psycopg import errors
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import DatabaseError, DataError, InterfaceError

from node_adapter.store.place import DatabaseUrl
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput

OLDEST = 14
WRITER_LOCK, RUNNING_LOCK = 0xB0AF1DE5_0001, 0xB0AF1DE5_0002
"""Advisory locks, which are this database's own: of the one writer, and of the node that runs on it."""

_BY_BYTES = ["-a", "1", "B", "_", "a", "\u00e9"]  # no language orders them so
_CONNECT_SECONDS = 10
_NUMBERED = re.compile(r"_\d+(_\d+)?$")  # as SQLAlchemy numbers the values that one column is compared with
_SETTINGS = {
    "synchronous_commit": "on",
    "search_path": "public",
    **dict.fromkeys(
        (
            "idle_in_transaction_session_timeout",
            "idle_session_timeout",
            "lock_timeout",
            "statement_timeout",
            "transaction_timeout",  # since version 17
        ),
        "0",
    ),
}
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SNAPSHOT = "SELECT pg_current_snapshot()::text"
_OLDER = (  # sessions that still see a state of before a snapshot
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND backend_xmin IS NOT NULL AND age(backend_xmin) > 0"
)
_ERASED_FROM = "record, finding, subject, credential, consent, idempotency, replay_order, replay_document, task_client"


class PostgresqlDatabase:
    """One database of a server; see `node_adapter.store.engine.DatabaseKind`."""

    def __init__(self, url: DatabaseUrl, busy_timeout_seconds: float) -> None:
        """Open nothing yet: the first connection does."""
        self._url = url
        self._begin_write = (
            f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '{round(busy_timeout_seconds * 1000)}ms'; "
            f"SELECT pg_advisory_xact_lock({WRITER_LOCK}); SET LOCAL lock_timeout = 0"
        )
        self.engine: Engine = create_engine(
            url.for_driver,
            connect_args={"autocommit": True, **_session_of(url)},
            hide_parameters=True,  # an error would show the statement's values, which are payloads and salts
            pool_pre_ping=True,  # a server that was started again breaks no request
        )
        event.listen(self.engine, "connect", _configure, insert=True)  # before SQLAlchemy reads what we may refuse
        event.listen(self.engine, "handle_error", _let_go_of_values)

    def turn(self) -> AbstractContextManager[None]:
        """Wait for nothing here: the server keeps the queue of its lock, and wakes who is next."""
        return nullcontext()

    def begin_read(self, connection: Connection) -> None:
        """See one snapshot, and be refused to write."""
        connection.exec_driver_sql(_READ)

    def begin_write(self, connection: Connection) -> None:
        """Wait for the writer before, and see what it wrote."""
        connection.exec_driver_sql(self._begin_write)

    def typed_error(self, error: DatabaseError | InterfaceError) -> BonafidesError | None:
        """Read the error's class as PostgreSQL names it (its manual, appendix A)."""
        if isinstance(error, DataError) and (name := _name_of_nul(error.params)) is not None:
            return InvalidInput(name, "control-character", "holds U+0000, which the database does not keep")
        if isinstance(error.orig, errors.ProgramLimitExceeded) and (name := _name_of_longest(error.params)) is not None:
            return InvalidInput(name, "length", "is longer than an index of the database can hold")
        return _as_typed_error(error.orig, is_lost=error.connection_invalidated)

    def commit_counter(self) -> Callable[[], str]:
        """Ask for the snapshot of the moment: a commit takes its transaction out of those under way, or lies behind.

        Other transactions of the server change it as well, which costs a look for nothing and loses none.
        """
        held: list[psycopg.Connection[tuple[object, ...]]] = []
        sessions = 0

        def asked() -> str:
            nonlocal sessions
            if not held:
                held.append(connect(self._url))
                sessions += 1  # another server may count again from where this one was: what it says is new
            try:
                [(snapshot,)] = held[0].execute(_SNAPSHOT, prepare=True).fetchall()
            except psycopg.Error:
                _close_all(held)
                raise
            return f"{sessions} {snapshot}"

        def count() -> str:
            may_be_old = bool(held)
            try:
                try:
                    return asked()
                except psycopg.OperationalError:
                    if not may_be_old:
                        raise
                    return asked()  # a server that was started again breaks no request
            except psycopg.Error as error:
                raise _as_typed_error(error) or error from None

        weakref.finalize(count, _close_all, held)
        return count

    def empty_of_deleted(self) -> bool:
        """Have the server take away what no transaction sees any more of the tables from which records are erased.

        The bytes lie in free room of the data files until it is used again, and in the write-ahead log and its archive
        as long as these are kept (docs/for-operators.md).
        """
        with self.engine.connect() as connection:
            must_wait = bool(connection.exec_driver_sql(_OLDER).scalar_one())
            if not must_wait:
                connection.exec_driver_sql(f"VACUUM {_ERASED_FROM}")
        return not must_wait

    def compact(self) -> None:
        """Write the tables anew."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("VACUUM FULL")


def connect(url: DatabaseUrl) -> psycopg.Connection[tuple[object, ...]]:
    """Open a session of its own, whose statements commit by themselves."""
    # By its parts, as SQLAlchemy does: libpq reads a URL by rules of its own, and an error of it shows the password.
    given = url.for_driver
    parts: dict[str, Any] = {**given.translate_connect_args(username="user", database="dbname"), **given.query}
    session = psycopg.connect(autocommit=True, **parts, **_session_of(url))
    _undo_settings(session)
    return session


def _close_all(sessions: list[psycopg.Connection[tuple[object, ...]]]) -> None:
    while sessions:
        sessions.pop().close()


@contextmanager
def typed_errors() -> Iterator[None]:
    """Turn what the driver raises outside of a store into typed errors."""
    try:
        yield
    except psycopg.Error as error:
        raise _as_typed_error(error, is_lost=True) or error from None


def _session_of(url: DatabaseUrl) -> dict[str, Any]:
    """Return what a session is asked for that its URL does not say; a peer that is gone is noticed within a minute."""
    asked: dict[str, Any] = {"application_name": "bonafides", "connect_timeout": _CONNECT_SECONDS}
    asked["client_encoding"] = "utf8"  # whatever role or environment say: a character would be lost or not be sent
    asked |= {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
    return {name: value for name, value in asked.items() if name not in url.for_driver.query}


def _configure(connection: psycopg.Connection[tuple[object, ...]], _record: object) -> None:
    """Require what a node rests on, and let no setting of the server or the role undo it."""
    _require_usable(connection)
    _undo_settings(connection)


def _undo_settings(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Set what a session rests on, as far as the server's version knows it."""
    query = "SELECT set_config(name, %s::jsonb ->> name, false) FROM pg_settings WHERE name = ANY(%s)"
    connection.execute(query, [json.dumps(_SETTINGS), list(_SETTINGS)])


def _require_usable(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    if connection.info.server_version < OLDEST * 10_000:
        raise CouldNotCheck("store-unsuitable", f"PostgreSQL is older than {OLDEST}")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise CouldNotCheck("store-unsuitable", f"the database's encoding is {encoding}, not UTF8")
    # Asked of the database: under another provider (ICU) the collation is called C and is none.
    ordered = "SELECT array_agg(word ORDER BY word) FROM unnest(%s::text[]) AS word"
    [(words,)] = connection.execute(ordered, [_BY_BYTES]).fetchall()
    if words != _BY_BYTES:
        raise CouldNotCheck("store-unsuitable", "the database orders text by a language and not by its bytes: not C")


def _as_typed_error(error: BaseException | None, *, is_lost: bool = False) -> BonafidesError | None:
    if isinstance(error, errors.LockNotAvailable):
        return CouldNotCheck("store-busy", "another process holds the database's write lock; try again")
    if isinstance(error, errors.DiskFull):
        return CouldNotCheck("store-full", "the disk of the database is full; nothing was stored")
    if is_lost or isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | psycopg.InternalError):
        return CouldNotCheck("store-unavailable", f"the database cannot be used: {_told(error)}")
    return None


def _let_go_of_values(context: ExceptionContext) -> BonafidesError | None:
    """Take out of an error what the server quotes: the row that broke a constraint, or a text that does not read."""
    error, wrapped = context.original_exception, context.sqlalchemy_exception
    if isinstance(error, UnicodeDecodeError):
        return CouldNotCheck("store-unreadable", "a column holds bytes that are no text in UTF-8")
    if isinstance(error, psycopg.Error):
        error.args = (_told(error),)
        if wrapped is not None:
            wrapped.args = error.args
    return None


def _told(error: BaseException | None) -> str:
    """Say what an error is. Of a statement's error it is the class, and what it is about, as the server names them.

    One without a class is the driver's: of the connection, which saw no row, or of what it was given, which it may
    quote.
    """
    if not isinstance(error, psycopg.Error) or error.sqlstate is None:
        of_connection = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        lines = str(error).splitlines() if of_connection else []
        return lines[0] if lines else type(error).__name__
    about = (error.diag.table_name, error.diag.column_name, error.diag.constraint_name)
    return " ".join([type(error).__name__, error.sqlstate, *filter(None, about)])


def _name_of_nul(params: object) -> str | None:
    """Return the name of the first value that holds U+0000."""
    return next((name for name, value in _texts(params) if "\0" in value), None)


def _name_of_longest(params: object) -> str | None:
    """Return the name of the longest value: the error names none."""
    return max(_texts(params), key=lambda text: len(text[1]), default=(None, ""))[0]


def _texts(params: object) -> Iterator[tuple[str, str]]:
    """Give each text of a statement's values with its name, which is its column's in our statements."""
    for row in params if isinstance(params, list) else [params]:
        for name, value in row.items() if isinstance(row, dict) else ():
            if isinstance(value, str):
                yield _NUMBERED.sub("", name.removeprefix("given_")), value
