"""One member's node with its HTTP interface, over either chain, and what its system and its clients do there."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from functools import partial

from eth_abi.abi import decode
from flask import request
from sqlalchemy import func, select, update

from api.app import create_app
from did.identifiers import member_did
from domain.opening import OPENING
from node_adapter.ports import TransactionOutcome
from node_adapter.store import anchors, outbox, tokens
from node_adapter.store.chain import evidence_log
from node_adapter.store.schema import outbox as outbox_table
from node_adapter.store.schema import record
from node_adapter.workflows.anchoring import settlement
from node_adapter.workflows.anchoring.anchor import Anchoring
from node_adapter.workflows.identity.keys_in_force import checkpoint_note
from node_adapter.workflows.intake.accepted import Accepted
from node_adapter.workflows.intake.rulesets import install_ruleset
from node_adapter.workflows.intake.submitting import submit_facts
from primitives.suites import DEFAULT
from primitives.timestamp import format_time
from replay.installed import INSTALLED
from tests.integration.api.described import check_answer, check_request
from tests.world.chain import CHAIN_ID
from tests.world.client import Client
from tests.world.clock import START, Clock
from tests.world.keys import entropy_of, keystore_of, next_keys, seed
from tests.world.node import open_member, settings_of
from tests.world.payloads import PAYLOADS, rating

DAY_MS = 86_400_000
TOKENS = {role: f"token of {role}" for role in tokens.STAFF_ROLES}


@dataclass
class Product:
    """A product and the pseudonym that anybody derives from its id."""

    id: str
    subject: str


class Broker:
    """One member's node with its HTTP interface."""

    def __init__(
        self,
        directory,
        chain,
        name="north",
        role="broker",
        clock=None,
        peers=None,
        promise_seconds=600.0,
        domains=INSTALLED,
        ask=None,
        send=None,
        suite=DEFAULT,
    ):
        self.name, self.chain = name, chain
        self.clock = clock or Clock()
        self.suite = suite
        self.keys = keystore_of(name, suite)
        self.sent = []
        settings = settings_of(
            directory,
            self.keys.address,
            name,
            role=role,
            first_block=chain.first_block,
            promise_seconds=promise_seconds,
            peers=peers,
        )
        self.path = settings.database_path
        more = {"state": chain.state} if hasattr(chain, "state") else {}
        more |= {} if ask is None else {"ask": ask}
        send = send or self._keep_sent
        self.node = open_member(settings, self.keys, self.clock, entropy_of(name), send, domains, **more)
        self.store = self.node.store
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

    def _keep_sent(self, url, message):
        """Take what the node would send to another member."""
        self.sent.append((url, message))

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

    def client(self, name, **more):
        """A person whose wallet is for this broker."""
        return Client(name, self.did, hand_in=self.hand_in, suite=self.suite, **more)

    def enrol(self, name, *, on_chain=True, succeeds=None):
        """Enrol a client, with `succeeds` one who had another wallet before."""
        client = self.client(name)
        request = client.registration(days=1 + (self.clock.now - START) // DAY_MS)
        if succeeds is not None:
            client.reference = request["client_ref"] = succeeds.reference
            request["succeeds"] = succeeds.subject
        client.subject = self._enrolled(request)
        if on_chain:
            self.mine()
            for suite, public in client.keys:
                self.chain.set_key(client.address, public, suite=suite)
        return client

    def enrol_product(self, product_id):
        return Product(product_id, self._enrolled({"client_ref": f"product {product_id}", "product_id": product_id}))

    def _enrolled(self, request):
        answer = self.post("/v1/subjects", request)
        assert answer.status_code == 201, answer.get_json()
        return answer.get_json()["subject"]

    def mine(self):
        """Take every outbox row as final."""
        with self.store.write() as connection:
            while (row := outbox.next_open(connection)) is not None:
                place = {"block": self.chain.height, "block_hash": bytes(32), "gas_used": 1}
                _settle(connection, row.id, place)

    def rotate(self):
        """Change the member's keys, as `bonafides member rotate-keys` does; return the block in which the old ended."""
        keys = next_keys(self.name, self.suite)
        self.keys._generations = (*self.keys.generations, keys)
        return self.chain.rotate(self.name, keys)

    def anchor(self, wait=2):
        """Anchor what is in the log, as the chain process does, and take the anchor as final; return its row.

        Where there is nothing, an hour of waiting (seconds) makes a heartbeat.
        """
        anchoring = Anchoring(self.node)
        self.clock.sleep(wait)
        assert anchoring.step(self.clock.now)
        with self.store.read() as connection:
            seq = anchors.latest(connection).seq
            call = outbox.by_key(connection, anchors.outbox_key(seq))
        self.take_anchor(call.data)
        self.mine()
        with self.store.read() as connection:
            return anchors.latest(connection)

    def take_anchor(self, call):
        """Let the contract take the call of an anchor in a block of now, and the node what that block says."""
        self.mine_anchor(call)
        self.settle_newest()

    def mine_anchor(self, call):
        """Let the contract take the call of an anchor in a block of now."""
        self.chain.reach(self.clock.now // 1000)
        self.chain.anchored(self.keys.address, **_anchor_of(call))

    def settle_newest(self):
        """Take over what the newest block says of our own writes, as the index does in its transaction."""
        assert self.conflicts_of_newest() == []

    def conflicts_of_newest(self, rebuild=None):
        """The same of a block that may say something else."""
        block, events = self.chain.known[-1]
        mined = TransactionOutcome(events[0].tx_hash, block.number, block.hash, block.timestamp, True, 1)
        with self.store.write() as connection:
            return settlement.settle(
                connection,
                [mined],
                evidence_log.leaves_in(connection, events, self.keys.address),
                now_ms=self.clock.now,
                sign=partial(checkpoint_note, self.node),
                rebuild=rebuild,
            )

    def fact(self, subject, type_, payload=None, *, at=None, **more):
        fact = {
            "source_ref": f"fact {next(self.references)}",
            "subject": subject,
            "type": type_,
            "occurred_at": format_time(at or self.clock.now_ms()),
            "channel": "app",
            "actor": {"did": self.did, "role": "staff"},
        }
        if payload is not None:
            fact["payload"] = payload
        return {**fact, **more}

    def submit(self, subject, type_, payload=None, **more):
        """Hand in a fact of a client or a product; return what was accepted."""
        return self.take(self.fact(subject.subject, type_, payload, **more))

    def hand_in(self, fact):
        [outcome] = submit_facts(self.node, [fact])
        return outcome

    def take(self, fact):
        outcome = self.hand_in(fact)
        assert isinstance(outcome, Accepted), outcome
        return outcome

    def act(self, client, type_, values, document, ruleset=None):
        """Let the client sign, as the wallet does, and hand the act in."""
        shown = {**values, "lang": "zh", "text_sha256": seed("text").hex()}
        draft = {"type": type_, "broker": self.did, "subject": client.subject, "document": document}
        return self.take(client.act({**draft, "ruleset": ruleset, "fields": shown}, self.clock.now_ms()))

    def assess(self, client):
        """From identity to a confirmed level."""
        for type_, payload in PAYLOADS.items():
            self.submit(client, type_, payload)
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


def records_told(connection):
    """How many records a node's log holds, but for those that open a history."""
    return connection.execute(select(func.count()).where(record.c.type != OPENING)).scalar_one()


def _anchor_of(call):
    """Return what the contract would say of the call that the worker enqueued."""
    seq, _, batch_root, size, map_root = decode(["uint64", "bytes32[]", "bytes32", "uint64", "bytes32"], call[4:])
    return {"seq": seq, "batch_root": batch_root, "size": size, "map_root": map_root}


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
