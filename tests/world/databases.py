"""The same tests on either database: what they open as a file is a database of a PostgreSQL server instead.

A test that is marked `both_databases` runs on both; with `--database=postgresql` every test runs on PostgreSQL alone.
A file stands where SQLite's would, and names the database: a copy of the file stands for a copy of the database.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from psycopg import sql

from node_adapter.store import migrate, sqlite_engine
from node_adapter.store.copying import copy_to_file
from node_adapter.store.engine import Store, open_store
from node_adapter.store.place import read_database_url
from node_adapter.store.postgresql_engine import PostgresqlDatabase
from node_adapter.store.snapshot import copy_database
from tests.world.postgresql import Postgresql

SQLITE, POSTGRESQL = "sqlite", "postgresql"
OPTION = "--database"
MARK = "both_databases"
_STANDS_FOR = "database "
_SERVER = "BONAFIDES_TEST_POSTGRESQL"  # tells the processes that a test starts which server it is


class FilesOnPostgresql:
    """Databases of a server, by the files that stand for them."""

    def __init__(self, server: Postgresql, monkeypatch: pytest.MonkeyPatch, template: str | None) -> None:
        """From here on a file that SQLite did not write stands for a database, which is made when it is opened.

        Args:
            server: where.
            monkeypatch: puts the product's own way back.
            template: the database that each is a copy of; None for empty ones.
        """
        self._server = server
        self._template = template
        self._made: list[str] = []
        self._opened: list[PostgresqlDatabase] = []
        self._sqlite = sqlite_engine.SqliteDatabase
        monkeypatch.setenv(_SERVER, server.url(""))
        monkeypatch.setattr(sqlite_engine, "SqliteDatabase", self._open)

    def drop(self) -> None:
        """Drop every database of a test."""
        for database in self._opened:
            database.engine.dispose()
        with self._server.administered() as connection:
            for name in self._made:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _open(self, path: Path, busy_timeout_seconds: float) -> object:
        held = path.read_bytes() if path.is_file() and path.stat().st_size < os.pathconf(path, "PC_PATH_MAX") else None
        if path.is_file() and (held is None or (held and not held.startswith(_STANDS_FOR.encode()))):
            return self._sqlite(path, busy_timeout_seconds)
        found = (held or b"").decode("utf-8").removeprefix(_STANDS_FOR).split(" ", 1)
        name, own = found if len(found) == 2 else (None, None)
        if name is None or own != str(path):
            name = self._server.new_database_name(self._template if name is None else name)
            self._made.append(name)
            path.write_text(f"{_STANDS_FOR}{name} {path}", "utf-8")
        database = PostgresqlDatabase(read_database_url(self._server.url(name)), busy_timeout_seconds)
        self._opened.append(database)
        return database


def open_file(path: Path) -> Store:
    """Open what a file of a test is or stands for, in a process that the test started."""
    if not path.read_bytes().startswith(_STANDS_FOR.encode()):
        return open_store(path)
    name = path.read_text("utf-8").removeprefix(_STANDS_FOR).split(" ", 1)[0]
    return open_store(read_database_url(os.environ[_SERVER] + name))


def copy_file(source: Path, target: Path) -> None:
    """Copy what a file of a test is or stands for while it is used; there is no target yet."""
    if source.read_bytes().startswith(_STANDS_FOR.encode()):
        name = source.read_text("utf-8").removeprefix(_STANDS_FOR).split(" ", 1)[0]
        copy_to_file(read_database_url(os.environ[_SERVER] + name), target, lambda _done, _total: None)
    else:
        copy_database(source, target, lambda _done, _total: None)


def stand_for_databases() -> bool:
    """Say whether files stand for databases of a server, in the test that runs."""
    return not isinstance(sqlite_engine.SqliteDatabase, type)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that runs every test on PostgreSQL."""
    parser.addoption(OPTION, choices=(SQLITE, POSTGRESQL), default=None, help="the database of every test")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a marked test on both databases, and every test on the one that is asked for."""
    asked = metafunc.config.getoption(OPTION)
    marked = metafunc.definition.get_closest_marker(MARK) is not None
    if "database_kind" in metafunc.fixturenames and (marked or asked is not None):
        metafunc.parametrize("database_kind", [asked] if asked else [SQLITE, POSTGRESQL], indirect=True)


@pytest.fixture(autouse=True)
def database_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """Say on which database a test runs, and let it."""
    kind = getattr(request, "param", SQLITE)
    if kind == SQLITE:
        yield kind
        return
    mark = request.node.get_closest_marker(MARK)
    is_empty = mark is not None and mark.kwargs.get("empty", False)
    template = None if is_empty else request.getfixturevalue("postgresql_template")
    files = FilesOnPostgresql(request.getfixturevalue("postgresql"), monkeypatch, template)
    try:
        yield kind
    finally:
        files.drop()


@pytest.fixture(scope="session")
def postgresql_template(postgresql: Postgresql) -> str:
    """A database with the newest schema: a copy of it is made in a tenth of the time that the revisions take."""
    url = postgresql.new_database()
    migrate.upgrade(read_database_url(url))
    return url.rpartition("/")[2]
