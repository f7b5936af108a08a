"""One node's database: snapshots, and what its errors say."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, OperationalError

from node_adapter.store.engine import Store, after_commit, open_store
from node_adapter.store.migrate import upgrade
from primitives.errors import CouldNotCheck
from tests.refused_commit import refuse

_COUNT = text("select count(*) from setting")
_ADD = text("insert into setting values (:key, :value)")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "node.db"
    upgrade(path)
    return path


@pytest.fixture
def store(file: Path) -> Store:
    return open_store(file, busy_timeout_seconds=0.1)


def test_a_reader_sees_one_state_whatever_is_written_meanwhile(file: Path, store: Store) -> None:
    other = open_store(file)
    with store.read() as reader:
        before = reader.execute(_COUNT).scalar_one()
        with other.write() as writer:
            writer.execute(_ADD, {"key": "k", "value": "v"})
        assert reader.execute(_COUNT).scalar_one() == before
    with store.read() as reader:
        assert reader.execute(_COUNT).scalar_one() == before + 1


def test_what_is_written_through_a_reader_is_not_kept(store: Store) -> None:
    with store.read() as connection:
        connection.execute(_ADD, {"key": "k", "value": "v"})
    with store.read() as connection:
        assert connection.execute(_COUNT).scalar_one() == 0


def test_a_second_writer_is_told_that_the_store_is_busy(file: Path, store: Store) -> None:
    with open_store(file).write(), pytest.raises(CouldNotCheck) as caught, store.write():
        pytest.fail("two writers")
    assert caught.value.code == "store-busy"


def test_an_error_shows_no_value(store: Store) -> None:
    with pytest.raises(IntegrityError) as caught:
        _add(store, ["k", "k"], "a payload")
    assert "a payload" not in str(caught.value)


def test_a_file_that_is_no_database_is_a_typed_error(tmp_path: Path) -> None:
    damaged = tmp_path / "node.db"
    damaged.write_bytes(b"no database " * 1000)
    with pytest.raises(CouldNotCheck) as caught, open_store(damaged).read():
        pass
    assert caught.value.code == "store-unavailable"


def test_a_full_disk_is_told_and_nothing_is_kept(store: Store) -> None:
    with store.read() as connection:
        pages = connection.exec_driver_sql("pragma page_count").scalar_one()
        connection.exec_driver_sql(f"pragma max_page_count = {pages}")
    with pytest.raises(CouldNotCheck) as caught:
        _add(store, [f"k{number}" for number in range(2000)], "v" * 500)
    assert caught.value.code == "store-full"
    with store.read() as connection:
        assert connection.execute(_COUNT).scalar_one() == 0


@pytest.mark.parametrize(("free", "code"), [(4096, "store-full"), (2**30, "store-unavailable")])
def test_an_input_output_error_at_the_commit_of_a_full_disk_says_that_it_is_full(
    store: Store, monkeypatch: pytest.MonkeyPatch, free: int, code: str
) -> None:
    """What SQLite cannot enlarge beside the database, such as the log's index, it calls an input-output error."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=free))

    def fail(_connection: object) -> None:
        failed = sqlite3.OperationalError("disk I/O error")
        failed.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
        raise OperationalError("COMMIT", {}, failed)

    event.listen(store._engine, "commit", fail)
    with pytest.raises(CouldNotCheck) as caught:
        _add(store, ["k"], "v")
    assert caught.value.code == code
    with store.read() as connection:
        assert connection.execute(_COUNT).scalar_one() == 0


def test_a_commit_that_is_refused_keeps_nothing_and_holds_no_lock(file: Path, store: Store) -> None:
    done: list[str] = []
    with pytest.raises(IntegrityError):
        _refused(store, done)
    with store.read() as connection:
        assert connection.execute(_COUNT).scalar_one() == 0
        after_commit(connection, lambda: done.append("read"))
        assert done == ["read"]
    for each in (store, open_store(file)):
        with each.write() as connection:
            after_commit(connection, lambda: done.append("written"))
    assert done == ["read", "written", "written"]


def _refused(store: Store, done: list[str]) -> None:
    with store.write() as connection:
        connection.execute(_ADD, {"key": "k", "value": "v"})
        after_commit(connection, lambda: done.append("refused"))
        refuse(connection)


def _add(store: Store, keys: list[str], value: str) -> None:
    with store.write() as connection:
        for key in keys:
            connection.execute(_ADD, {"key": key, "value": value})
