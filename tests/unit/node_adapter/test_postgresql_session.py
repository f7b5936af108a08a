"""What a session with a server rests on, whatever the role is set to; how it is opened, and that it is opened anew."""

from __future__ import annotations

import threading
from urllib.parse import quote

import pytest
from psycopg import sql

from node_adapter.store import identity
from node_adapter.store.changes import Changes
from node_adapter.store.engine import Store, open_store
from node_adapter.store.place import DatabaseUrl, read_database_url
from node_adapter.store.postgresql_engine import connect
from primitives.errors import InvalidInput
from tests.waiting import wait_until
from tests.world.postgresql import LOOPBACK, Postgresql

PASSWORD = "a b+c%/@:?#é中"


@pytest.fixture
def role_url(postgresql: Postgresql, postgresql_template: str):
    """Give the URL of a role of its own, whose password has every character that a URL writes otherwise."""
    database = postgresql.new_database_name(postgresql_template)
    name = f"role_of_{database}"
    with postgresql.administered() as connection:
        made = sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}").format(sql.Identifier(name), sql.Literal(PASSWORD))
        connection.execute(made)
    return read_database_url(f"postgresql://{name}:{quote(PASSWORD, safe='')}@{LOOPBACK}:{postgresql.port}/{database}")


def set_role(postgresql: Postgresql, url: DatabaseUrl, setting: str, value: str) -> None:
    statement = sql.SQL("ALTER ROLE {} SET {} = {}")
    named = sql.Identifier(str(url.for_driver.username)), sql.Identifier(setting), sql.Literal(value)
    with postgresql.administered() as connection:
        connection.execute(statement.format(*named))


def count_one(store: Store) -> None:
    with store.write() as connection:
        identity.put(connection, "count", str(int(identity.get(connection, "count") or 0) + 1))


def waits(store: Store) -> bool:
    with store.read() as connection:
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return bool(connection.exec_driver_sql(query).scalar_one())


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_writer_that_waited_sees_what_was_written_whatever_isolation_its_role_has(
    postgresql: Postgresql, role_url: DatabaseUrl, level: str
) -> None:
    set_role(postgresql, role_url, "default_transaction_isolation", level)
    first, second = open_store(role_url), open_store(role_url)
    waiting = threading.Thread(target=count_one, args=(second,))
    with first.write() as connection:
        waiting.start()
        wait_until(lambda: waits(first), "a second writer in the queue")
        identity.put(connection, "count", "1")
    waiting.join()
    with first.read() as connection:
        assert identity.get(connection, "count") == "2"
    first.dispose()
    second.dispose()


@pytest.mark.parametrize("encoding", ["GBK", "LATIN1", "SQL_ASCII"])
def test_every_character_is_kept_whatever_encoding_role_and_environment_name(
    postgresql: Postgresql, role_url: DatabaseUrl, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_role(postgresql, role_url, "client_encoding", encoding)
    monkeypatch.setenv("PGCLIENTENCODING", encoding)
    store = open_store(role_url)
    with store.write() as connection:
        identity.put(connection, "text", "é中😀")
    with store.read() as connection:
        assert identity.get(connection, "text") == "é中😀"
    store.dispose()


TIMEOUTS = "statement lock transaction idle_session idle_in_transaction_session"


@pytest.mark.parametrize("setting", [f"{what}_timeout" for what in TIMEOUTS.split()])
def test_no_timeout_of_the_role_ends_what_a_node_does(
    postgresql: Postgresql, role_url: DatabaseUrl, setting: str
) -> None:
    set_role(postgresql, role_url, setting, "90s")
    query = f"SHOW {setting}"
    store = open_store(role_url)
    with store.read() as connection:
        assert connection.exec_driver_sql(query).scalar_one() == "0"
    store.dispose()
    with connect(role_url) as session:
        assert session.execute(query).fetchall() == [("0",)]


def test_a_session_that_the_server_ended_costs_no_look_and_what_a_new_one_says_is_new(
    postgresql: Postgresql, role_url: DatabaseUrl
) -> None:
    """The new session may be with another server, which counts again from where the one before was."""
    store = open_store(role_url)
    changes = Changes(store)
    assert changes.any()
    assert not changes.any()
    with postgresql.administered() as connection:
        user = role_url.for_driver.username
        ended = connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [user])
        assert ended.fetchall() == [(True,)]
    assert changes.any()
    assert not changes.any()
    store.dispose()


@pytest.mark.parametrize("query", ["?connect_timeout=soon", "%00"])
def test_what_the_driver_would_stumble_over_is_refused(query: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_database_url(f"postgresql://u:p@h/d{query}")
    assert (caught.value.field, caught.value.rule) == ("database.url", "url")
