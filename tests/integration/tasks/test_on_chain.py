"""A joint task over the real contracts: three nodes, TaskRegistry and ConsentRegistry on an embedded chain."""

from dataclasses import replace

import pytest

from mpc.engines.masked_sum import engine as masked_sum
from mpc.engines.masked_sum.protocol import Committing
from node_adapter.patience import Patience
from node_adapter.peers.messages import verify_message
from node_adapter.store import outbox
from node_adapter.store.chain import event_log
from node_adapter.task_process import TaskProcess
from node_adapter.workflows.intake.rulesets import install_ruleset
from node_adapter.workflows.tasks import tasks
from primitives.errors import CouldNotCheck, Refused
from primitives.timestamp import format_time
from tests.world.consortium import PURPOSE, enrol_with_grant, load_cheat, plain_totals
from tests.world.keys import seed

pytestmark = pytest.mark.chain
CLIENTS = 10
COMPLETED, DISPUTED = 4, 5
HOUR_MS = 3_600_000


class Network:
    """Three nodes with their processes, driven in turn; a message between nodes is a call."""

    def __init__(self, consortium):
        opened = sorted((consortium.node(index) for index in range(3)), key=lambda node: node.address)
        self.urls = {node.address: f"http://{node.address}.invalid" for node in opened}
        self.nodes = [
            replace(node, settings=replace(node.settings, peers=self.urls), send=self._send) for node in opened
        ]
        self.contracts = consortium.contracts
        self.datasets = []
        followers = [consortium.worker(node) for node in self.nodes]
        for node, follower in zip(self.nodes, followers, strict=True):
            install_ruleset(node, {"packaged": "sac-bands@2"})
            follower._anchoring.load()
        self.processes = [*followers, *(TaskProcess(node) for node in self.nodes)]

    def _send(self, url, message):
        node = next(node for node in self.nodes if self.urls[node.address] == url)
        verified = verify_message(node, message)
        return tasks.peer_handler(verified.kind)(node, verified.sender, verified.body)

    def until(self, condition, seconds=60):
        patience = Patience(seconds)
        while not condition():
            assert not patience.is_over(), "waited in vain"
            for process in self.processes:
                process.step()

    def settled(self):
        for node in self.nodes:
            with node.store.read() as connection:
                if outbox.next_open(connection) is not None:
                    return False
        return True

    def indexed(self, contract, name, count):
        """Every node's own index holds that many events."""
        for node in self.nodes:
            with node.store.read() as connection:
                if len(event_log.events(connection, contract=contract, name=name)) < count:
                    return False
        return True

    def order(self, name):
        """Propose, approve everywhere and order the run; return the task's id."""
        members = [node.address for node in self.nodes]
        spec = {
            "format": "bonafides.task/1",
            "task_id": seed(name).hex(),
            "purpose": PURPOSE,
            "statistics": ["clients", "holding_risk", "leverage"],
            "owners": [{"member": entry[0], "dataset": entry[1]} for entry in zip(members, self.datasets, strict=True)],
            "receivers": members,
            "policy": {"min_contributors": 3, "min_clients": 10},
            "deadline": format_time(self.nodes[0].clock.now_ms() + HOUR_MS),
            "engine": "masked-sum/1",
        }
        task_id = tasks.propose(self.nodes[0], spec)["task_id"]
        self.until(lambda: all(known(node, task_id) for node in self.nodes))
        for node in self.nodes:
            tasks.approve(node, task_id)
            tasks.run(node, task_id)
        return task_id

    def ended(self, task_id):
        return all(tasks.show(node, task_id)["state"] in ("completed", "refused") for node in self.nodes)

    def state_of(self, task_id):
        return self.contracts.read("TaskRegistry", "stateOf", bytes.fromhex(task_id))[0]


@pytest.fixture
def network(make_consortium):
    """Three brokers with clients, consents and data sets on the chain."""
    made = Network(make_consortium(brokers=3))
    made.until(lambda: made.indexed("Directory", "AddressSet", 5))
    for node in made.nodes:
        for number in range(CLIENTS):
            enrol_with_grant(node, made.urls, made.contracts, f"client-{number}")
        made.datasets.append(tasks.register_dataset(node, "clients", {})["dataset"])
    made.until(lambda: made.indexed("TaskRegistry", "DatasetRegistered", 3) and made.settled())
    return made


def test_an_approved_task_runs_over_the_real_contracts(network):
    task_id = network.order("task")
    network.until(lambda: network.ended(task_id))
    shown = [tasks.show(node, task_id) for node in network.nodes]
    assert [entry["state"] for entry in shown] == ["completed"] * 3
    assert [int(value) for value in shown[0]["result"]["totals"].values()] == plain_totals(network.nodes)
    assert len({entry["result_digest"] for entry in shown}) == 1
    assert all(entry["clients"] == CLIENTS for entry in shown)
    assert shown[0]["chain"]["posted"] == [node.address for node in network.nodes]
    assert network.state_of(task_id) == COMPLETED


def test_every_broker_refuses_when_one_sends_another_vector(network, monkeypatch):
    cheat = load_cheat().OtherVector

    def party(spec, member, values, blinding):
        return (cheat if member == network.nodes[1].address else Committing)(spec, member, values, blinding)

    monkeypatch.setattr(masked_sum, "Committing", party)
    task_id = network.order("cheated")
    network.until(lambda: network.ended(task_id))
    shown = [tasks.show(node, task_id) for node in network.nodes]
    assert [entry["state"] for entry in shown] == ["refused"] * 3
    assert "sum-check" in {entry["error"]["code"] for entry in shown}
    assert [entry["result"] for entry in shown] == [None] * 3
    network.until(network.settled)
    assert network.state_of(task_id) == DISPUTED


def known(node, task_id):
    try:
        return tasks.show(node, task_id)["state"] == "proposed"
    except (Refused, CouldNotCheck):
        return False
