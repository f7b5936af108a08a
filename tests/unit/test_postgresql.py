"""The server that tests start: real, killed and started again, each database of its own."""

from __future__ import annotations

import psycopg
import pytest

from tests.world.postgresql import running_server


def test_each_database_is_empty_and_holds_utf_8(postgresql):
    first, second = postgresql.new_database(), postgresql.new_database()
    with psycopg.connect(first, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
    with psycopg.connect(second) as connection:
        assert connection.execute("SELECT to_regclass('kept')").fetchone() == (None,)


def test_a_stranger_without_the_password_is_refused(postgresql):
    url = postgresql.new_database()
    user, _, place = url.partition("@")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"{user.rpartition(':')[0]}:wrong@{place}")


def test_what_was_committed_outlives_a_kill_and_connections_do_not():
    with running_server() as server:
        url = server.new_database()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 'written' AS word")
            server.kill()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT word FROM kept")
        server.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT word FROM kept").fetchone() == ("written",)
    assert not server.folder.exists()
