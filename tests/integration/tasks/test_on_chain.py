"""A joint task over the real contracts: three workers, TaskRegistry and ConsentRegistry on an embedded chain."""

import time
from dataclasses import replace

import pytest

from did.identifiers import ethr_did, member_did
from node_adapter.abi import encode_call
from node_adapter.peers.messages import verify_message
from node_adapter.store import chain_index, consents, outbox
from node_adapter.workflows import tasks
from node_adapter.workflows.rulesets import install_ruleset
from primitives.eip712 import grant_typed_data, sign_typed
from primitives.errors import CouldNotCheck, Refused
from primitives.secp256k1 import address_of
from primitives.timestamp import format_time
from tests.integration.tasks.consortium import PURPOSE, insert_client, plain_totals, secret

pytestmark = pytest.mark.chain
CLIENTS = 10
HOUR_MS = 3_600_000


class Network:
    """Three nodes with their workers, driven in turn; a message between nodes is a call."""

    def __init__(self, consortium):
        opened = sorted((consortium.node(index) for index in range(3)), key=lambda node: node.address)
        self.urls = {node.address: f"http://{node.address}.invalid" for node in opened}
        self.nodes = [
            replace(node, settings=replace(node.settings, peers=self.urls), send=self._send) for node in opened
        ]
        self.workers = [consortium.worker(node) for node in self.nodes]
        for node, worker in zip(self.nodes, self.workers, strict=True):
            install_ruleset(node, {"packaged": "sac-bands@2"})
            worker._anchoring.load()

    def _send(self, url, message):
        node = next(node for node in self.nodes if self.urls[node.address] == url)
        verified = verify_message(node, message)
        return tasks.PEER_HANDLERS[verified.kind](node, verified.sender, verified.body)

    def until(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            for worker in self.workers:
                worker.step()

    def settled(self):
        for node in self.nodes:
            with node.store.read() as connection:
                if outbox.oldest_open_since(connection) is not None:
                    return False
        return True

    def indexed(self, contract, name, count):
        """Every node's own index holds that many events."""
        for node in self.nodes:
            with node.store.read() as connection:
                if len(chain_index.events(connection, contract=contract, name=name)) < count:
                    return False
        return True

    def enrol(self, node, reference):
        """A client with data and a consent that ConsentRegistry holds under the client's own signature."""
        pid, key = secret(f"{node.address} {reference}").hex(), secret(f"key of {node.address} {reference}")
        identity, consent_id = address_of(key), secret(f"consent {node.address} {reference}")
        insert_client(node, reference, pid)
        now, chain_id = node.clock.now_ms(), node.settings.chain.chain_id
        others = [member_did(chain_id, peer.address) for peer in self.nodes if peer is not node]
        row = {
            "consent_id": consent_id.hex(),
            "pid": pid,
            "purpose": PURPOSE,
            "receivers": str(others).replace("'", '"'),
            "expires_at": now + HOUR_MS,
            "credential": "{}",
            "given_at": now,
            "withdrawn_at": None,
            "salt": bytes(32),
        }
        with node.store.write() as connection:
            consents.insert_consent(connection, consents.ConsentRow(**row))
            contract = chain_index.contract_addresses(connection)["ConsentRegistry"]
            deadline = now // 1000 + 3600
            signature = sign_typed(key, grant_typed_data(chain_id, contract, identity, consent_id, deadline))
            data = encode_call("ConsentRegistry", "grant", identity, consent_id, deadline, signature)
            outbox.enqueue(connection, "consent", f"grant:{reference}", contract, data, now)
        return ethr_did(chain_id, identity)


def test_an_approved_task_runs_over_the_real_contracts(make_consortium):
    network = Network(make_consortium(brokers=3))
    network.until(lambda: network.indexed("Directory", "AddressSet", 5))
    for node in network.nodes:
        for number in range(CLIENTS):
            network.enrol(node, f"client-{number}")
    datasets = [tasks.register_dataset(node, "clients", {})["dataset"] for node in network.nodes]
    network.until(lambda: network.indexed("TaskRegistry", "DatasetRegistered", 3) and network.settled())
    members = [node.address for node in network.nodes]
    spec = {
        "format": "bonafides.task/1",
        "task_id": secret("task").hex(),
        "purpose": PURPOSE,
        "statistics": ["clients", "holding_risk", "leverage"],
        "owners": [{"member": entry[0], "dataset": entry[1]} for entry in zip(members, datasets, strict=True)],
        "receivers": members,
        "policy": {"min_contributors": 3, "min_clients": 10},
        "deadline": format_time(network.nodes[0].clock.now_ms() + HOUR_MS),
        "engine": "masked-sum/1",
    }
    task_id = tasks.propose(network.nodes[0], spec)["task_id"]
    network.until(lambda: all(known(node, task_id) for node in network.nodes))
    for node in network.nodes:
        tasks.approve(node, task_id)
        tasks.run(node, task_id)
    network.until(lambda: all(tasks.show(node, task_id)["state"] == "completed" for node in network.nodes))
    shown = [tasks.show(node, task_id) for node in network.nodes]
    assert [int(value) for value in shown[0]["result"]["totals"].values()] == plain_totals(network.nodes)
    assert len({entry["result_digest"] for entry in shown}) == 1
    assert all(entry["clients"] == CLIENTS for entry in shown)
    assert shown[0]["chain"]["posted"] == members


def known(node, task_id):
    try:
        return tasks.show(node, task_id)["state"] == "proposed"
    except (Refused, CouldNotCheck):
        return False
