"""The joint statistic as it is run: three brokers, each a set of processes of its own, driven by the command alone."""

import json
import os
import secrets
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from node_adapter.init import configure
from node_adapter.loopback_ports import reserve_port
from node_adapter.store.chain import event_log
from node_adapter.workflows.intake.rulesets import install_ruleset
from node_adapter.workflows.tasks import tasks
from primitives.errors import Refused
from primitives.timestamp import format_time
from tests.waiting import wait_for_end, wait_until
from tests.world.consortium import PURPOSE, enrol_with_grant, plain_totals

pytestmark = [pytest.mark.chain, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[3]
BONAFIDES = Path(sys.executable).with_name("bonafides")
CHEAT = ROOT / "scripts" / "demo" / "cheat_masked_sum.py"
ENVIRONMENT = {**os.environ, "BONAFIDES_KEYSTORE_PASSWORD": "a password of the tests", "PYTHONPATH": str(ROOT)}
CLIENTS = 10


def command(*arguments):
    done = subprocess.run(
        [BONAFIDES, *arguments], capture_output=True, text=True, encoding="utf-8", check=False, env=ENVIRONMENT
    )
    assert done.returncode == 0, done.stderr or done.stdout
    return json.loads(done.stdout)


class Brokers:
    """Three node directories and the processes on them."""

    def __init__(self, consortium, stack):
        self.stack = stack
        self.homes = [str(home) for home in consortium.homes[:3]]
        ports = [reserve_port(Path(home)) for home in self.homes]
        members = [consortium.node(index).address for index in range(3)]
        urls = {member: f"http://127.0.0.1:{port}" for member, port in zip(members, ports, strict=True)}
        self.urls = list(urls.values())
        for home, port, member in zip(self.homes, ports, members, strict=True):
            peers = {peer: url for peer, url in urls.items() if peer != member}
            configure(Path(home), {"http": {"host": "127.0.0.1", "port": port}, "peers": peers})
        self.nodes = [consortium.node(index) for index in range(3)]
        for node in self.nodes:
            install_ruleset(node, {"packaged": "sac-bands@2"})
            for number in range(CLIENTS):
                enrol_with_grant(node, members, consortium.contracts, f"client-{number}")
        self.processes = {}
        for index in range(3):
            self.start(index, [BONAFIDES, "node", "run", self.homes[index], "--workers", "1"])

    def start(self, index, arguments):
        log = (Path(self.homes[index]) / "run.log").open("ab")
        self.stack.callback(log.close)
        self.processes[index] = subprocess.Popen(arguments, stdout=log, stderr=log, env=ENVIRONMENT)

    def stop(self, index):
        self.processes[index].terminate()
        wait_for_end(self.processes[index], seconds=60)

    def task(self, index, *arguments):
        return command("task", *arguments[:1], "--node", self.homes[index], *arguments[1:])

    def until(self, condition, what):
        """Wait for something that the running processes bring about."""
        logs = [Path(home) / "run.log" for home in self.homes]
        return wait_until(condition, what, seconds=120, processes=self.processes.values(), logs=logs, every=0.2)

    def indexed(self, name, count):
        for node in self.nodes:
            with node.store.read() as connection:
                if len(event_log.events(connection, name=name)) < count:
                    return False
        return True

    def approved_task(self, datasets):
        owners = sorted(
            ({"member": node.address, "dataset": data} for node, data in zip(self.nodes, datasets, strict=True)),
            key=lambda owner: owner["member"],
        )
        spec = {
            "format": "bonafides.task/1",
            "task_id": secrets.token_hex(32),
            "purpose": PURPOSE,
            "statistics": ["clients", "holding_risk", "leverage"],
            "owners": owners,
            "receivers": [owner["member"] for owner in owners],
            "policy": {"min_contributors": 3, "min_clients": 10},
            "deadline": format_time(time.time_ns() // 1_000_000 + 600_000),
            "engine": "masked-sum/1",
        }
        file = Path(self.homes[0]) / "spec.json"
        file.write_text(json.dumps(spec), encoding="utf-8")
        self.task(0, "propose", str(file))
        for index in range(3):
            self.until(lambda at=index: self.known(at, spec["task_id"]), "the proposal at its owner")
            self.task(index, "approve", spec["task_id"])
        return spec["task_id"]

    def known(self, index, task_id):
        """Looks into the store: the command, started anew for every look, would be most of the test's time."""
        try:
            return tasks.show(self.nodes[index], task_id)["chain"]["proposer"] is not None
        except Refused:
            return False

    def run(self, task_id):
        for index in range(3):
            self.task(index, "run", task_id)
        ends = ("completed", "refused")
        self.until(
            lambda: all(tasks.show(node, task_id)["state"] in ends for node in self.nodes), "the end of the task"
        )
        return [self.task(index, "show", task_id) for index in range(3)]


@pytest.fixture
def brokers(make_consortium):
    with ExitStack() as stack:
        made = Brokers(make_consortium(brokers=3), stack)
        yield made
        for index in range(3):
            made.stop(index)


def ready(brokers, index):
    def answers():
        try:
            return httpx.get(f"{brokers.urls[index]}/readyz", timeout=10).is_success
        except httpx.HTTPError:
            return False

    brokers.until(answers, "the node")


def test_an_honest_run_and_a_run_with_a_cheat(brokers):
    for index in range(3):
        ready(brokers, index)
    datasets = [brokers.task(index, "dataset", "clients")["dataset"] for index in range(3)]
    brokers.until(
        lambda: brokers.indexed("DatasetRegistered", 3) and brokers.indexed("ConsentGranted", 3 * CLIENTS), "the chain"
    )

    shown = brokers.run(brokers.approved_task(datasets))
    assert [task["state"] for task in shown] == ["completed"] * 3
    totals = [int(value) for value in shown[0]["result"]["totals"].values()]
    assert totals == plain_totals(brokers.nodes)

    task_id = brokers.approved_task(datasets)
    brokers.stop(2)
    brokers.start(2, [sys.executable, CHEAT, "--node", brokers.homes[2]])
    ready(brokers, 2)
    shown = brokers.run(task_id)
    assert [task["state"] for task in shown] == ["refused"] * 3
    assert [task["result"] for task in shown] == [None] * 3
    assert "sum-check" in {task["error"]["code"] for task in shown}
