"""Proofs of the chain's state on demand: one process asks, the thread of another takes them."""

import threading

import pytest

from node_adapter.beside import go_on
from node_adapter.chain.state_proofs import take_proofs
from node_adapter.requested_state import PATIENCE_MS, RequestedState
from node_adapter.state_worker import FORGET_EVERY_MS, ROUND, StateWorker
from node_adapter.store import state_requests
from node_adapter.store.chain import event_log
from node_adapter.store.chain.event_log import ChainBlock
from node_adapter.store.state_requests import StateRequest
from primitives.errors import CouldNotCheck, VerificationFailed
from tests.unit.node_adapter.chain.test_state_proofs import WANTED, Engine, read
from tests.world.clock import Clock
from tests.world.keys import entropy_of, keystore_of
from tests.world.node import open_member, settings_of


@pytest.fixture
def node(tmp_path):
    keys = keystore_of("north")
    opened = open_member(settings_of(tmp_path, keys.address, "north"), keys, Clock(), entropy_of("n"), None)
    yield opened
    opened.store.dispose()


@pytest.fixture
def asks(node):
    return RequestedState(node.store, node.clock, node.entropy)


class Source:
    """What takes proofs: what is put into `said`, and after that the proofs of a block that the index has."""

    def __init__(self, node, *said):
        self.node, self.said, self.asked = node, list(said), 0

    def __call__(self, wanted):
        self.asked += 1
        if self.said:
            raise self.said.pop(0)
        return take_proofs(Engine(), wanted)

    def index(self):
        taken = self(WANTED)
        block = ChainBlock(taken.header.number, taken.header.hash, taken.header.parent, 1, taken.data, ())
        with self.node.store.write() as connection:
            event_log.append(connection, [block], [])


def rows(node):
    with node.store.read() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM state_request").scalar_one()


def between(node, worker):
    """Let the worker have a turn whenever the one who asks waits."""
    sleep = node.clock.sleep

    def turn(seconds):
        sleep(seconds)
        worker.step()

    node.clock.sleep = turn


def test_another_process_takes_the_proofs_and_nothing_stays_behind(node, asks):
    source = Source(node)
    source.index()
    between(node, StateWorker(node, source))
    assert read(asks(WANTED)) == [9, 0, 0]
    assert rows(node) == 0


def test_what_passes_is_tried_again_also_an_index_that_is_behind(node, asks):
    source = Source(node, CouldNotCheck("chain-unreachable", "x"), CouldNotCheck("state-proof-race", "x"))
    worker = StateWorker(node, source)
    between(node, worker)
    turns = worker.step

    def step():
        if source.asked == 4:
            source.index()
        return turns()

    worker.step = step
    assert read(asks(WANTED)) == [9, 0, 0]
    assert source.asked > 4


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CouldNotCheck("json-rpc-error", "the node makes no proofs"), "json-rpc-error"),
        (VerificationFailed("block-header", "does not hash"), "block-header"),
    ],
)
def test_what_does_not_pass_is_told_at_once(node, asks, error, code):
    source = Source(node, error)
    between(node, StateWorker(node, source))
    with pytest.raises(CouldNotCheck) as told:
        asks(WANTED)
    assert (told.value.code, source.asked, rows(node)) == (code, 1, 0)


def test_who_asks_waits_ten_seconds_and_hears_what_the_trouble_is(node, asks):
    began = node.clock.monotonic_ms()
    with pytest.raises(CouldNotCheck) as nobody:
        asks(WANTED)
    assert nobody.value.code == "state-not-proved"
    assert PATIENCE_MS <= node.clock.monotonic_ms() - began < PATIENCE_MS + 1000
    between(node, StateWorker(node, Source(node, *[CouldNotCheck("chain-unreachable", "down")] * 1000)))
    with pytest.raises(CouldNotCheck) as down:
        asks(WANTED)
    assert (down.value.code, rows(node)) == ("chain-unreachable", 0)


def test_a_question_of_a_process_that_was_killed_is_dropped(node):
    with node.store.write() as connection:
        state_requests.ask(connection, StateRequest("left", WANTED, node.clock.now_ms()))
    worker = StateWorker(node, Source(node, CouldNotCheck("json-rpc-error", "x")))
    worker.step()
    assert rows(node) == 1
    node.clock.sleep(11 * PATIENCE_MS / 1000)
    node.clock.sleep(FORGET_EVERY_MS / 1000)
    worker.step()
    assert rows(node) == 0


def test_a_fault_does_not_end_the_thread(node, asks):
    source = Source(node, ZeroDivisionError("a fault"), CouldNotCheck("store-full", "no room"))
    worker, stop = StateWorker(node, source), threading.Event()
    waits = []

    class Stop:
        def is_set(self):
            return stop.is_set()

        def wait(self, seconds):
            waits.append(seconds)
            if len(waits) == 3:
                stop.set()

    with node.store.write() as connection:
        state_requests.ask(connection, StateRequest("q", WANTED, node.clock.now_ms()))
    go_on("state", worker.step, Stop(), idle_seconds=0)
    assert source.asked >= 2
    with node.store.read() as connection, pytest.raises(CouldNotCheck) as told:
        state_requests.take_answer(connection, "q")
    assert told.value.code == "store-full"


class Ending:
    """Ends after so many waits, and keeps how long each was to be."""

    def __init__(self, most):
        self.most, self.waits = most, []

    def is_set(self):
        return len(self.waits) == self.most

    def wait(self, timeout):
        self.waits.append(timeout)


@pytest.mark.parametrize("error", [CouldNotCheck("store-full", "no room"), ValueError("a fault"), MemoryError()])
def test_what_goes_wrong_again_and_again_is_tried_less_and_less_often_and_never_given_up(error):
    """Also a fault of this program, or no memory left: the thread goes on, and once it succeeds all is as it was."""
    fate = [*[error] * 10, None, error, None]

    def step():
        if raised := fate.pop(0):
            raise raised
        return False

    stop = Ending(len(fate))
    go_on("anything", step, stop, idle_seconds=7)
    assert stop.waits == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60, 7, 0.5, 7]


class Moody:
    """A source that has no proof yet of some accounts."""

    def __init__(self, *late):
        self.late, self.asked = set(late), []

    def __call__(self, wanted):
        [account] = wanted
        self.asked.append(account)
        if account in self.late:
            raise CouldNotCheck("state-proof-race", "a block was made meanwhile")
        raise CouldNotCheck("json-rpc-error", "told at once")


def ask_all(node, *names):
    with node.store.write() as connection:
        for name in names:
            state_requests.ask(connection, StateRequest(name, {name: []}, node.clock.now_ms()))


def test_one_that_waits_is_tried_again_after_the_others_however_many_come(node):
    source = Moody("a")
    worker = StateWorker(node, source)
    ask_all(node, "a", "b", "c")
    turns = [worker.step() for _ in range(4)]
    assert (source.asked, turns) == (["a", "b", "c"], [True, True, True, False])
    for number in range(2 * ROUND):
        ask_all(node, f"later {number:02}")
        worker.step()
    assert 2 <= source.asked[3:].count("a") <= 3


def test_a_question_that_nobody_waits_for_any_more_is_not_taken(node):
    source = Moody()
    worker = StateWorker(node, source)
    ask_all(node, "a", "b", "c")
    worker.step()
    with node.store.write() as connection:
        state_requests.drop(connection, "b")
    while worker.step():
        pass
    assert source.asked == ["a", "c"]
