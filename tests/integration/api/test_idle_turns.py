"""An idle node reads its store when something was committed or is due, and not in each turn of the chain process."""

from __future__ import annotations

import itertools

import pytest

from node_adapter.chain.sender import Progress
from node_adapter.chain_process import LOOK_EVERY_MS, STATUS_EVERY_MS, ChainProcess
from node_adapter.store import identity, outbox
from node_adapter.store.changes import Changes
from node_adapter.store.engine import Store, open_store
from tests.world.headers import over_headers

TURNS = 20
VALUES = itertools.count()
NOTICE = {"documents": ["rights@1"], "scroll_end": True, "dwell_ms": 1}


@pytest.fixture
def broker(tmp_path):
    broker = over_headers(tmp_path)
    broker.clock.step_ms = 0  # time passes where a test says so
    yield broker
    broker.store.dispose()


@pytest.fixture
def process(broker):
    process = ChainProcess(broker.node, None, pause=lambda _: None, should_stop=lambda: False)
    process._follow_chain = lambda _now: False
    for _ in range(TURNS):
        process.step()
    return process


@pytest.fixture
def reads(monkeypatch):
    counted, read = [], Store.read

    def counting(store):
        counted.append(store)
        return read(store)

    monkeypatch.setattr(Store, "read", counting)
    return counted


class Sends:
    """Stands in for what sends the outbox."""

    def __init__(self, progress):
        self.progress, self.steps = progress, 0

    def step(self, _now, _tick):
        self.steps += 1
        return self.progress


def put(store):
    with store.write() as connection:  # SQLite writes nothing where a row is as it was
        identity.put(connection, "probe", str(next(VALUES)))


def test_a_commit_is_noticed_once_by_each_whoever_made_it(broker):
    one, other = Changes(broker.store), Changes(broker.store)
    assert [one.any(), one.any(), other.any(), other.any()] == [True, False, True, False]
    put(broker.store)
    assert [one.any(), one.any(), other.any(), other.any()] == [True, False, True, False]
    elsewhere = open_store(broker.path)
    put(elsewhere)
    elsewhere.dispose()
    assert [one.any(), one.any()] == [True, False]
    with broker.store.read():
        pass
    with broker.store.write():
        pass
    assert not one.any()


def test_a_turn_in_which_nothing_was_committed_reads_nothing(process, reads):
    for _ in range(TURNS):
        process.step()
    assert reads == []


def test_what_is_committed_is_worked_on_in_the_next_turn(broker, process):
    broker.take(broker.fact(broker.enrol("one").subject, "DUTY_NOTICE", NOTICE))
    broker.clock.sleep(broker.node.settings.anchoring.period_seconds)
    process.step()
    with broker.store.read() as connection:
        assert [row.kind for row in outbox.open_rows(connection, outbox.KIND_ANCHOR)] == [outbox.KIND_ANCHOR]


def test_an_anchor_is_built_when_its_period_is_over_without_any_commit(broker, process):
    broker.take(broker.fact(broker.enrol("one").subject, "DUTY_NOTICE", NOTICE))
    for _ in range(TURNS):
        process.step()
    broker.clock.sleep(broker.node.settings.anchoring.period_seconds)
    process.step()
    with broker.store.read() as connection:
        assert outbox.open_rows(connection, outbox.KIND_ANCHOR)


def test_also_an_idle_store_is_looked_at_now_and_then(broker, process, reads):
    broker.clock.sleep(max(LOOK_EVERY_MS, STATUS_EVERY_MS) / 1000)
    process.step()
    assert reads


@pytest.mark.parametrize("progress", [Progress.WAITING, Progress.MOVED])
def test_what_waits_is_sent_on_in_each_turn_and_what_is_done_after_a_commit(broker, process, progress):
    process._sender = Sends(progress)
    put(broker.store)
    for _ in range(TURNS):
        process._send(broker.clock.now_ms())
    assert process._sender.steps >= TURNS
    process._sender = Sends(Progress.IDLE)
    for _ in range(TURNS):
        process._send(broker.clock.now_ms())
    assert process._sender.steps == 1
    put(broker.store)
    process._send(broker.clock.now_ms())
    assert process._sender.steps == 2
