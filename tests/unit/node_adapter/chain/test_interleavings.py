"""No write is lost, doubled or falsely failed, in whatever order a node answers, and whenever the process dies."""

import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete

from node_adapter.chain.indexer import RESET_AFTER_MS, Indexer
from node_adapter.chain.sender import Sender
from node_adapter.store import outbox
from node_adapter.store.chain.evidence_log import leaves_in
from node_adapter.store.engine import open_store
from node_adapter.store.schema import metadata, outbox_attempt
from node_adapter.workflows.anchoring import settlement
from primitives.errors import CouldNotCheck
from tests.properties import examples
from tests.unit.node_adapter.chain.simulated_chain import DEPTH, MEMBER, TARGET, Node, Signer, SimulatedChain

MEMORY = Path("/dev/shm")  # noqa: S108 - the store syncs at each commit; in memory that costs nothing


def no_fault(_connection, _leaf):
    """Take an anchor for what the records say: there are none."""
    return None


ANSWERS = st.lists(st.integers(0, 15), min_size=1, max_size=8)
HONEST = [0]


class Killed(BaseException):
    """The process ends here."""


@cache
def empty_database():
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "node.db"
        store = open_store(path)
        with store.write() as connection:
            metadata.create_all(connection)
            connection.exec_driver_sql("SELECT 1")
        store.dispose()
        return path.read_bytes()


class DyingStore:
    """A store whose process may die before or after any commit."""

    def __init__(self, store, tick):
        self._store, self._tick = store, tick

    def read(self):
        return self._store.read()

    @contextmanager
    def write(self):
        with self._store.write() as connection:
            yield connection
            self._tick()
        self._tick()


class NoContracts:
    def known_addresses(self):
        return {}

    def forget_addresses(self):
        pass


class Interleavings(RuleBasedStateMachine):
    """One member's chain writes against a simulated chain."""

    sender_class = Sender

    @initialize()
    def begin(self):
        self.directory = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        path = Path(self.directory.name) / "node.db"
        path.write_bytes(empty_database())
        self.store = open_store(path)
        self.chain = SimulatedChain()
        self.node = Node(self.chain)
        self.node.before_call = self.count_down
        self.kill_in = None
        self.tick = 0
        self.expected = {}  # name -> may it succeed?
        self.start()

    def start(self):
        self.kill_in = None
        store = DyingStore(self.store, self.count_down)
        self.indexer = Indexer(
            store,
            self.node,
            NoContracts(),
            member=MEMBER,
            monotonic_ms=lambda: self.tick,
            first_block=1,
            finality_depth=DEPTH,
            on_blocks=self.on_blocks,
            on_reset=lambda connection, block: settlement.reopen(connection, block, self.tick),
        )
        self.sender = self.sender_class(store, self.node, NoContracts(), Signer(), chain_id=5, max_fee_per_gas=0)
        self.connected = False

    def on_blocks(self, connection, outcomes, events):
        made = leaves_in(connection, events, MEMBER)
        assert settlement.settle(connection, outcomes, made, now_ms=self.tick, sign=lambda *_: "", fault=no_fault) == []

    def count_down(self):
        if self.kill_in is not None:
            self.kill_in -= 1
            if self.kill_in < 0:
                raise Killed

    def turn(self):
        """One turn of the chain process."""
        try:
            if not self.connected:
                self.indexer.start()
                self.connected = True
            self.indexer.step()
            if not self.indexer.in_doubt:
                self.sender.step(self.tick, self.tick)
        except CouldNotCheck:
            self.connected = False
        except Killed:
            self.start()

    @rule(kind=st.sampled_from(["plain", "plain", "once", "after", "never"]))
    def enqueue(self, kind):
        name = f"w{len(self.expected)}"
        before = [earlier for earlier, good in self.expected.items() if good]
        data = f"after:{name}:{before[-1]}" if kind == "after" and before else f"{kind}:{name}"
        with self.store.write() as connection:
            outbox.enqueue(connection, kind, name, TARGET, data.encode(), self.tick)
        self.expected[name] = kind != "never"

    @rule(answers=ANSWERS, turns=st.integers(1, 4), passes=st.sampled_from([50, 1_100, 2_500, RESET_AFTER_MS]))
    def work(self, answers, turns, passes):
        self.node.answers = answers
        for _ in range(turns):
            self.tick += passes
            self.turn()

    @rule(answers=ANSWERS, after=st.integers(0, 14))
    def die(self, answers, after):
        self.node.answers, self.kill_in = answers, after
        self.tick += 1_100
        self.turn()
        self.start()

    @rule(count=st.integers(1, 3), full=st.booleans())
    def mine(self, count, full):
        for _ in range(count):
            self.chain.mine(full=full)

    @rule(depth=st.integers(1, DEPTH - 1), keep=st.booleans())
    def reorganise(self, depth, keep):
        self.chain.reorganise(depth, keep=keep)

    @rule()
    def use_the_key_elsewhere(self):
        self.chain.mine(foreign=b"plain:foreign")

    @rule()
    def forget(self):
        self.chain.forget()

    @invariant()
    def nothing_fails_that_may_succeed(self):
        with self.store.read() as connection:
            failed = {row.key for row in outbox.in_state(connection, outbox.FAILED)}
        assert not {key for key in failed if self.expected[key]}

    @invariant()
    def nothing_is_done_twice(self):
        done = [name for name in self.chain.state.done if name != b"foreign"]
        assert len(done) == len(set(done)), done

    def teardown(self):
        if not hasattr(self, "store"):
            return
        try:
            self.node.answers = HONEST
            for _ in range(25 + 12 * len(self.expected)):
                self.tick += 2_500
                self.turn()
                self.chain.mine()
                if self.settled():
                    break
            self.compare()
        finally:
            self.store.dispose()
            self.directory.cleanup()

    def settled(self):
        with self.store.read() as connection:
            counts = outbox.counts(connection)
        return not counts["new"] + counts["signed"] + counts["sent"]

    def compare(self):
        with self.store.read() as connection:
            states = {name: outbox.by_key(connection, name).state for name in self.expected}
        wanted = {name: "final" if good else "failed" for name, good in self.expected.items()}
        assert states == wanted, (states, wanted)
        done = sorted(name.decode() for name in self.chain.state.done if name != b"foreign")
        assert done == sorted(name for name, good in self.expected.items() if good)


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = examples(40, stateful_step_count=30, suppress_health_check=list(HealthCheck))


class TwoAnswers(Sender):
    """A sender that decides from two answers of the node: the nonce has passed, and there is no receipt."""

    def step(self, now_ms, tick):
        with self._store.read() as connection:
            row = outbox.next_open(connection)
        if row is not None and row.state == outbox.SENT:
            count = int(self._rpc.call("eth_getTransactionCount", MEMBER, "latest"), 16)
            receipt = self._rpc.call("eth_getTransactionReceipt", "0x" + row.tx_hash.hex())
            if receipt is None and count > row.nonce:
                with self._store.write() as connection:
                    outbox.unsign(connection, row.id, now_ms)
                    connection.execute(delete(outbox_attempt).where(outbox_attempt.c.row_id == row.id))
        return super().step(now_ms, tick)

    def _free_nonce(self, _at):
        return self._account_nonce()


class Mistaken(Interleavings):
    """The same, with that sender."""

    sender_class = TwoAnswers


def test_the_simulation_finds_the_mistake_that_it_is_there_for():
    chosen = settings(
        TestInterleavings.settings, max_examples=300, derandomize=True, database=None, phases=[Phase.generate]
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Mistaken, settings=chosen)
