"""A broker's node on a real store, over a synthetic chain of real headers, receipts and events.

Facts, anchors and replays go through the node's own workflows; only the chain's node and the sender are stood in for:
a "mined" anchor is the log that the contract would emit for the call data that the worker enqueued.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field

from eth_abi.abi import decode as abi_decode
from eth_hash.auto import keccak
from sqlalchemy import select

from did.identifiers import ethr_did
from evidence.chain.engine import Log
from evidence.chain.engines import KEPT_HEADERS, KEPT_PROOFS
from evidence.documents.act import act_payload, field_digests
from evidence.documents.product_subject import product_subject
from node_adapter.chain.abi import contract_abi, directory_name
from node_adapter.chain.indexer import json_value
from node_adapter.keys.keystore import Keystore
from node_adapter.keys.member_keys import MemberKeys
from node_adapter.life import SignOfLife
from node_adapter.node import Node
from node_adapter.settings import AnchoringSettings, ChainSettings, HttpSettings, MemberSettings, Settings
from node_adapter.store import anchors, migrate, subjects
from node_adapter.store.chain.event_log import ChainBlock, ChainEvent, append
from node_adapter.store.engine import open_store
from node_adapter.store.schema import outbox
from node_adapter.store.subjects import EMPTY_HEAD, SubjectRow
from node_adapter.workflows.anchoring.anchor import Anchoring
from node_adapter.workflows.identity.succession import former_reference
from node_adapter.workflows.intake.accepted import Accepted
from node_adapter.workflows.intake.facts import submit_facts
from node_adapter.workflows.intake.fold import EMPTY_STATE
from node_adapter.workflows.intake.rulesets import install_ruleset
from primitives import ed25519
from primitives.encoding import encode_base64url
from primitives.timestamp import format_time
from replay.installed import INSTALLED
from scripts.vectors.synthetic_chain import (
    CHAIN_ID,
    CONTRACTS,
    SyntheticChain,
    address,
    event_log,
    seeded,
)
from tests.world.node import PAYLOADS, START, rating

NAMES = {**CONTRACTS, "Directory": address("Directory")}
CONSENTS = address("ConsentRegistry")  # the trust file names it not: no bundle shows what it says
BY_ADDRESS = {target: name for name, target in NAMES.items()} | {CONSENTS: "ConsentRegistry"}
FAR = 2**40


class Clock:
    """Moves on by a second whenever it is read."""

    def __init__(self):
        self.now = START

    def now_ms(self):
        self.now += 1000
        return self.now

    def monotonic_ms(self):
        return self.now - START

    def sleep(self, seconds):
        self.now += int(seconds * 1000)

    def sign_of_life(self):
        return SignOfLife("", 1, self.now - START, answered=self.now - START)


def entropy_of(name):
    draws = itertools.count()
    return lambda count: hashlib.shake_256(seeded(name) + next(draws).to_bytes(8)).digest(count)


class TimedChain(SyntheticChain):
    """Blocks bear the clock's time."""

    def __init__(self, clock):
        self.clock = clock
        self.times = []
        super().__init__()

    def time(self, number):
        while len(self.times) <= number:
            self.times.append(self.clock.now // 1000)
        return self.times[number]


@dataclass
class Client:
    """A person with an Ed25519 key on the chain."""

    name: str
    did: str = ""
    address: str = ""
    subject: str = ""
    key_seed: bytes = b""
    number: int = 1
    registered: list = field(default_factory=list)

    def __post_init__(self):
        self.address = address(f"client {self.name}")
        self.did = ethr_did(CHAIN_ID, self.address).text
        self.subject = seeded(f"pid {self.name}").hex()
        self.key_seed = seeded(f"key {self.name}")


class Broker:
    """One broker and the chain that it follows."""

    def __init__(self, directory, *, packaged="sac-bands@1", promise_seconds=600.0, domains=INSTALLED):
        self.clock = Clock()
        self.chain = TimedChain(self.clock)
        sender, *keys = (seeded(f"broker {key}") for key in ("sender", "signing", "agreement", "compliance"))
        self.keys = Keystore(sender, MemberKeys(*keys))
        migrate.upgrade(directory / "node.db")
        self.store = open_store(directory / "node.db")
        self.node = Node(
            settings=Settings(
                home=directory,
                member=MemberSettings(self.keys.address, "Broker North <b>&", "broker"),
                chain=ChainSettings("http://127.0.0.1:1", CHAIN_ID, NAMES["Directory"], 0, 1),
                http=HttpSettings("127.0.0.1", 8080),
                anchoring=AnchoringSettings(0.0, promise_seconds, 1e9, 10_000),
                peers={},
            ),
            store=self.store,
            keys=self.keys,
            clock=self.clock,
            entropy=entropy_of("broker"),
            send=lambda _url, _message: None,
            sign_of_life=self.clock.sign_of_life,
            domains=domains,
        )
        self.changed = {}
        self.references = itertools.count()
        self._index(0)
        zero = "0x" + "00" * 20
        named = [
            event_log(NAMES["Directory"], "AddressSet", directory_name(name), target, 1, zero)
            for name, target in CONTRACTS.items()
        ]
        keys = (self.keys.signing_public, self.keys.agreement_public, self.keys.compliance_address)
        admitted = self.change("MemberRegistry", "MemberAdmitted", self.keys.address, 1, "北方证券", *keys)
        self.mine([admitted], named)
        install_ruleset(self.node, {"packaged": packaged})
        self.anchoring = Anchoring(self.node)
        self.anchoring.load()

    # -- the chain

    def change(self, registry, name, who, *args):
        log = event_log(CONTRACTS[registry], name, who, *args, self.changed.get(who, 0))
        self.changed[who] = self.chain.head + 1
        return log

    def mine(self, *transactions):
        return self._index(self.chain.add_block(*transactions))

    def _index(self, number):
        raw, receipts = self.chain.headers[number], self.chain.receipts[number]
        header = KEPT_HEADERS.parse(raw, "header")
        events = []
        for index, placed in enumerate(KEPT_PROOFS.open_all(header, receipts)):
            contract = BY_ADDRESS[placed.log.address]
            event = contract_abi(contract).decode_event(placed.log.topics, placed.log.data)
            events.append(
                ChainEvent(
                    number, index, placed.tx_index, placed.log_position, keccak(b"%d %d" % (number, placed.tx_index)),
                    placed.log.address, contract, event.name, "0x" + placed.log.topics[1].hex(),
                    {name: json_value(value) for name, value in event.args.items()},
                )
            )  # fmt: skip
        block = ChainBlock(number, header.hash, header.parent, header.timestamp, raw, tuple(receipts))
        with self.store.write() as connection:
            append(connection, [block], events)
        return number

    def withdraw_consent(self, consent_id):
        """Let the chain hold a withdrawal that no record tells of."""
        [topic] = [
            topic for topic, event in contract_abi("ConsentRegistry").events.items() if event.name.endswith("Withdrawn")
        ]
        return self.mine([], [Log(CONSENTS, (topic, bytes.fromhex(consent_id)), b"")])

    def anchor(self):
        """Let the worker build an anchor, and mine it."""
        assert self.anchoring.step(self.clock.now_ms())
        with self.store.read() as connection:
            row = anchors.latest(connection)
        _, prev, root, size, map_root = _anchor_arguments(self.store, row.seq)
        log = event_log(CONTRACTS["EvidenceAnchor"], "Anchored", self.keys.address, row.seq, root, size, prev, map_root)
        number = self.mine([], [log])
        with self.store.write() as connection:
            anchors.settle(
                connection, row.seq, block=number, block_hash=bytes(32), tx_hash=bytes(32), log_position=0,
                block_time=self.chain.time(number),
            )  # fmt: skip
        return row.seq

    # -- clients and facts

    def enrol(self, name, *, did=True, succeeds=None):
        client = Client(name)
        if not did:  # a product of that id
            client.subject = product_subject(self.node.did, name)
        row = SubjectRow(client.subject, f"ref {name}", client.did if did else None, 0, 0, EMPTY_HEAD, EMPTY_STATE)
        with self.store.write() as connection:
            if succeeds is not None:
                subjects.rename(connection, succeeds.subject, former_reference(row.client_ref, row.created_at))
            subjects.insert_subjects(connection, [row])
        if did:
            self.set_key(client, client.key_seed)
        return client

    def set_key(self, client, seed, valid_to=FAR):
        name = b"did/pub/Ed25519/veriKey/hex".ljust(32, b"\0")
        args = (name, ed25519.public_key(seed), valid_to)
        self.mine([self.change("DidRegistry", "DIDAttributeChanged", client.address, *args)])

    def submit(self, client, type_, payload=None, **more):
        fact = {
            "source_ref": f"fact {next(self.references)}",
            "subject": client.subject,
            "type": type_,
            "occurred_at": format_time(self.clock.now_ms()),
            "channel": "app",
            "actor": {"did": self.node.did, "role": "staff"},
            **more,
        }
        if payload is not None:
            fact["payload"] = payload
        [outcome] = submit_facts(self.node, [fact])
        assert isinstance(outcome, Accepted), outcome
        return outcome

    def act(self, client, type_, values, document, ruleset=None):
        """Let the client sign; the fact carries the wallet's root salt and signature."""
        occurred_at, salt = format_time(self.clock.now_ms()), seeded(f"salt {next(self.references)}")
        values = {**values, "lang": "zh", "text_sha256": seeded("text").hex()}
        signed = act_payload(
            type_, self.node.did, client.subject, occurred_at, document, ruleset, field_digests(values, salt)
        )
        act = {
            "root_salt": salt.hex(),
            "key": f"{client.did}#delegate-{client.number}",
            "signature": encode_base64url(ed25519.sign(client.key_seed, signed)),
            "document": document,
            "ruleset": ruleset,
        }
        actor = {"did": client.did, "role": "client"}
        return self.submit(client, type_, values, occurred_at=occurred_at, act=act, actor=actor)

    def assess(self, client):
        """From identity to a confirmed level."""
        for type_ in ("ID_VERIFY", "INFO_COLLECT", "DUTY_NOTICE", "Q_SUBMIT"):
            self.submit(client, type_, PAYLOADS[type_])
        level = self.submit(client, "LEVEL_RESULT", compute={})
        ref = level.promise["fingerprint"]
        self.act(client, "LEVEL_CONFIRM", {"level_ref": ref, "level": level.payload["level"]}, "level-confirm@1")

    def rate(self, product, risk="R5"):
        return self.submit(product, "PRODUCT_RATE", rating(risk=risk))

    def sell_without_warning(self, client):
        """An opinion that does not match, and the sale all the same."""
        self.submit(client, "MATCH_OPINION", compute={"product_id": "fund-1"})
        buy = {"application_id": "a-1", "kind": "BUY", "product_id": "fund-1"}
        self.submit(client, "BIZ_APPLY", {**buy, "amount_fen": 1_234_567})
        decision = {"decision": "APPROVED", "checks": [], "reviewer": "<script>alert(1)</script>", "reason": None}
        self.submit(client, "BIZ_DECIDE", {**buy, **decision})


def _anchor_arguments(store, seq):
    """Read back what the worker's outbox row would have the contract do."""
    with store.read() as connection:
        data = connection.execute(select(outbox.c.data).where(outbox.c.key == anchors.outbox_key(seq))).scalar_one()
    types = ["uint64", "bytes32", "bytes32", "uint64", "bytes32", "bytes32[]"]
    return abi_decode(types, data[4:])[:5]
