"""A broker's node on a real SQLite file with real keys, its Flask application, and clients with real wallet keys.

The index is filled as the indexer fills it: each event in a block of its own, with the arguments' JSON form.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import request
from sqlalchemy import update

from api.app import create_app
from did.identifiers import ethr_did, member_did
from evidence.documents.act import act_payload, field_digests
from node_adapter.chain.abi import directory_name
from node_adapter.keys.keystore import Keystore
from node_adapter.keys.member_keys import MemberKeys
from node_adapter.life import SignOfLife
from node_adapter.node import Node
from node_adapter.settings import AnchoringSettings, ChainSettings, HttpSettings, MemberSettings, Settings
from node_adapter.store import anchors, migrate, outbox, tokens
from node_adapter.store.chain import event_log
from node_adapter.store.chain.event_log import ChainBlock, ChainEvent, address_topic
from node_adapter.store.engine import open_store
from node_adapter.store.schema import outbox as outbox_table
from node_adapter.workflows.anchoring.anchor import Anchoring
from node_adapter.workflows.intake.rulesets import install_ruleset
from primitives import ed25519
from primitives.eip712 import ED25519_ATTRIBUTE, set_attribute_typed_data, sign_typed
from primitives.encoding import encode_base64url
from primitives.secp256k1 import address_of
from primitives.timestamp import format_time
from tests.integration.api.described import check_answer, check_request

CHAIN_ID = 31_337
START = 1_795_220_000_000
VALIDITY = 10 * 365 * 86_400
CONTRACTS = {
    name: "0x" + format(index + 160, "02x") * 20
    for index, name in enumerate(
        ("MemberRegistry", "DidRegistry", "EvidenceAnchor", "ConsentRegistry", "TaskRegistry", "Directory")
    )
}
TOKENS = {role: f"token of {role}" for role in tokens.STAFF_ROLES}


def seed(name):
    return hashlib.sha256(b"tests/integration/api " + name.encode()).digest()


@cache
def empty_database():
    """A migrated database, made once: the migration takes longer than most tests."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "node.db"
        migrate.upgrade(path)
        return path.read_bytes()


class Clock:
    """A clock that the test moves: `sleep` lets time pass, setting `now` sets the machine's time."""

    def __init__(self):
        self.now = START
        self.tick = 1_000_000

    def now_ms(self):
        return self.now

    def monotonic_ms(self):
        return self.tick

    def sleep(self, seconds):
        self.now += int(seconds * 1000)
        self.tick += int(seconds * 1000)

    def sign_of_life(self):
        """What a chain process says that is well: it is read at the moment when it is written."""
        return SignOfLife("", 1, self.tick, answered=self.tick)


def entropy_of(name):
    draws = itertools.count()

    def draw(count):
        return hashlib.shake_256(seed(name) + next(draws).to_bytes(8)).digest(count)

    return draw


def keystore_of(name):
    sender, *keys = (seed(f"{name} {key}") for key in ("sender", "signing", "agreement", "compliance"))
    return Keystore(sender, MemberKeys(*keys))


def next_keys(name):
    """The generation of keys that comes after `keystore_of(name)`."""
    return MemberKeys(*(seed(f"{name} next {key}") for key in ("signing", "agreement", "compliance")))


class Chain:
    """What the indexers of all nodes see."""

    def __init__(self):
        self.nodes = []
        self.height = 0
        self.time = START // 1000  # of block 0; a test moves it ahead
        self.known = []
        self.changed = {}
        self.spent = {}

    def join(self, node):
        self.nodes.append(node)
        with node.store.write() as connection:
            for block, events in self.known:
                event_log.append(connection, [block], events)

    def block(self, *events):
        self.height += 1
        digest = hashlib.sha256(b"block %d" % self.height).digest()
        block = ChainBlock(self.height, digest, bytes(32), self.time + self.height, b"", ())
        found = [
            ChainEvent(self.height, index, 0, index, digest, CONTRACTS[contract], contract, name, topic, args)
            for index, (contract, name, topic, args) in enumerate(events)
        ]
        self.known.append((block, found))
        for node in self.nodes:
            with node.store.write() as connection:
                event_log.append(connection, [block], found)
        return self.height

    def deploy(self):
        self.block(
            *(
                (
                    "Directory",
                    "AddressSet",
                    "0x" + directory_name(name).hex(),
                    {
                        "name": "0x" + directory_name(name).hex(),
                        "target": target,
                        "fromBlock": 1,
                        "previous": "0x" + "00" * 20,
                    },
                )
                for name, target in CONTRACTS.items()
                if name != "Directory"
            )
        )

    def admit(self, name, role=1, keys=None):
        keys = keys or keystore_of(name)
        args = {
            "member": keys.address,
            "role": role,
            "name": name,
            "signing": "0x" + keys.signing_public.hex(),
            "agreement": "0x" + keys.agreement_public.hex(),
            "compliance": keys.compliance_address,
            "previousChange": 0,
        }
        self.block(("MemberRegistry", "MemberAdmitted", address_topic(keys.address), args))

    def rotate(self, name, keys):
        """A member's change of keys (`node_adapter.keys.member_keys.MemberKeys`)."""
        address = keystore_of(name).address
        args = {
            "member": address,
            "signing": "0x" + keys.signing_public.hex(),
            "agreement": "0x" + keys.agreement_public.hex(),
            "compliance": keys.compliance_address,
            "previousChange": 1,
        }
        return self.block(("MemberRegistry", "MemberKeysChanged", address_topic(address), args))

    def anchored(self, address, row):
        """A member's anchor (`node_adapter.store.anchors.AnchorRow`)."""
        args = {
            "member": address,
            "seq": row.seq,
            "root": "0x" + row.root.hex(),
            "size": row.size,
            "prevRoot": "0x" + row.prev_root.hex(),
            "mapRoot": "0x" + row.map_root.hex(),
        }
        return self.block(("EvidenceAnchor", "Anchored", address_topic(address), args))

    def suspend(self, name):
        address = keystore_of(name).address
        args = {"member": address, "previousChange": 1}
        self.block(("MemberRegistry", "MemberSuspended", address_topic(address), args))

    def set_endpoint(self, name, url, *, held=True):
        """Where a member's node is, as its DID says; `held` False revokes it."""
        address = keystore_of(name).address
        args = {
            "identity": address,
            "name": "0x" + b"did/svc/BonafidesNode".ljust(32, b"\0").hex(),
            "value": "0x" + url.encode().hex(),
            "validTo": START // 1000 + VALIDITY if held else 0,
            "previousChange": self.changed.get(address, 0),
        }
        self.changed[address] = self.block(("DidRegistry", "DIDAttributeChanged", address_topic(address), args))

    def set_key(self, address, public, validity=VALIDITY):
        """A key set as attribute by a sponsored call; `validity` 0 revokes it."""
        args = {
            "identity": address,
            "name": "0x" + ED25519_ATTRIBUTE.hex(),
            "value": "0x" + public.hex(),
            "validTo": START // 1000 + validity if validity else 0,
            "previousChange": self.changed.get(address, 0),
        }
        nonce = self.spent.get(address, 0)
        self.spent[address] = nonce + 1
        self.changed[address] = self.block(
            ("DidRegistry", "DIDCallSponsored", address_topic(address), {"identity": address, "nonce": nonce}),
            ("DidRegistry", "DIDAttributeChanged", address_topic(address), args),
        )

    def consent(self, name, consent_id):
        self.block(("ConsentRegistry", name, "0x" + consent_id, {"consentId": "0x" + consent_id}))


@dataclass
class Client:
    """A person's keys for one broker."""

    name: str
    broker: str
    number: int = 1
    subject: str = ""
    keys: list = field(default_factory=list)

    def __post_init__(self):
        self.controller = seed(f"{self.name} controller")
        self.address = address_of(self.controller)
        self.did = ethr_did(CHAIN_ID, self.address).text
        self.key_seed = seed(f"{self.name} key")

    @property
    def public(self):
        return ed25519.public_key(self.key_seed)

    @property
    def key(self):
        return f"{self.did}#delegate-{self.number}"

    def registration(self, *, days=1):
        deadline = START // 1000 + days * 86_400
        typed = set_attribute_typed_data(
            CHAIN_ID,
            CONTRACTS["DidRegistry"],
            self.address,
            ED25519_ATTRIBUTE,
            self.public,
            VALIDITY,
            0,
            deadline,
        )
        return {
            "client_ref": f"ref {self.name}",
            "did": self.did,
            "registration": {
                "signing_key": self.public.hex(),
                "validity": VALIDITY,
                "deadline": deadline,
                "signature": "0x" + sign_typed(self.controller, typed).hex(),
            },
        }

    def act(self, draft, occurred_ms, *, key_seed=None, salt=None):
        """Sign a draft as the wallet does and return the fact."""
        root_salt = salt or seed(f"{self.name} salt {occurred_ms} {draft['type']}")
        occurred_at = format_time(occurred_ms)
        payload = act_payload(
            draft["type"],
            draft["broker"],
            draft["subject"],
            occurred_at,
            draft["document"],
            draft["ruleset"],
            field_digests(draft["fields"], root_salt),
        )
        signature = encode_base64url(ed25519.sign(key_seed or self.key_seed, payload))
        return {
            "source_ref": f"act {signature}",
            "subject": draft["subject"],
            "type": draft["type"],
            "occurred_at": occurred_at,
            "channel": "app",
            "actor": {"did": self.did, "role": "client"},
            "payload": draft["fields"],
            "act": {
                "root_salt": root_salt.hex(),
                "key": self.key,
                "signature": signature,
                "document": draft["document"],
                "ruleset": draft["ruleset"],
            },
        }


class Broker:
    """One member's node with its HTTP interface."""

    def __init__(self, directory, chain, name="north", role="broker", clock=None, peers=None):
        self.name = name
        self.chain = chain
        self.clock = clock or Clock()
        self.keys = keystore_of(name)
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / "node.db"
        self.path.write_bytes(empty_database())
        self.store = open_store(self.path, busy_timeout_seconds=0.2)
        self.sent = []
        settings = Settings(
            home=directory,
            member=MemberSettings(self.keys.address, name, role),
            chain=ChainSettings("http://127.0.0.1:1", CHAIN_ID, CONTRACTS["Directory"], 1, 1),
            http=HttpSettings("127.0.0.1", 8080),
            anchoring=AnchoringSettings(1.0, 600.0, 3600.0, 10_000),
            peers=peers or {},
        )
        self.node = Node(
            settings=settings,
            store=self.store,
            keys=self.keys,
            clock=self.clock,
            entropy=entropy_of(name),
            send=lambda url, message: self.sent.append((url, message)),
            sign_of_life=self.clock.sign_of_life,
        )
        with self.store.write() as connection:
            for token_role, text in TOKENS.items():
                tokens.insert_token(connection, text, token_role, name=f"{token_role} of {name}")
        chain.join(self.node)
        self.app = create_app(self.node)
        self.app.after_request(_held_to_the_description)
        self.http = self.app.test_client()
        self.references = itertools.count()

    @property
    def did(self):
        return member_did(CHAIN_ID, self.keys.address)

    def install(self, packaged="sac-bands@1"):
        return install_ruleset(self.node, {"packaged": packaged})

    def call(self, method, path, body=None, role="broker-system", token=None, headers=None):
        sent = {"Authorization": f"Bearer {token or TOKENS[role]}"} if role or token else {}
        return self.http.open(path, method=method, json=body, headers={**sent, **(headers or {})})

    def post(self, path, body, role="broker-system", **more):
        return self.call("POST", path, body, role, **more)

    def get(self, path, role="broker-system", **more):
        return self.call("GET", path, None, role, **more)

    def lines(self, path, rows, role="broker-system"):
        data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        headers = {"Authorization": f"Bearer {TOKENS[role]}", "Content-Type": "application/x-ndjson"}
        answer = self.http.post(path, data=data, headers=headers)
        assert answer.status_code == 200, answer.get_json()
        return [json.loads(line) for line in answer.data.splitlines()]

    def enrol(self, name, *, on_chain=True):
        client = Client(name, self.did)
        answer = self.post("/v1/subjects", client.registration())
        assert answer.status_code == 201, answer.get_json()
        client.subject = answer.get_json()["subject"]
        if on_chain:
            self.mine()
            self.chain.set_key(client.address, client.public)
        return client

    def mine(self):
        """Take every outbox row as final."""
        with self.store.write() as connection:
            while (row := outbox.next_open(connection)) is not None:
                place = {"block": self.chain.height, "block_hash": bytes(32), "gas_used": 1}
                _settle(connection, row.id, place)

    def rotate(self):
        """Change the member's keys, as `bonafides member rotate-keys` does; return the block in which the old ended."""
        self.keys._generations = (*self.keys.generations, next_keys(self.name))
        return self.chain.rotate(self.name, next_keys(self.name))

    def anchor(self):
        """Anchor what is in the log, as the chain process does, and take the anchor as final."""
        anchoring = Anchoring(self.node)
        self.clock.sleep(2)
        assert anchoring.step(self.clock.now)
        with self.store.read() as connection:
            row = anchors.latest(connection)
        self.chain.anchored(self.keys.address, row)
        with self.store.write() as connection:
            place = {"block": self.chain.height, "block_hash": seed("block"), "tx_hash": seed("tx")}
            anchors.settle(connection, row.seq, **place, log_position=0, block_time=self.clock.now // 1000)
        self.mine()
        return row

    def fact(self, subject, type_, payload=None, *, at=None, **more):
        fact = {
            "source_ref": f"fact {next(self.references)}",
            "subject": subject,
            "type": type_,
            "occurred_at": format_time(at or self.clock.now),
            "channel": "app",
            "actor": {"did": self.did, "role": "staff"},
        }
        if payload is not None:
            fact["payload"] = payload
        return {**fact, **more}


def _held_to_the_description(response):
    if request.url_rule is not None and request.method in ("GET", "POST"):
        if response.is_streamed:
            response.make_sequence()
        check_answer(request.url_rule.rule, request.method, response)
        if response.status_code < 300:  # what is refused is not read again: it may have no end
            sent = (request.mimetype, request.headers.get("Content-Encoding", ""), _body())
            check_request(request.url_rule.rule, request.method, sent, response)
    return response


def _body():
    stream = request.environ["wsgi.input"]  # read by the application; in a test it can be read again
    stream.seek(0)
    return stream.read()


def _settle(connection, row_id, place):
    connection.execute(update(outbox_table).where(outbox_table.c.id == row_id).values(state=outbox.FINAL, **place))


ANSWERS = {
    "Q1": ["A"], "Q2": ["C"], "Q3": ["A"], "Q4": ["B"], "Q5": ["A"], "Q6": ["C"], "Q7": ["B"], "Q8": ["C"],
    "Q9": ["B", "C"], "Q10": ["C"], "Q11": ["B"], "Q12": ["B"], "Q13": ["C"], "Q14": ["C"], "Q15": ["C"],
    "Q16": ["B"], "Q17": ["B"], "Q18": ["B"], "Q19": ["D"], "Q20": ["B"],
}  # fmt: skip
PAYLOADS = {
    "ID_VERIFY": {
        "id_kind": "ID_CARD",
        "id_commitment": "aa" * 48,
        "face_score": 97,
        "liveness": True,
        "police_check_ref": "police-1",
        "valid_to": None,
    },
    "INFO_COLLECT": {
        "basics": {"source": "synthetic", "name": "Synthetic Person", "age": 40, "synthetic": True},
        "finance": {
            "source": "synthetic",
            "assets_fen": 1,
            "debts_fen": 2,
            "income_fen": 3,
            "holdings_fen": dict.fromkeys(("R1", "R2", "R3", "R4", "R5"), 5),
        },
    },
    "DUTY_NOTICE": {"documents": ["rights@1"], "scroll_end": True, "dwell_ms": 9000},
    "Q_SUBMIT": {
        "form": "individual-20@1",
        "answers": ANSWERS,
        "screen": {"age": 40, "incapacity": False, "no_loss": None},
        "duration_ms": 240_000,
        "declaration": True,
    },
}


def rating(product_id="fund-1", risk="R5"):
    return {
        "product": {"id": product_id, "risk": risk, "term": "1Y", "type": "T1"},
        "name": "A synthetic fund",
        "factors": {"liquidity": "daily"},
        "method": "method-1",
        "committee": "committee",
        "effective_from": format_time(START - 86_400_000),
    }
