"""Many rows by one statement: what is written, and that a driver which takes parameters by name gets them so."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, create_engine, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from node_adapter.store.operations import _adding, _updating, add_many, update_many

COLUMNS = ("key", "amount", "data")
TABLE = Table(
    "thing",
    MetaData(),
    Column("key", Integer, primary_key=True, autoincrement=False),
    Column("amount", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)


@pytest.fixture(params=["by place", "by name"])
def connection(request):
    engine = create_engine("sqlite://", paramstyle="qmark" if request.param == "by place" else "named")
    TABLE.metadata.create_all(engine)
    with engine.connect() as opened:
        add_many(opened, TABLE, COLUMNS, [(1, 10, b"one"), (2, 20, b"two"), (3, 30, b"three")])
        yield opened
    engine.dispose()


def rows(connection):
    return [tuple(row) for row in connection.execute(select(TABLE).order_by(TABLE.c.key))]


def test_rows_are_added(connection):
    assert rows(connection) == [(1, 10, b"one"), (2, 20, b"two"), (3, 30, b"three")]


def test_a_row_is_changed_by_its_key_and_no_other(connection):
    update_many(connection, TABLE, COLUMNS, [(3, 31, b"iii"), (1, 11, b"i"), (9, 9, b"nobody")])
    assert rows(connection) == [(1, 11, b"i"), (2, 20, b"two"), (3, 31, b"iii")]


def test_columns_that_are_not_named_stay(connection):
    update_many(connection, TABLE, ("key", "data"), [(2, b"ii")])
    assert rows(connection)[1] == (2, 20, b"ii")


def test_columns_come_in_any_order(connection):
    add_many(connection, TABLE, ("data", "key", "amount"), [(b"four", 4, 40)])
    assert rows(connection)[3] == (4, 40, b"four")


def test_no_row_is_no_statement(connection):
    add_many(connection, TABLE, COLUMNS, [])
    update_many(connection, TABLE, COLUMNS, [])
    assert len(rows(connection)) == 3


def test_a_key_that_is_taken_is_refused(connection):
    with pytest.raises(IntegrityError):
        add_many(connection, TABLE, COLUMNS, [(1, 1, b"again")])


def test_postgresql_gets_its_own_spelling():
    dialect = postgresql.dialect()
    for text, arranged in (_adding(dialect, TABLE, COLUMNS), _updating(dialect, TABLE, COLUMNS)):
        assert arranged((1, 2, b"x")) == dict(zip((f"given_{column}" for column in COLUMNS), (1, 2, b"x"), strict=True))
        assert all(text.count(f"%(given_{column})s") == 1 for column in COLUMNS)
