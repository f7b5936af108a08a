"""A killer outside the node's process group, a chain that is stopped, and a chain that is unreachable: nothing is lost.

The node is a process that answers HTTP and the chain process, killed together. A client hands in facts, asks again
until it has an answer, and keeps its own list of the answers. Beside it, writes that no contract would refuse a second
time (proposals) go into the outbox. At the end that list is compared with the events that the chain itself gives: each
exactly once, in order.
"""

import itertools
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter

import httpx
import pytest
from sqlalchemy import select

from evidence.log import Tree
from node_adapter.abi import contract_abi, encode_call
from node_adapter.chain import embedded
from node_adapter.init import configure
from node_adapter.loopback_ports import reserve_port
from node_adapter.patience import Patience
from node_adapter.store import alarms, anchored, anchors, identity, outbox, records
from node_adapter.store.schema import outbox as outbox_table
from node_adapter.workflows.rulesets import install_ruleset
from node_adapter.workflows.staff_tokens import read_token
from primitives.timestamp import format_time
from tests.waiting import wait_for_end, wait_until

KILLS = int(os.environ.get("BONAFIDES_KILLS", "50"))  # `make kills` asks for a thousand
MOST_KILLS = 4 * KILLS  # random kills that missed a state go on until it was hit
pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(60 * KILLS)]  # for a hang alone

UNREACHABLE_SECONDS = 60
PROMISE_SECONDS = 15
MOST_OPEN_ROWS = 12
PRODUCTS = 3
PASSWORD = "a password of the tests"


class Client(threading.Thread):
    """Hands in facts and other chain writes while the node lives and dies, and keeps its own list of answers."""

    def __init__(self, node, target):
        super().__init__(daemon=True)
        self.node, self.target = node, target
        self.token = read_token(node.settings.home, "broker-system")
        self.answers: list[dict] = []
        self.digests: list[bytes] = []
        self.refusals = 0
        self.unanswered = 0
        self.over = threading.Event()
        self.writer = threading.Thread(target=self.write, daemon=True)
        self.error = None

    def start(self):
        super().start()
        self.writer.start()

    def finish(self):
        """Stop asking, after the last answer."""
        self.over.set()
        self.writer.join()
        self.join()  # an answer that does not come ends it
        assert self.error is None, self.error
        assert not self.is_alive()

    def write(self):
        try:
            while not self.over.is_set():
                self.write_to_chain()
                time.sleep(0.01)
        except BaseException as error:
            self.error = error
            raise

    def run(self):
        try:
            with httpx.Client(base_url=self.node.settings.http.url, timeout=10, trust_env=False) as http:
                http.headers["Authorization"] = f"Bearer {self.token}"
                subjects = [self.ask(http, "/v1/subjects", {"client_ref": f"product {n}"}) for n in range(PRODUCTS)]
                while not self.over.is_set():
                    facts = [self.fact(subject["subject"], number) for number, subject in enumerate(subjects)]
                    answers = self.ask(http, "/v1/facts", facts)
                    assert [answer["status"] for answer in answers] == ["accepted"] * PRODUCTS, answers
                    self.answers += answers
                    time.sleep(0.05)
        except BaseException as error:
            self.error = error
            raise

    def ask(self, http, path, body):
        """Ask until there is an answer; the same question may have been taken before its answer was lost."""
        many = isinstance(body, list)
        content = "".join(json.dumps(line) + "\n" for line in body) if many else json.dumps(body)
        headers = {"Content-Type": "application/x-ndjson" if many else "application/json"}
        patience = Patience(120)
        while True:
            try:
                response = http.post(path, content=content, headers=headers)
            except httpx.HTTPError:
                self.unanswered += 1
            else:
                if response.is_success:
                    return [json.loads(line) for line in response.text.splitlines()] if many else response.json()
                assert response.status_code == 503, response.text
                assert response.json()["code"] in ("store-busy", "index-empty"), response.text
            assert not patience.is_over(), "no answer"
            time.sleep(0.05)

    def fact(self, subject, number):
        now = self.node.clock.now_ms()
        payload = {
            "product": {"id": f"P-{number}", "risk": "R3", "term": "1Y", "type": "T1"},
            "name": "A synthetic fund",
            "factors": {},
            "method": "method-1",
            "committee": "committee",
            "effective_from": format_time(now),
        }
        return {
            "source_ref": f"{number}-{len(self.answers)}",
            "subject": subject,
            "type": "PRODUCT_RATE",
            "occurred_at": format_time(now),
            "channel": "api",
            "actor": {"did": self.node.did, "role": "system"},
            "payload": payload,
            "attachments": [],
        }

    def write_to_chain(self):
        with self.node.store.read() as connection:
            counts = outbox.counts(connection)
        if counts["new"] + counts["signed"] + counts["sent"] >= MOST_OPEN_ROWS:
            return
        digest, now = secrets.token_bytes(32), self.node.clock.now_ms()
        with self.node.store.write() as connection:
            call = encode_call("MemberRegistry", "proposeAction", outbox.call_id(digest.hex()), digest)
            outbox.enqueue(connection, "action", digest.hex(), self.target, call, now)
            if len(self.digests) % 2 == 0:  # one that the contract refuses
                refused = encode_call("MemberRegistry", "vote", 10**9 + self.refusals)
                outbox.enqueue(connection, "vote", f"no-{self.refusals}", self.target, refused, now)
        self.refusals += len(self.digests) % 2 == 0
        self.digests.append(digest)


def states_at_death(node):
    """Return the state of the write that the worker was on, and of the last one that it had finished."""
    with node.store.read() as connection:
        row = outbox.next_open(connection)
        done = select(outbox_table.c.state).where(outbox_table.c.state.in_((outbox.FINAL, outbox.FAILED)))
        last = connection.execute(done.order_by(outbox_table.c.updated_at.desc()).limit(1)).first()
    return ([row.state] if row else []) + ([last.state] if last else [])


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
    """Starts the node's processes, lets them work for a random time, kills them, and counts what they were doing."""

    def __init__(self, node, client, seed):
        self.node = node
        self.client = client
        self.home = node.settings.home
        self.random = random.Random(seed)
        self.hits = Counter()
        self.kills = 0
        self.processes = []

    def start(self):
        self.processes = []
        http = self.node.settings.http
        with socket.socket() as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((http.host, http.port))
            listening.listen()
            number = listening.fileno()
            for name, arguments in (
                ("chain", ["node_adapter.chain_process"]),
                ("api", ["api.server", "--socket-fd", str(number)]),
            ):
                with (self.home / "logs" / f"{name}.log").open("ab") as log:
                    process = subprocess.Popen(
                        [sys.executable, "-m", *arguments, "--node", str(self.home)],
                        env=os.environ | {"BONAFIDES_KEYSTORE_PASSWORD": PASSWORD},
                        stdout=log,
                        stderr=log,
                        pass_fds=[number],
                        process_group=self.group(),
                    )
                self.processes.append(process)

    def group(self):
        return self.processes[0].pid if self.processes else 0

    def wait_until_it_works(self):
        before = self.progress()

        def moved():
            assert self.client.error is None, self.client.error
            return self.progress() != before

        logs = [self.home / "logs" / name for name in ("chain.log", "api.log")]
        wait_until(moved, "progress of the node", processes=self.processes, logs=logs, every=0.005)

    def progress(self):
        with self.node.store.read() as connection:
            counts = outbox.counts(connection)
            return counts["final"], counts["failed"], counts["signed"], counts["sent"]

    def kill(self):
        assert self.group() != os.getpgid(0)
        os.killpg(self.group(), signal.SIGKILL)
        for process in self.processes:
            process.wait()
        self.kills += 1
        self.hits.update(states_at_death(self.node))

    def end(self):
        """End the node as an operator would."""
        for process in self.processes:
            process.terminate()
        assert [wait_for_end(process) for process in self.processes] == [0, 0]

    def round(self):
        self.start()
        if self.random.random() < 0.9:  # the others die while they start
            self.wait_until_it_works()
            time.sleep(self.random.uniform(0, 0.5))
        else:
            time.sleep(self.random.uniform(0, 1.5))
        self.kill()


@pytest.fixture
def killer_of():
    killers = []

    def make(node, client, seed):
        killers.append(Killer(node, client, seed))
        return killers[-1]

    yield make
    for killer in killers:
        for process in killer.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


def test_fifty_kills_a_stopped_chain_and_an_unreachable_minute(make_consortium, killer_of):
    consortium = make_consortium(anchoring={"period_seconds": 0.1, "promise_seconds": PROMISE_SECONDS})
    configure(consortium.homes[0], {"http": {"host": "127.0.0.1", "port": reserve_port(consortium.homes[0])}})
    node = consortium.node()
    install_ruleset(node, {"packaged": "sac-bands@2"})
    client = Client(consortium.node(), consortium.contracts.address_of("MemberRegistry"))
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201 - to run a failure again
    killer = killer_of(node, client, seed)
    client.start()
    for number in range(KILLS):
        killer.round()
        if number == KILLS // 3:
            stop_the_chain_under_a_worker(consortium, killer)
        if number == 2 * KILLS // 3:
            make_the_chain_unreachable(consortium, killer, node)
        assert client.error is None, client.error
    while set(outbox.STATES) - set(killer.hits) and killer.kills < MOST_KILLS:
        killer.round()
    killer.start()
    client.finish()
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
        assert records.broken_promises(connection)
    killer.kill()


def finish(killer, node):
    """Let the node come to rest, and end it as an operator would."""

    def counts():
        with node.store.read() as connection:
            return outbox.counts(connection)

    def at_rest():
        open_rows = sum(count for state, count in counts().items() if state in ("new", "signed", "sent"))
        with node.store.read() as connection:
            return not open_rows and anchored.anchored_size(connection) == records.log_size(connection)

    wait_until(at_rest, counts, seconds=90, processes=killer.processes)
    killer.end()


def compare(consortium, node, client):
    events = chain_events(consortium, "EvidenceAnchor", "Anchored", node.address)
    with node.store.read() as connection:
        rows = anchors.every(connection)
        failed = outbox.counts(connection)["failed"]
        broken = set(records.broken_promises(connection))
        conflicts = alarms.list_alarms(connection, alarms.ANCHOR_CONFLICT)
    assert conflicts == []
    # 1. the client's list of answers is a log: each place once, without a gap
    assert [answer["log_index"] for answer in client.answers] == list(range(len(client.answers)))
    # 2. the chain's anchors are the log of those records, each once and in order
    tree = Tree()
    tree.extend([bytes.fromhex(answer["fingerprint"]) for answer in client.answers])
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["root"] for event in events] == [tree.root_at(event["size"]) for event in events]
    assert all(before["size"] <= after["size"] for before, after in itertools.pairwise(events))
    assert events[-1]["size"] == len(client.answers)
    # 3. every other write stands on the chain once, in the client's order, and what is refused failed once
    proposed = chain_events(consortium, "MemberRegistry", "ProposalCreated", node.address)
    assert [event["digest"] for event in proposed] == client.digests
    assert failed == client.refusals
    # 4. every promise is kept or its breach is an alarm
    late = set()
    for before, row in itertools.pairwise([None, *rows]):
        for answer in client.answers[before.size if before else 0 : row.size]:
            promise = answer["promise"]  # none while the chain was away
            if promise is not None and format_time(row.block_time * 1000) > promise["anchor_by"]:
                late.add(promise["record_id"])
    print(  # noqa: T201 - the numbers are a part of the result
        f"{len(client.answers)} records in {len(events)} anchors, {len(proposed)} other writes, {failed} refused, "
        f"{client.unanswered} questions without an answer, {len(broken)} promises broken and said so"
    )
    assert late <= broken
    assert len(broken) < len(client.answers)
