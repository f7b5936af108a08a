"""Three brokers' nodes in one process, on SQLite: real stores, keys, messages and call data, and a small chain.

The chain applies TaskRegistry's rules to the call data of the outboxes and gives its events to every node's index, as
the indexer would. What the contract itself does is tested where the contract is.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

from eth_abi.abi import decode
from sqlalchemy import select, update

from did.identifiers import member_did
from evidence.version2.links import Link, first_label
from node_adapter.chain.abi import contract_abi, encode_call
from node_adapter.peers.messages import verify_message
from node_adapter.store import consents, outbox, records, subjects
from node_adapter.store.chain import event_log
from node_adapter.store.engine import open_store
from node_adapter.store.schema import outbox as table
from node_adapter.workflows.intake.fold import EMPTY_STATE
from node_adapter.workflows.intake.rulesets import install_ruleset
from node_adapter.workflows.tasks import steps, tasks
from primitives.eip712 import approve_typed_data, grant_typed_data, recover_typed, sign_typed
from primitives.errors import CouldNotCheck, Refused
from primitives.secp256k1 import address_of
from primitives.timestamp import format_time
from tests.world.chain import CHAIN_ID, CONTRACTS, Chain
from tests.world.clock import START, Clock
from tests.world.keys import entropy_of, keystore_of, seed
from tests.world.node import open_member, settings_of

DEADLINE = START + 3_600_000
PURPOSE = "MARKET_RISK"
YEAR = 365 * 86_400_000


class TaskChain(Chain):
    """A chain that applies TaskRegistry's rules, and gives a block at once to every node that is not held back."""

    def __init__(self):
        super().__init__()
        self.held = set()
        self.backlog = {}
        self.tasks = {}
        self.datasets = {}

    def tell(self, block, found):
        self.known.append((block, found))
        for node in self.nodes:
            self.backlog.setdefault(node.address, []).append((block, found))
        self.index()

    def index(self):
        for node in self.nodes:
            entries = [] if node.address in self.held else self.backlog.pop(node.address, [])
            if entries:
                with node.store.write() as connection:
                    for block, found in entries:
                        event_log.append(connection, [block], found)

    def mine(self):
        """Take every outbox row; return how many."""
        count = 0
        for node in self.nodes:
            with node.store.read() as connection:
                rows = [row for row in _rows(connection) if row.state == outbox.NEW]
            for row in rows:
                count += 1
                error = self._apply(node.address, row.data)
                settled = {"state": outbox.FINAL if error is None else outbox.FAILED, "error": error}
                with node.store.write() as connection:
                    connection.execute(update(table).where(table.c.id == row.id).values(**settled))
        return count

    def _apply(self, sender, data):
        abi = contract_abi("TaskRegistry")
        function = next(entry for entry in abi._functions if entry.selector == data[:4])
        values = decode(function.types, data[4:])
        return getattr(self, f"_{function.name}")(sender, *values)

    def _registerDataset(self, sender, dataset, schema):
        if dataset in self.datasets:
            return "TaskRegistryDatasetExists"
        self.datasets[dataset] = sender
        self._event("DatasetRegistered", dataset, {"datasetId": dataset, "owner": sender, "schemaHash": schema})
        return None

    def _propose(self, sender, task_id, spec, purpose, datasets, deadline_block):
        if task_id in self.tasks:
            return "TaskRegistryTaskExists"
        owners = {self.datasets[dataset] for dataset in datasets}
        steps = {"approve": {}, "commit": {}, "postResult": {}}
        self.tasks[task_id] = {"spec": spec, "owners": owners, "ended": None, "deadline": deadline_block, **steps}
        args = {"taskId": task_id, "proposer": sender, "specHash": spec, "purpose": purpose}
        self._event("TaskProposed", task_id, {**args, "datasetIds": ["0x" + entry.hex() for entry in datasets]})
        return None

    def _step(self, sender, task_id, step, before, value):
        task = self.tasks[task_id]
        if task["ended"] or (before and task[before].keys() != task["owners"]) or sender in task[step]:
            return "TaskRegistryWrongState"
        task[step][sender] = value
        return None

    def _approve(self, sender, task_id, signature):
        typed = approve_typed_data(CHAIN_ID, CONTRACTS["TaskRegistry"], task_id, self.tasks[task_id]["spec"])
        compliance = next(node.keys.compliance_address for node in self.nodes if node.address == sender)
        if recover_typed(typed, signature) != compliance:
            return "TaskRegistryBadSignature"
        error = self._step(sender, task_id, "approve", None, signature)
        if error is None:
            self._event("TaskApproved", task_id, {"taskId": task_id, "owner": sender})
        return error

    def _commit(self, sender, task_id, commitment):
        error = self._step(sender, task_id, "commit", "approve", commitment)
        if error is None:
            args = {"taskId": task_id, "owner": sender, "commitment": commitment}
            self._event("InputCommitted", task_id, args)
        return error

    def _postResult(self, sender, task_id, result):
        error = self._step(sender, task_id, "postResult", "commit", result)
        if error is None:
            self._event("ResultPosted", task_id, {"taskId": task_id, "owner": sender, "resultHash": result})
            task = self.tasks[task_id]
            posted = task["postResult"]
            if len(set(posted.values())) > 1:
                task["ended"] = "disputed"
            elif posted.keys() == task["owners"]:
                task["ended"] = "completed"
        return error

    def _refuse(self, sender, task_id, reason):
        if self.tasks[task_id]["ended"] == "completed":
            return "TaskRegistryWrongState"
        self.tasks[task_id]["ended"] = "disputed"
        self._event("TaskRefused", task_id, {"taskId": task_id, "owner": sender, "reasonHash": reason})
        return None

    def _event(self, name, topic, args):
        told = {key: "0x" + value.hex() if isinstance(value, bytes) else value for key, value in args.items()}
        self.block(("TaskRegistry", name, "0x" + topic.hex(), told))


def load_cheat():
    """The demo's cheat, as its own module."""
    place = Path(__file__).resolve().parents[2] / "scripts" / "demo" / "cheat_masked_sum.py"
    loaded = importlib.util.module_from_spec(spec := importlib.util.spec_from_file_location("cheat_masked_sum", place))
    spec.loader.exec_module(loaded)
    return loaded


def insert_client(node, reference, pid):
    """Store a client and what INFO_COLLECT says of it."""
    number = int.from_bytes(bytes.fromhex(pid)[:4])
    holdings = {f"R{grade}": (number >> grade) % 1_000_000 for grade in range(1, 6)}
    finance = {"assets_fen": number, "debts_fen": number // 3, "income_fen": 0, "holdings_fen": holdings}
    payload = {"basics": {}, "finance": {"source": "synthetic", **finance}}
    with node.store.write() as connection:
        first, following = first_label(node.did, bytes.fromhex(pid)), seed(f"next of {pid}")
        row = subjects.SubjectRow(pid, reference, f"did:x:{reference}", START, 1, seed(pid), EMPTY_STATE, following)
        subjects.insert_subjects(connection, [row])
        size = records.log_size(connection)
        record = records.RecordRow(
            log_index=size,
            record_id=f"info-{reference}",
            source_ref=f"info-{reference}",
            request_digest=bytes(32),
            pid=pid,
            seq=1,
            type="INFO_COLLECT",
            envelope=b"{}",
            payload=json.dumps(payload),
            root_salt=bytes(32),
            fingerprint=seed(pid),
            label=first,
            next=following,
            entry=Link(1, bytes(32), following, seed(pid)).entry,
            act_signature=None,
            accepted_at=START,
            anchor_by=START,
            promise="{}",
        )
        records.insert_records(connection, [record], [])


def enrol_with_grant(node, members, contracts, reference):
    """A client with data and a consent that the client's own signature puts into the real ConsentRegistry."""
    pid, key = seed(f"{node.address} {reference}").hex(), seed(f"key of {node.address} {reference}")
    identity, consent_id = address_of(key), seed(f"consent {node.address} {reference}")
    insert_client(node, reference, pid)
    now, chain_id = node.clock.now_ms(), node.settings.chain.chain_id
    dids = json.dumps([member_did(chain_id, member) for member in members if member != node.address])
    contract, deadline = contracts.address_of("ConsentRegistry"), now // 1000 + 3600
    signature = sign_typed(key, grant_typed_data(chain_id, contract, identity, consent_id, deadline))
    data = encode_call("ConsentRegistry", "grant", identity, consent_id, deadline, signature)
    row = consents.ConsentRow(consent_id.hex(), pid, PURPOSE, dids, now + YEAR, "{}", now, None)
    with node.store.write() as connection:
        consents.insert_consent(connection, row)
        outbox.enqueue(connection, "consent", f"grant:{reference}", contract, data, now)


def plain_totals(nodes):
    """The sums that no node may compute alone."""
    sums = [0] * 5
    for node in nodes:
        with node.store.read() as connection:
            for row in connection.exec_driver_sql("SELECT payload FROM record WHERE type = 'INFO_COLLECT'"):
                finance = json.loads(row[0])["finance"]
                sums[0] += 1
                sums[1] += sum(int(name[1]) * value for name, value in finance["holdings_fen"].items())
                sums[2] += sum(finance["holdings_fen"].values())
                sums[3] += finance["debts_fen"]
                sums[4] += finance["assets_fen"]
    return sums


def _rows(connection):
    return [outbox.OutboxRow(**row._mapping) for row in connection.execute(select(table).order_by(table.c.id))]


class Consortium:
    """Three brokers and what the test does to them."""

    def __init__(self, home, clients=12):
        self.clock = Clock()
        self.chain = TaskChain()
        self.down: set[str] = set()
        self.restarts = 0
        self.sent: list[tuple[str, str, dict]] = []
        keys = sorted((keystore_of(name) for name in "abc"), key=lambda key: key.address)
        self.members = [key.address for key in keys]
        self.urls = {member: f"http://{member}.invalid" for member in self.members}
        self.nodes = [self._open(home, key) for key in keys]
        for node in self.nodes:
            self.chain.join(node)
        for node in self.nodes:
            self.chain.admit(node.settings.member.name, keys=node.keys)
        self.chain.deploy()
        for index, node in enumerate(self.nodes):
            self.enrol(node, [f"{index}-{number}" for number in range(clients)])
        self.datasets = [tasks.register_dataset(node, "clients", {"columns": []})["dataset"] for node in self.nodes]
        self.chain.mine()

    def _open(self, home, key):
        peers = {member: url for member, url in self.urls.items() if member != key.address}
        settings = settings_of(home / key.address, key.address, f"Broker {key.address[2:6]}", peers=peers)
        node = open_member(settings, key, self.clock, entropy_of(key.address), self._post)
        install_ruleset(node, {"packaged": "sac-bands@2"})
        return node

    def _post(self, url, message):
        """What HTTP does between two nodes."""
        node = next(node for node in self.nodes if self.urls[node.address] == url)
        if node.address in self.down:
            raise CouldNotCheck("peer-unreachable", url)
        verified = verify_message(node, json.loads(json.dumps(message)))
        self.sent.append((verified.sender, node.address, verified.body))
        try:
            return tasks.peer_handler(verified.kind)(node, verified.sender, verified.body)
        except Refused as error:
            raise Refused("peer-refused", f"{error.code}: {error.detail}") from error

    def enrol(self, node, references):
        """Store clients with data and a consent that stands on the chain."""
        for reference in references:
            pid = seed(f"{node.address} {reference}").hex()
            insert_client(node, reference, pid)
            self.consent(node, pid)

    def consent(self, node, pid, *, purpose=PURPOSE, receivers=None, expires_at=START + YEAR, on_chain=True):
        """Store a consent and put its grant on the chain."""
        others = [member for member in self.members if member != node.address] if receivers is None else receivers
        consent_id = seed(f"consent {node.address} {pid} {purpose} {expires_at}").hex()
        dids = json.dumps([member_did(CHAIN_ID, member) for member in others])
        row = consents.ConsentRow(consent_id, pid, purpose, dids, expires_at, "{}", START, None)
        with node.store.write() as connection:
            consents.insert_consent(connection, row)
        if on_chain:
            self.chain.consent("ConsentGranted", consent_id)
        return consent_id

    def withdraw_on_chain(self, consent_id):
        self.chain.consent("ConsentWithdrawn", consent_id)

    def spec(self, task_id="ab" * 32, **changes):
        pairs = zip(self.members, self.datasets, strict=True)
        return {
            "format": "bonafides.task/1",
            "task_id": task_id,
            "purpose": PURPOSE,
            "statistics": ["clients", "holding_risk", "leverage"],
            "owners": [{"member": member, "dataset": dataset} for member, dataset in pairs],
            "receivers": self.members,
            "policy": {"min_contributors": 3, "min_clients": 10},
            "deadline": format_time(DEADLINE),
            "engine": "masked-sum/1",
            **changes,
        }

    def propose(self, **changes):
        """Propose at the first node and let the others hear of it; return the task's id."""
        spec = self.spec(**changes)
        tasks.propose(self.nodes[0], spec)
        self.chain.mine()
        self.step()
        return spec["task_id"]

    def approve_and_run(self, task_id, clients=None):
        for node in self.nodes:
            tasks.approve(node, task_id)
        self.chain.mine()
        for node in self.nodes:
            tasks.run(node, task_id, clients if node is self.nodes[0] else None)

    def step(self, rounds=1, only=None):
        """One loop of each worker, and what they wrote is mined."""
        for _ in range(rounds):
            for node in self.nodes if only is None else only:
                steps.step(node, self.clock.now)
            self.chain.mine()
            self.clock.sleep(1)

    def restart(self, node):
        """Kill a node's process and open it anew on what its store holds."""
        index = next(at for at, entry in enumerate(self.nodes) if entry.address == node.address)
        node.store.dispose()
        self.restarts += 1  # a nonce is drawn once, whoever draws it
        entropy = entropy_of(f"again {self.restarts} {node.address}")
        fresh = replace(node, store=open_store(node.settings.database), entropy=entropy)
        self.nodes[index] = self.chain.nodes[index] = fresh
        return fresh

    def states(self, task_id):
        return [tasks.show(node, task_id)["state"] for node in self.nodes]
