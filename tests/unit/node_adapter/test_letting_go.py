"""When a node lets go of what is old, and what it does where it cannot."""

from types import SimpleNamespace

import pytest

from node_adapter.settings import RetentionSettings
from node_adapter.store import alarms, migrate, restored, retention
from node_adapter.store.chain import event_log
from node_adapter.store.chain.event_log import ChainBlock
from node_adapter.store.engine import open_store
from node_adapter.workflows.operation import letting_go
from node_adapter.workflows.operation.letting_go import LOOK_EVERY_MS, LettingGo, let_some_go, shown
from primitives.errors import CouldNotCheck

DAY = 86_400
NOW = 1_700_000_000_000


class Clock:
    def __init__(self):
        self.tick = 5

    def now_ms(self):
        return NOW

    def monotonic_ms(self):
        return self.tick


@pytest.fixture
def node(tmp_path):
    """A node whose index has a block a day, for ten days, each with a receipt; it keeps those of seven."""
    migrate.upgrade(tmp_path / "node.db")
    store = open_store(tmp_path / "node.db")
    blocks = [ChainBlock(number, b"h", b"p", number * DAY, b"header", (b"receipt",)) for number in range(1, 11)]
    with store.write() as connection:
        event_log.append(connection, blocks, [])
    settings = SimpleNamespace(retention=RetentionSettings(writes_days=7))
    yield SimpleNamespace(store=store, settings=settings, clock=Clock())
    store.dispose()


def gone(node):
    with node.store.read() as connection:
        return retention.let_go_so_far(connection)


def open_alarms(node):
    with node.store.read() as connection:
        return [(one.kind, one.detail) for one in alarms.list_alarms(connection)]


def test_what_is_old_is_said_by_the_chain_s_time_and_not_by_the_machine_s(node):
    assert let_some_go(node)
    assert not let_some_go(node)
    assert gone(node).receipts == 3
    assert shown(gone(node)) == {
        "block": None,  # no transaction went
        "at": NOW,
        "rows": {"writes": 0, "nonces": 0, "receipts": 3, "tasks": 0, "alarms": 0},
    }


def test_a_restored_copy_lets_go_of_nothing(node):
    with node.store.write() as connection:
        restored.mark(connection, NOW)
    assert not let_some_go(node)
    with node.store.write() as connection:
        restored.clear(connection)
    assert let_some_go(node)


def test_it_goes_on_at_once_while_there_is_more_and_then_looks_once_a_minute(node, monkeypatch):
    monkeypatch.setattr(letting_go, "ROWS_A_TURN", 2)
    thread = LettingGo(node)
    for went in (2, 3, 3):
        assert thread.step() is False  # the pause after each turn
        assert gone(node).receipts == went
    with node.store.write() as connection:
        event_log.append(connection, [ChainBlock(11, b"h", b"p", 11 * DAY, b"header", (b"receipt",))], [])
    thread.step()
    assert gone(node).receipts == 3
    node.clock.tick += LOOK_EVERY_MS
    thread.step()
    assert gone(node).receipts == 4


@pytest.mark.parametrize(
    ("error", "told"), [(CouldNotCheck("store-full", "no room"), "store-full: no room"), (KeyError("x"), "KeyError")]
)
def test_where_it_cannot_go_on_an_alarm_says_so_until_it_can(node, monkeypatch, error, told):
    def fail(*_):
        raise error

    thread = LettingGo(node)
    with monkeypatch.context() as patched:
        patched.setattr(retention, "let_go", fail)
        with pytest.raises(type(error)):
            thread.step()
    assert open_alarms(node) == [(alarms.RETENTION_FAILED, told)]
    thread.step()
    assert gone(node).receipts == 0  # not before its time
    node.clock.tick += LOOK_EVERY_MS
    thread.step()
    assert (gone(node).receipts, open_alarms(node)) == (3, [])


def test_an_alarm_closes_also_where_nothing_is_old_any_more(node):
    while let_some_go(node):
        pass
    with node.store.write() as connection:
        alarms.raise_alarm(connection, alarms.RETENTION_FAILED, "database", "d", NOW)
    let_some_go(node)
    assert open_alarms(node) == []
