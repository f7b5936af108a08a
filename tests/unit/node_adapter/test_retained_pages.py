"""A file of SQLite does not grow with the days of which everything goes that is old."""

import pytest

from node_adapter.ports import TransactionOutcome
from node_adapter.store import migrate, outbox, own_transactions
from node_adapter.store.engine import open_store
from node_adapter.store.retention import Limits, let_go

TARGET = "0x" + "ab" * 20


@pytest.fixture
def stores(tmp_path):
    """One that lets go of what is old, and one that keeps everything."""
    opened = []
    for name in ("pruned", "twin"):
        migrate.upgrade(tmp_path / f"{name}.db")
        opened.append(open_store(tmp_path / f"{name}.db"))
    yield opened
    for store in opened:
        store.dispose()


def test_the_database_does_not_grow_with_the_days_that_it_lets_go_of(stores):
    """A hundred anchors a day: with what is old gone the pages of a day are those of an earlier one."""
    grown = []
    for store in stores:
        pages = []
        for day in range(3):
            with store.write() as connection:
                for number in range(100 * day + 1, 100 * day + 101):
                    _anchor(connection, number)
                if store is stores[0]:
                    while let_go(connection, Limits(100 * day + 90, 0, 0), 40, day):
                        pass
            pages.append(_pages(store))
        grown.append(pages[-1] - pages[1])
    assert grown[0] <= 2
    assert grown[1] > 20


def _anchor(connection, number):
    name = number.to_bytes(2)
    row = outbox.enqueue(connection, outbox.KIND_ANCHOR, f"anchor:{number}", TARGET, bytes(300), number)
    outbox.mark_signed(connection, outbox.Attempt(name * 16, row, number, 1, bytes(600), number))
    mined = TransactionOutcome(name * 16, number, b"h", number, True, 1_000 + number, nonce=number)
    own_transactions.add(connection, mined)
    outbox.settle(connection, row, mined, number)


def _pages(store):
    with store.read() as connection:
        return connection.exec_driver_sql("PRAGMA page_count").scalar_one()
