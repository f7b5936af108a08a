"""A real chain for each test: anvil in a directory of its own, our contracts on it, nodes made as users make them."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bonafides.cli.support.founder import read_founder
from node_adapter.bootstrap import open_node
from node_adapter.chain import deploy, embedded
from node_adapter.chain.contracts import Contracts
from node_adapter.chain.rpc import HttpRpc
from node_adapter.chain_process import ChainProcess
from node_adapter.init import configure, init_node
from node_adapter.keys.keystore import Keystore
from node_adapter.node import Node
from node_adapter.patience import Patience
from node_adapter.store import records
from node_adapter.store.records import RecordRow
from primitives.suite import SigningSuite
from primitives.suites import DEFAULT

PASSWORD = "a password of the tests"
NO_PORT = 1


@dataclass
class Consortium:
    """Contracts on a chain, and one node's directory per founding member."""

    directory: Path
    chain: embedded.EmbeddedChain
    deployment: deploy.Deployment
    homes: list[Path]
    rpc: HttpRpc
    _nodes: list[Node] = field(default_factory=list)

    @property
    def contracts(self) -> Contracts:
        return Contracts(self.rpc, self.deployment.directory)

    def node(self, index: int = 0) -> Node:
        node = open_node(self.homes[index], PASSWORD)
        self._nodes.append(node)
        return node

    def worker(self, node: Node, rpc=None) -> ChainProcess:
        return ChainProcess(node, rpc or self.rpc, pause=lambda _seconds: None, should_stop=lambda: False)

    def stop_chain(self) -> None:
        embedded.down(self.directory)

    def start_chain(self) -> None:
        embedded.up(self.directory)

    def close(self) -> None:
        self.rpc.close()
        for node in self._nodes:
            node.store.dispose()


@pytest.fixture
def anvil(tmp_path: Path) -> Iterator[embedded.EmbeddedChain]:
    """A running embedded chain without contracts; its directory is tmp_path/network."""
    directory = tmp_path / "network"
    yield embedded.up(directory)
    embedded.down(directory)


@contextmanager
def _consortium(
    root: Path,
    chain: embedded.EmbeddedChain,
    *,
    brokers: int,
    anchoring: dict,
    rpc_url: str | None,
    suite: SigningSuite,
):
    founders, homes = [], []
    for index in range(brokers + 1):
        role = "broker" if index < brokers else "regulator"
        home = root / f"node-{index}"
        keys = init_node(
            home,
            name=f"Member {index}",
            role=role,
            password=PASSWORD,
            settings={"anchoring": anchoring},
            suite=suite if index == 0 else DEFAULT,
        ).keys
        named = {"address": keys["address"], "role": role, "name": f"Member {index}", "keys": keys}
        founders.append(read_founder(named))
        homes.append(home)
    rpc = HttpRpc(chain.rpc_url)
    deployment = deploy.deploy(rpc, Keystore.generate().signer(), founders, veto_blocks=0)
    section = {
        "rpc_url": rpc_url or chain.rpc_url,
        "chain_id": chain.chain_id,
        "directory": deployment.directory,
        "directory_block": deployment.directory_block,
        "finality_depth": 1,
    }
    for home in homes:
        configure(
            home, {"chain": section, "http": {"host": "127.0.0.1", "port": NO_PORT, "peer_networks": "127.0.0.0/8"}}
        )
    consortium = Consortium(root / "network", chain, deployment, homes, rpc)
    try:
        yield consortium
    finally:
        consortium.close()


@pytest.fixture
def make_consortium(
    tmp_path: Path, anvil: embedded.EmbeddedChain, suite: SigningSuite
) -> Iterator[Callable[..., Consortium]]:
    """Deploy the contracts and make the nodes: `make_consortium(brokers=1, anchoring={...}, rpc_url=None)`.

    The first broker is of the test's suite, the other members of the default one.
    """
    opened = []

    def make(*, brokers: int = 1, anchoring: dict | None = None, rpc_url: str | None = None) -> Consortium:
        quick = {"period_seconds": 0.05, "promise_seconds": 60, "heartbeat_seconds": 3600, "max_batch": 1000}
        terms = {"anchoring": quick | (anchoring or {}), "rpc_url": rpc_url, "suite": suite}
        manager = _consortium(tmp_path, anvil, brokers=brokers, **terms)
        consortium = manager.__enter__()
        opened.append(manager)
        return consortium

    yield make
    for manager in opened:
        manager.__exit__(None, None, None)


@pytest.fixture
def consortium(make_consortium) -> Consortium:
    """One broker and a regulator."""
    return make_consortium()


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@pytest.fixture
def add_records() -> Callable[..., list[str]]:
    """Put records straight into a node's store, as an accepted fact would: `add_records(node, count, clients=3)`."""

    def add(
        node: Node, count: int, *, clients: int = 3, promise_ms: int = 60_000, block: int | None = None
    ) -> list[str]:
        now = node.clock.now_ms()
        with node.store.write() as connection:
            start = records.log_size(connection)
            rows = []
            for index in range(start, start + count):
                pid = hashlib.sha256(b"client %d" % (index % clients)).hexdigest()
                name = f"record-{index}"
                fingerprint = _hash(name)
                rows.append(
                    RecordRow(
                        log_index=index,
                        record_id=name,
                        source_ref=f"ref-{index}",
                        request_digest=fingerprint,
                        pid=pid,
                        seq=index // clients + 1,
                        type="INFO_COLLECT",
                        envelope=b"{}",
                        payload=None,
                        root_salt=None,
                        fingerprint=fingerprint,
                        label=_hash(f"{pid} {index // clients + 1}"),
                        next=_hash(f"{pid} {index // clients + 2}"),
                        entry=_hash(f"entry {index}"),
                        act_signature=None,
                        accepted_at=now,
                        anchor_by=now + promise_ms,
                        promise="{}",
                        block=block,
                    )
                )
            records.insert_records(connection, rows, [])
        return [row.record_id for row in rows]

    return add


@pytest.fixture
def drive() -> Callable[..., None]:
    """Step a worker in this process until a condition holds: `drive(worker, lambda: ..., seconds=10)`."""

    def run(worker: ChainProcess, until: Callable[[], bool], *, seconds: float = 15.0) -> None:
        patience = Patience(seconds)
        while not until():
            assert not patience.is_over(), "the condition never came true"
            if not worker.step():
                time.sleep(0.01)

    return run


@pytest.fixture
def start_worker() -> Iterator[Callable[[Path], subprocess.Popen]]:
    """Start workers as processes of their own; what still runs is killed at the end."""
    running: list[subprocess.Popen] = []

    def start(home: Path) -> subprocess.Popen:
        log = (home / "logs" / "chain.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "node_adapter.chain_process", "--node", str(home)],
            env=os.environ | {"BONAFIDES_KEYSTORE_PASSWORD": PASSWORD},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
