"""What the database says of an error may quote what is stored: we tell the kind, and a column's name at the most."""

from __future__ import annotations

import logging
import traceback

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from node_adapter.fsck.check import Fsck, FsckState
from node_adapter.store.engine import Store, open_store
from node_adapter.store.migrate import upgrade
from primitives.errors import BonafidesError, CouldNotCheck
from tests.world.databases import SQLITE

pytestmark = pytest.mark.both_databases

SECRET = "what a client said"
_BYTES = b"\xff" + SECRET.encode() + b" database is locked, disk is full"


@pytest.fixture
def store(tmp_path):
    upgrade(tmp_path / "node.db")
    opened = open_store(tmp_path / "node.db")
    yield opened
    opened.dispose()


def _spoil(store: Store, kind: str, insert: str, **values: object) -> None:
    """Put bytes into a column of text that are none, as a disk would; `{}` stands for them in the statement."""
    spoilt = "cast(:bytes as text)" if kind == SQLITE else "cast(cast(:bytes as bytea) as text)"
    with store.write() as connection:
        if kind != SQLITE:
            connection.exec_driver_sql("create cast (bytea as text) without function")
        connection.execute(text(insert.format(spoilt)), {"bytes": _BYTES, **values})


def _all_told(error: BaseException) -> str:
    """Give what a log would hold, the errors before it too."""
    return "".join(traceback.format_exception(error)) + str(error) + repr(error)


def test_a_text_that_is_none_is_told_by_kind_and_never_quoted(store, database_kind):
    _spoil(store, database_kind, "insert into setting values ('spoilt', {})")
    for transaction in (store.read, store.write):
        with pytest.raises(CouldNotCheck) as caught, transaction() as connection:
            connection.execute(text("select value from setting where key = 'spoilt'")).all()
        assert caught.value.code == "store-unreadable"
        assert ("column value" in str(caught.value)) == (database_kind == SQLITE)
        assert SECRET not in _all_told(caught.value)
    with store.write() as connection:  # the lock and the session are as before
        assert connection.execute(text("delete from setting where key = 'spoilt'")).rowcount == 1


def test_a_check_of_the_store_names_it_as_the_difference(store, database_kind):
    insert = "insert into subject (pid, client_ref, created_at, count, head, state) values ('aa', {}, 0, 0, :head, '')"
    _spoil(store, database_kind, insert, head=bytes(32))
    broker = "did:ethr:0x1:0x" + "00" * 20
    report = Fsck(store, "0x" + "00" * 20, FsckState.begun(broker), lambda _: None).run()
    assert (report["difference"]["part"], report["difference"]["what"]) == ("subjects", "column")
    assert SECRET not in str(report)


def test_a_broken_constraint_names_its_place_and_not_the_row(store, caplog):
    twice = text("insert into setting values (:one, :two), (:three, :four)")
    with pytest.raises(IntegrityError) as caught, store.write() as connection:
        connection.execute(twice, dict.fromkeys(("one", "two", "three", "four"), SECRET))
    assert SECRET not in _all_told(caught.value)
    assert "setting" in str(caught.value)
    logging.getLogger("test").error("failed", exc_info=caught.value)
    assert SECRET not in caplog.text


def test_a_table_that_is_not_there_is_told_by_kind(store, database_kind):
    kind, error = ("SQLITE_ERROR", BonafidesError) if database_kind == SQLITE else ("UndefinedTable", ProgrammingError)
    with pytest.raises(error, match=kind), store.read() as connection:
        connection.execute(text("select * from nothing"))
