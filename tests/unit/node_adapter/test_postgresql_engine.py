"""A node's database on a server: who writes, what a reader sees, what is refused, and that a lost server comes back."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Table, make_url, text

from node_adapter.store import erasures, identity, postgresql_engine, running, subjects
from node_adapter.store.changes import Changes
from node_adapter.store.copying import copy_to_file, copy_to_server
from node_adapter.store.engine import Store, after_commit, open_store
from node_adapter.store.map.rows import MapAnchor, add_anchor
from node_adapter.store.migrate import require_empty, upgrade
from node_adapter.store.operations import add_once
from node_adapter.store.place import URL_FILE, DatabaseUrl, place_of, read_database_url, save_database_url
from node_adapter.store.postgresql_engine import connect
from node_adapter.store.running import RunningLock
from node_adapter.store.schema import chain_event, metadata, setting
from node_adapter.store.spelling import JsonMember
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from tests.waiting import wait_until
from tests.world.postgresql import Postgresql, running_server

SECRET = "a-pass-word"


@pytest.fixture
def url(postgresql: Postgresql, postgresql_template: str) -> DatabaseUrl:
    return read_database_url(postgresql.url(postgresql.new_database_name(postgresql_template)))


@pytest.fixture
def store(url: DatabaseUrl):
    opened = open_store(url, busy_timeout_seconds=0.2)
    yield opened
    opened.dispose()


@pytest.fixture
def fragile():
    """A server of the test's own, which it kills."""
    with running_server() as server:
        yield server


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mysql://u:%s@h/d",
        "postgresql://u:%s@h",
        "postgresql:///d",
        "postgresql://u:%s@h/d?passfile=/etc/passwd",
        "postgresql://u:%s@h/d?sslmode=require&sslmode=disable",
        "postgresql://u:%s@h:port/d",
        "postgresql://u:%s%00@h/d",
        "postgresql://u%00:%s@h/d",
        "postgresql://u:%s@h/d?connect_timeout=soon",
        "postgresql://u:%s@h/d?sslmode=%00",
        "postgresql://u:%s@h/d\n",
    ],
)
def test_what_is_no_url_of_postgresql_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_database_url(text.replace("%s", SECRET))
    assert (caught.value.field, caught.value.rule) == ("database.url", "url")
    assert SECRET not in str(caught.value)


def test_a_url_shows_no_password_and_is_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = f"postgresql://u:{SECRET}@h:1/d?sslmode=require"
    url = read_database_url(given)
    assert SECRET not in f"{url} {url!r}"
    assert place_of(tmp_path) == tmp_path / "node.db"
    save_database_url(tmp_path, url)
    assert (tmp_path / URL_FILE).stat().st_mode & 0o777 == 0o600
    assert place_of(tmp_path) == url
    assert url.given == given
    monkeypatch.setenv("BONAFIDES_DATABASE_URL", "postgresql://other/e")
    assert str(place_of(tmp_path)) == "postgresql://other/e"


@pytest.mark.parametrize("password", [SECRET, f"{SECRET} with spaces", f"{SECRET}%25zz", f"{SECRET}'", f"{SECRET}%20"])
def test_a_server_that_is_not_there_is_told_without_the_password(password: str) -> None:
    url = read_database_url(f"postgresql://u:{password}@127.0.0.1:1/d")
    for use in (open_store(url).read().__enter__, lambda: RunningLock(url), Changes(open_store(url)).any):
        with pytest.raises(CouldNotCheck) as caught:
            use()
        assert caught.value.code == "store-unavailable"
        assert "127.0.0.1" in str(caught.value)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("password", ["two words", "a%zz", "'\\ \"", "/?#[]@:"])
def test_a_password_of_any_characters_signs_in(postgresql: Postgresql, password: str) -> None:
    name = f"role {password}"
    with postgresql.administered() as connection:
        role = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        connection.execute(role.format(sql.Identifier(name), sql.Literal(password)))
    given = make_url(postgresql.url("postgres")).set(username=name, password=password)
    url = read_database_url(given.render_as_string(hide_password=False))
    with connect(url) as session:
        assert session.execute("SELECT current_user").fetchone() == (name,)


def test_a_writer_sees_what_the_one_before_it_wrote_although_it_waited(url: DatabaseUrl) -> None:
    """Its snapshot must not be older than the lock."""
    first, second = open_store(url), open_store(url)
    waiting = threading.Thread(target=_count_one, args=(second,))
    with first.write() as connection:
        waiting.start()
        wait_until(lambda: _somebody_waits(first), "a second writer in the queue")
        identity.put(connection, "count", "1")
    waiting.join()
    with first.read() as connection:
        assert identity.get(connection, "count") == "2"
    first.dispose()
    second.dispose()


def _count_one(store: Store) -> None:
    with store.write() as connection:
        identity.put(connection, "count", str(int(identity.get(connection, "count") or 0) + 1))


def _somebody_waits(store: Store) -> bool:
    with store.read() as connection:
        waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(connection.execute(waits).scalar_one())


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(CouldNotCheck), store.read() as connection:
        identity.put(connection, "k", "v")


def test_every_commit_is_noticed_and_a_look_alone_is_none(url: DatabaseUrl, store: Store) -> None:
    changes, other = Changes(store), open_store(url)
    assert changes.any()
    for value in ("1", "2"):
        with store.read() as connection:
            identity.get(connection, "k")
        assert not changes.any()
        with other.write() as connection:
            identity.put(connection, "k", value)
        assert changes.any()
    other.dispose()


def test_text_with_a_nul_is_refused_by_its_name(store: Store) -> None:
    with pytest.raises(InvalidInput) as caught, store.write() as connection:
        identity.put(connection, "k", "a\0b")
    assert (caught.value.field, caught.value.rule) == ("value", "control-character")
    with pytest.raises(InvalidInput) as caught, store.read() as connection:
        subjects.by_pids(connection, ["a\0"])
    assert caught.value.rule == "control-character"


def test_a_key_that_no_index_holds_is_refused_by_its_name(store: Store) -> None:
    with pytest.raises(InvalidInput) as caught, store.write() as connection:
        identity.put(connection, "".join(f"{number:x}" for number in range(4000)), "v")
    assert (caught.value.field, caught.value.rule) == ("key", "length")


def test_what_is_added_once_is_told_to_be_new_once(store: Store) -> None:
    row = {"key": "k", "value": "v"}
    with store.write() as connection:
        assert [add_once(connection, setting, row) for _ in range(2)] == [True, False]


def test_what_is_read_in_parts_leaves_the_transaction_as_it_is(store: Store) -> None:
    """A connection that went on reading by a cursor of the server could write nothing."""
    with store.write() as connection:
        assert erasures.answers_that_show(connection, ["r"]) == []
        assert add_once(connection, setting, {"key": "k", "value": "v"})


def test_an_event_of_any_length_is_stored(store: Store) -> None:
    """Whoever writes to the chain must not stop who reads it."""
    value = "".join(f"{number:x}" for number in range(20_000))
    event = {"block": 1, "log_index": 1, "tx_index": 0, "log_position": 0, "tx_hash": b"\1" * 32, "address": "0x"}
    event |= {"contract": "DidRegistry", "name": "DIDAttributeChanged", "args": f'{{"value":"{value}"}}'}
    with store.write() as connection:
        connection.execute(chain_event.insert().values(**event))
        found = JsonMember(chain_event.c.args, "value").in_([value])
        assert connection.execute(chain_event.select().where(found)).one().block == 1


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_another_encoding_is_refused(postgresql: Postgresql, encoding: str) -> None:
    with pytest.raises(CouldNotCheck, match="encoding") as caught:
        upgrade(read_database_url(postgresql.new_database(encoding=encoding)))
    assert caught.value.code == "store-unsuitable"


def test_a_server_older_than_the_oldest_is_refused(url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_engine, "OLDEST", 1000)
    with pytest.raises(CouldNotCheck, match="older than 1000") as caught, open_store(url).read():
        pass
    assert caught.value.code == "store-unsuitable"


def test_an_order_that_is_not_of_bytes_is_refused_although_the_collation_is_called_c(postgresql: Postgresql) -> None:
    order = "LC_COLLATE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'en'"
    with postgresql.administered() as connection:
        connection.execute(f"CREATE DATABASE ordered TEMPLATE template0 ENCODING 'UTF8' {order}")
    with pytest.raises(CouldNotCheck, match="bytes") as caught:
        upgrade(read_database_url(postgresql.url("ordered")))
    assert caught.value.code == "store-unsuitable"


def test_a_database_of_something_else_and_one_of_a_node_are_told_apart(
    postgresql: Postgresql, url: DatabaseUrl
) -> None:
    other = read_database_url(postgresql.new_database())
    require_empty(other)
    with psycopg.connect(other.given) as connection:
        connection.execute("CREATE TABLE invoice (id int)")
    for act in (require_empty, upgrade):
        with pytest.raises(Refused) as caught:
            act(other)
        assert caught.value.code == "store-foreign"
    with pytest.raises(Refused) as caught:
        require_empty(url)
    assert caught.value.code == "store-taken"


def test_a_database_is_one_running_node_s(url: DatabaseUrl, tmp_path: Path) -> None:
    mine = RunningLock(url)
    with pytest.raises(Refused) as caught:
        RunningLock(url)
    assert caught.value.code == "database-in-use"
    mine.let_go()
    RunningLock(url).let_go()
    RunningLock(tmp_path / "node.db").let_go()


def test_who_lost_the_lock_with_its_server_takes_it_again_unless_another_node_did(
    fragile: Postgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_LOOK_SECONDS", 0.0)
    url = read_database_url(fragile.new_database())
    mine = RunningLock(url)
    fragile.kill()
    for _ in range(2):
        mine.keep()  # nobody has it while the server is away
    fragile.start()
    other = RunningLock(url)
    with pytest.raises(Refused) as caught:
        mine.keep()
    assert caught.value.code == "database-in-use"
    other.let_go()
    mine.keep()
    with pytest.raises(Refused):
        RunningLock(url)
    mine.let_go()


def test_what_goes_to_a_file_and_back_is_the_same(
    url: DatabaseUrl, store: Store, postgresql: Postgresql, tmp_path: Path
) -> None:
    with store.write() as connection:
        for number in range(2500):  # more than is copied at a time
            identity.put(connection, f"k{number}", "v" * number)
        add_anchor(connection, MapAnchor(1, b"\1" * 32, 2**40, b"\0\1\2"), 3)
        connection.execute(metadata.tables["finding"].insert().values(record_id="r", code="c", rule="r", detail="d"))
    told: list[tuple[int, int]] = []
    copy_to_file(url, tmp_path / "copy.db", lambda done, total: told.append((done, total)))
    back = read_database_url(postgresql.new_database())
    copy_to_server(tmp_path / "copy.db", back, lambda _done, _total: None)
    assert told[-1] == (len(metadata.tables), len(metadata.tables))
    restored = open_store(back)
    for table in metadata.sorted_tables:
        with store.read() as one, restored.read() as other:
            assert set(one.execute(table.select())) == set(other.execute(table.select()))
    with restored.write() as connection:  # the numbers that the server gives go on behind those that came
        connection.execute(metadata.tables["finding"].insert().values(record_id="s", code="c", rule="r", detail="d"))
    restored.dispose()


def test_what_is_deleted_waits_for_who_still_sees_it(url: DatabaseUrl, store: Store) -> None:
    other = open_store(url)
    with other.read() as connection:
        identity.get(connection, "k")
        with store.write() as writer:
            identity.put(writer, "k", "v")
        assert not store.empty_of_deleted()
    wait_until(store.empty_of_deleted, "nobody who reads an earlier state")
    other.dispose()


def test_every_table_that_is_erased_from_is_vacuumed() -> None:
    erased_from = {entry.name for entry in vars(erasures).values() if isinstance(entry, Table)} - {"erasure"}
    assert erased_from <= set(postgresql_engine._ERASED_FROM.split(", "))


def test_a_server_that_was_killed_is_used_again_once_it_is_back(fragile: Postgresql) -> None:
    url = read_database_url(fragile.new_database())
    upgrade(url)
    store = open_store(url)
    changes, lock = Changes(store), RunningLock(url)
    with store.write() as connection:
        identity.put(connection, "k", "kept")
    assert changes.any()
    fragile.kill()
    for use in (store.read, store.write):
        with pytest.raises(CouldNotCheck) as caught, use():
            pass
        assert caught.value.code == "store-unavailable"
    with pytest.raises(CouldNotCheck) as caught:
        changes.any()
    assert caught.value.code == "store-unavailable"
    fragile.start()
    with store.read() as connection:
        assert identity.get(connection, "k") == "kept"
    changes.any()
    with store.write() as connection:
        identity.put(connection, "k", "new")
    assert changes.any()
    lock.let_go()
    store.dispose()


def test_a_commit_whose_answer_is_lost_does_nothing_that_comes_after_it(fragile: Postgresql) -> None:
    url = read_database_url(fragile.new_database())
    upgrade(url)
    store = open_store(url)
    done: list[str] = []
    with pytest.raises(CouldNotCheck) as caught:
        _written_when_the_server_dies(store, fragile, done)
    assert (caught.value.code, done) == ("store-unavailable", [])
    fragile.start()
    with store.write() as connection:  # and nobody holds the lock
        assert identity.get(connection, "k") is None
    store.dispose()


def _written_when_the_server_dies(store: Store, server: Postgresql, done: list[str]) -> None:
    with store.write() as connection:
        identity.put(connection, "k", "v")
        after_commit(connection, lambda: done.append("sent"))
        server.kill()
