"""The same tests on either database: what they open as a file is a database of a PostgreSQL server instead.

A test that is marked `both_databases` runs on both; with `--database=postgresql` every test runs on PostgreSQL alone.
Either way those of `tests/not_on_postgresql.txt` do not, which gives each its reason.
A file stands where SQLite's would, and names the database: a copy of the file stands for a copy of the database.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import Connection, text

from node_adapter.store import migrate, sqlite_engine
from node_adapter.store.copying import copy_to_file, copy_to_server
from node_adapter.store.engine import Store, open_store
from node_adapter.store.place import read_database_url, save_database_url
from node_adapter.store.postgresql_engine import PostgresqlDatabase
from node_adapter.store.snapshot import copy_database
from tests.tree import ROOT
from tests.world.postgresql import Postgresql

SQLITE, POSTGRESQL = "sqlite", "postgresql"
OPTION = "--database"
MARK = "both_databases"
NOT_ON_POSTGRESQL = ROOT / "tests" / "not_on_postgresql.txt"
_INDEXES_OF_SQLITE = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
_INDEXES_OF_POSTGRESQL = (  # those of keys are made, and named, with the table, as SQLite's are
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
    "AND to_regclass(indexname) NOT IN (SELECT conindid FROM pg_constraint)"
)
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


def move_to_server(server: Postgresql, home: Path) -> None:
    """Let the database of a node's directory be on a server from here on, for whatever process opens it."""
    url = read_database_url(server.new_database())
    copy_to_server(home / "node.db", url, lambda _done, _total: None)
    save_database_url(home, url)
    (home / "node.db").unlink()


def indexes(connection: Connection) -> dict[str, str]:
    """Return what each index is of that is no key's, by name, in the database's own words."""
    of_postgresql = connection.dialect.name == POSTGRESQL
    found = connection.execute(text(_INDEXES_OF_POSTGRESQL if of_postgresql else _INDEXES_OF_SQLITE))
    return {name: " ".join(written.split()) for name, written in found}


def stand_for_databases() -> bool:
    """Say whether files stand for databases of a server, in the test that runs."""
    return not isinstance(sqlite_engine.SqliteDatabase, type)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that runs every test on PostgreSQL."""
    parser.addoption(OPTION, choices=(SQLITE, POSTGRESQL), default=None, help="the database of every test")


@cache
def not_on_postgresql() -> dict[str, str]:
    """Return the reasons of the tests that run on SQLite alone, by the id of a test, its parameters left out."""
    lines = NOT_ON_POSTGRESQL.read_text("utf-8").splitlines()
    return dict(line.split("\t") for line in lines if not line.startswith("#"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, where every test is asked for on PostgreSQL, those that say something of SQLite."""
    if config.getoption(OPTION) != POSTGRESQL:
        return
    left_out = not_on_postgresql().keys()
    config.hook.pytest_deselected(items=[item for item in items if _name_of(item) in left_out])
    items[:] = [item for item in items if _name_of(item) not in left_out]


def _name_of(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a marked test on both databases, and every test on the one that is asked for."""
    asked = metafunc.config.getoption(OPTION)
    marked = metafunc.definition.get_closest_marker(MARK) is not None
    if "database_kind" in metafunc.fixturenames and (marked or asked is not None):
        both = [SQLITE] if _name_of(metafunc.definition) in not_on_postgresql() else [SQLITE, POSTGRESQL]
        metafunc.parametrize("database_kind", [asked] if asked else both, indirect=True)


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
