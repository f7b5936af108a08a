"""A killer outside the node's process group, a chain that is stopped, and a chain that is unreachable: nothing is lost.

What is compared at the end is the client's own list of what was accepted, kept in this process, with the events that
the chain itself gives: each exactly once, in order.
"""

import itertools
import os
import random
import secrets
import signal
import threading
import time
from collections import Counter

import pytest
from sqlalchemy import select

from evidence.log import Tree
from node_adapter.abi import contract_abi, encode_call
from node_adapter.bootstrap import open_node
from node_adapter.chain import embedded
from node_adapter.store import alarms, anchored, anchors, identity, outbox, records
from node_adapter.store.schema import outbox as outbox_table

pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(300)]

KILLS = 50
MOST_KILLS = 200  # random kills that missed a state go on until it was hit
UNREACHABLE_SECONDS = 60
PROMISE_MS = 15_000
MOST_OPEN_ROWS = 12
PASSWORD = "a password of the tests"


class Client(threading.Thread):
    """Hands in records and other chain writes as fast as the node takes them, and keeps its own list of answers."""

    def __init__(self, node, target, add_records):
        super().__init__(daemon=True)
        self.node, self.target, self.add_records = node, target, add_records
        self.accepted_records: list[str] = []
        self.accepted_digests: list[bytes] = []
        self.refusals = 0
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            with self.node.store.read() as connection:
                counts = outbox.counts(connection)
            if counts["new"] + counts["signed"] + counts["sent"] < MOST_OPEN_ROWS:
                self.write_to_chain()
            if len(self.accepted_records) < 20_000:
                self.accepted_records += self.add_records(self.node, 3, clients=7, promise_ms=PROMISE_MS)
            time.sleep(0.01)

    def write_to_chain(self):
        digest = secrets.token_bytes(32)
        with self.node.store.write() as connection:
            call = encode_call("MemberRegistry", "proposeAction", digest)
            outbox.enqueue(connection, "action", digest.hex(), self.target, call, self.node.clock.now_ms())
        self.accepted_digests.append(digest)
        if len(self.accepted_digests) % 10 == 0:  # one that the contract refuses
            with self.node.store.write() as connection:
                call = encode_call("MemberRegistry", "vote", 10**9 + self.refusals)
                outbox.enqueue(connection, "vote", f"no-{self.refusals}", self.target, call, self.node.clock.now_ms())
            self.refusals += 1


def state_at_death(node):
    """Return the state of the row that the worker was on: in flight, waiting, or the last one that it finished."""
    with node.store.read() as connection:
        row = outbox.next_open(connection)
        if row is not None and row.state != outbox.NEW:
            return row.state
        done = select(outbox_table.c.state).where(outbox_table.c.state != outbox.NEW)
        last = connection.execute(done.order_by(outbox_table.c.updated_at.desc()).limit(1)).first()
        if last is None:
            return "new" if row else None
        # Nothing is in flight: the worker was between two rows, and the next one was new.
        return [last.state, "new"] if row else last.state


def chain_events(consortium, contract, event, member):
    """Ask the chain itself, without the node."""
    abi = contract_abi(contract)
    topic = next(signature for signature in abi.events.values() if signature.name == event).hash
    logs = consortium.rpc.call(
        "eth_getLogs",
        {
            "fromBlock": "0x0",
            "toBlock": "latest",
            "address": consortium.contracts.address_of(contract),
            "topics": ["0x" + topic.hex()],
        },
    )
    found = [
        abi.decode_event(
            [bytes.fromhex(topic[2:]) for topic in log["topics"]], bytes.fromhex(log["data"].removeprefix("0x"))
        ).args
        for log in logs
    ]
    return [args for args in found if member in args.values()]


class Killer:
    """Starts the worker, lets it work for a random time, kills it, and counts what it was doing."""

    def __init__(self, home, node, start_worker, seed):
        self.home, self.node, self.start_worker = home, node, start_worker
        self.random = random.Random(seed)
        self.hits = Counter()
        self.kills = 0
        self.process = None

    def start(self):
        self.process = self.start_worker(self.home)

    def wait_until_it_works(self):
        before = self.progress()
        deadline = time.monotonic() + 30
        while self.progress() == before and time.monotonic() < deadline:
            assert self.process.poll() is None, (self.home / "logs" / "worker.log").read_text()[-3000:]
            time.sleep(0.005)

    def progress(self):
        with self.node.store.read() as connection:
            counts = outbox.counts(connection)
            return counts["final"], counts["failed"], counts["signed"], counts["sent"]

    def kill(self):
        assert os.getpgid(self.process.pid) != os.getpgid(0)
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.kills += 1
        state = state_at_death(self.node)
        self.hits.update(state if isinstance(state, list) else [state] if state else [])

    def round(self):
        self.start()
        if self.random.random() < 0.9:  # the others die while they start
            self.wait_until_it_works()
            time.sleep(self.random.uniform(0, 0.25))
        else:
            time.sleep(self.random.uniform(0, 1.0))
        self.kill()


def test_fifty_kills_a_stopped_chain_and_an_unreachable_minute(make_consortium, add_records, start_worker):
    consortium = make_consortium(anchoring={"period_seconds": 0.1, "promise_seconds": PROMISE_MS / 1000})
    node = consortium.node()
    target = consortium.contracts.address_of("MemberRegistry")
    client = Client(open_node(consortium.homes[0], PASSWORD), target, add_records)
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201 - to run a failure again
    killer = Killer(consortium.homes[0], node, start_worker, seed)
    client.start()
    for number in range(KILLS):
        killer.round()
        if number == KILLS // 3:
            stop_the_chain_under_a_worker(consortium, killer)
        if number == 2 * KILLS // 3:
            make_the_chain_unreachable(consortium, killer, node)
    while set(outbox.STATES) - set(killer.hits) and killer.kills < MOST_KILLS:
        killer.round()
    client.over.set()
    client.join()
    client.node.store.dispose()
    print(f"{killer.kills} kills; states of the outbox at death: {dict(killer.hits)}")  # noqa: T201
    assert set(killer.hits) == set(outbox.STATES), "a state was never hit"
    finish(killer, node)
    compare(consortium, node, client)


def stop_the_chain_under_a_worker(consortium, killer):
    killer.start()
    killer.wait_until_it_works()
    consortium.stop_chain()  # SIGTERM
    time.sleep(2)
    consortium.start_chain()
    killer.wait_until_it_works()
    killer.kill()


def make_the_chain_unreachable(consortium, killer, node):
    killer.start()
    killer.wait_until_it_works()
    pid = embedded.status(consortium.directory).pid
    os.kill(pid, signal.SIGSTOP)  # it accepts connections and answers nothing
    try:
        time.sleep(UNREACHABLE_SECONDS / 2)
        killer.kill()  # and a kill in the middle of it
        killer.start()
        time.sleep(UNREACHABLE_SECONDS / 2)
        with node.store.read() as connection:
            assert identity.worker_status(connection).stalled_since is not None
    finally:
        os.kill(pid, signal.SIGCONT)
    killer.wait_until_it_works()
    with node.store.read() as connection:
        assert alarms.list_alarms(connection, alarms.PROMISE_BROKEN)
    killer.kill()


def finish(killer, node):
    """Let the worker come to rest, and end it as an operator would."""
    killer.start()
    deadline = time.monotonic() + 60
    while True:
        with node.store.read() as connection:
            counts = outbox.counts(connection)
            at_rest = anchored.anchored_size(connection) == records.log_size(connection)
        if at_rest and not counts["new"] + counts["signed"] + counts["sent"]:
            break
        assert time.monotonic() < deadline, counts
        time.sleep(0.05)
    killer.process.terminate()
    assert killer.process.wait(20) == 0


def compare(consortium, node, client):
    events = chain_events(consortium, "EvidenceAnchor", "Anchored", node.address)
    with node.store.read() as connection:
        entries = records.fingerprints(connection, 0, records.log_size(connection))
        rows = anchors.every(connection)
        failed = outbox.counts(connection)["failed"]
        broken = {alarm.about for alarm in alarms.list_alarms(connection, alarms.PROMISE_BROKEN)}
        stored = records.by_record_ids(connection, client.accepted_records)
        conflicts = alarms.list_alarms(connection, alarms.ANCHOR_CONFLICT)
    assert conflicts == []
    # 1. the client's list is the log
    assert [stored[name].log_index for name in client.accepted_records] == list(range(len(client.accepted_records)))
    assert len(entries) == len(client.accepted_records)
    # 2. the chain's anchors are that log, each once and in order
    tree = Tree()
    tree.extend(entries)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["root"] for event in events] == [tree.root_at(event["size"]) for event in events]
    assert all(before["size"] <= after["size"] for before, after in itertools.pairwise(events))
    assert events[-1]["size"] == len(client.accepted_records)
    # 3. every other write stands on the chain once, in the client's order, and what is refused failed once
    proposed = chain_events(consortium, "MemberRegistry", "ProposalCreated", node.address)
    assert [event["digest"] for event in proposed] == client.accepted_digests
    assert failed == client.refusals
    # 4. every promise is kept or its breach is an alarm
    late = set()
    for row, before in zip(rows, [None, *rows], strict=False):
        start = before.size if before else 0
        for name in client.accepted_records[start : row.size]:
            if row.block_time * 1000 > stored[name].anchor_by:
                late.add(name)
    print(  # noqa: T201 - the numbers are a part of the result
        f"{len(client.accepted_records)} records in {len(events)} anchors, {len(proposed)} other writes, "
        f"{failed} refused, {len(broken)} promises broken and said so"
    )
    assert late <= broken
    assert len(broken) < len(client.accepted_records)
