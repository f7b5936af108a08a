"""What a node is asked for while it is killed: facts, chain writes, and clients' registrations, rotations and acts.

Each asks until it has an answer, and keeps its own list of the answers. A thread that fails keeps its error for the
test.
"""

from __future__ import annotations

import json
import random
import secrets
import threading
import time
from collections import Counter

import httpx

from bonafides.client import fact_of_act
from bonafides.wallet.keys import Identities, Network, bind, new_identity, registration
from bonafides.wallet.rotation import learn, rotate, state_of_resolution
from bonafides.wallet.sign import open_history, sign_act
from bonafides.wallet.store import WalletStore
from node_adapter.chain.abi import encode_call
from node_adapter.patience import Patience
from node_adapter.store import outbox
from node_adapter.store.place import DatabaseUrl
from node_adapter.workflows.identity.staff_tokens import read_token
from primitives.errors import CouldNotCheck
from primitives.timestamp import format_time
from tests.world.payloads import PAYLOADS

PRODUCTS = 3
MOST_OPEN_ROWS = 6
# What a node that begins or is killed says, or whose chain was, with 503.
TAKEN_SHORTLY = ("store-busy", "index-empty", "chain-set-back")
AWAY = "store-unavailable"  # while the server of its database is away
# What a client is told whose calls are on their way, or whose chain has lost them: it learns anew, and signs again.
LEARN_ANEW = ("did-call-in-flight", "did-signature", "act-key-invalid")


class Load(threading.Thread):
    """Something that asks, in a thread of its own, until `over` is set."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node = node
        self.over = threading.Event()
        self.error = None
        self.unanswered = 0
        self.unavailable = 0  # answers that the database is away
        self.answers = []  # of the facts

    def run(self):
        try:
            url, token = self.node.settings.http.url, read_token(self.node.settings.home, "broker-system")
            with httpx.Client(base_url=url, timeout=10, trust_env=False) as http:
                http.headers["Authorization"] = f"Bearer {token}"
                self.work(http)
        except BaseException as error:
            self.error = error
            raise

    def work(self, http):
        raise NotImplementedError

    def finish(self):
        """Stop asking, after the last answer."""
        self.over.set()
        self.join()  # an answer that does not come ends it
        assert self.error is None, self.error

    def ask(self, http, path, rows=None):
        """Ask until there is an answer; the same question may have been taken before its answer was lost."""
        patience = Patience(120)
        while True:
            try:
                response = http.get(path) if rows is None else http.post(path, **ndjson(rows))
            except httpx.HTTPError:
                self.unanswered += 1
            else:
                if response.is_success and rows is None:
                    return response.json()
                if response.is_success:
                    return [json.loads(line) for line in response.text.splitlines()]
                assert response.status_code == 503, response.text
                code = response.json()["code"]
                is_away = code == AWAY and isinstance(self.node.settings.database, DatabaseUrl)
                assert code in TAKEN_SHORTLY or is_away, response.text
                self.unavailable += is_away
            assert not patience.is_over(), f"no answer of {path}"
            time.sleep(0.05)

    def facts(self, http, facts):
        """Hand facts in; the answer to each that is taken is kept."""
        answers = self.ask(http, "/v1/facts", facts)
        self.answers += [answer for answer in answers if answer["status"] == "accepted"]
        return answers

    def fact(self, reference, subject, type_, **more):
        return {
            "source_ref": reference,
            "subject": subject,
            "type": type_,
            "occurred_at": format_time(self.node.clock.now_ms()),
            "channel": "api",
            "actor": {"did": self.node.did, "role": "system"},
            **more,
        }


class Facts(Load):
    """Product ratings, a few at a time."""

    def work(self, http):
        names = [{"client_ref": f"product {number}", "product_id": f"P-{number}"} for number in range(PRODUCTS)]
        subjects = [answer["subject"] for answer in self.ask(http, "/v1/subjects", names)]
        while not self.over.is_set():
            answers = self.facts(http, [self.rate(*pair) for pair in enumerate(subjects)])
            assert [answer["status"] for answer in answers] == ["accepted"] * PRODUCTS, answers
            time.sleep(0.05)

    def rate(self, number, subject):
        payload = {
            "product": {"id": f"P-{number}", "risk": "R3", "term": "1Y", "type": "T1"},
            "name": "A synthetic fund",
            "factors": {},
            "method": "method-1",
            "committee": "committee",
            "effective_from": format_time(self.node.clock.now_ms()),
        }
        return self.fact(f"{number}-{len(self.answers)}", subject, "PRODUCT_RATE", payload=payload)


class Writes(Load):
    """Proposals, which no contract would refuse a second time but for their id, and calls that it does refuse."""

    def __init__(self, node, target):
        super().__init__(node)
        self.target = target
        self.digests = []
        self.refusals = 0

    def work(self, _http):
        while not self.over.is_set():
            self.write()
            time.sleep(0.01)

    def write(self):
        counts = self.until_answered(self.counts)
        if counts["new"] + counts["signed"] + counts["sent"] >= MOST_OPEN_ROWS:
            return
        digest, now = secrets.token_bytes(32), self.node.clock.now_ms()
        self.until_answered(lambda: self.enqueue(digest, now))
        self.refusals += len(self.digests) % 2 == 0
        self.digests.append(digest)

    def counts(self):
        with self.node.store.read() as connection:
            return outbox.counts(connection)

    def enqueue(self, digest, now):
        with self.node.store.write() as connection:
            call = encode_call("MemberRegistry", "proposeAction", outbox.call_id(digest.hex()), digest)
            outbox.enqueue(connection, "action", digest.hex(), self.target, call, now)
            if len(self.digests) % 2 == 0:
                refused = encode_call("MemberRegistry", "vote", 10**9 + self.refusals)
                outbox.enqueue(connection, "vote", f"no-{self.refusals}", self.target, refused, now)

    def until_answered(self, act):
        """Do it again, under its keys, while the server of the database is away: it may have been done."""
        patience = Patience(120)
        while True:
            try:
                return act()
            except CouldNotCheck as error:
                is_away = error.code == AWAY and isinstance(self.node.settings.database, DatabaseUrl)
                if not is_away or patience.is_over():
                    raise
                self.unavailable += 1
                time.sleep(0.05)


class Wallets(Load):
    """Clients who come in, change their keys and confirm their level, with a wallet that learns from the node."""

    def __init__(self, node, contracts, directory, *, clients, seed):
        super().__init__(node)
        self.network = Network(
            node.settings.chain.chain_id, contracts.address_of("DidRegistry"), contracts.address_of("ConsentRegistry")
        )
        self.directory = directory
        self.most_clients = clients
        self.random = random.Random(seed)
        self.told = Counter()  # what a client was refused, by code
        self.levels = {}  # did -> fingerprint of the level result
        self.references = 0
        self.underway = 0  # calls of the client whom the wallet asked for last
        self.keys = {}  # did -> the public keys that were put into force, in order

    def work(self, http):
        self.identities = Identities(WalletStore.create(self.directory, "a password of the tests"))
        while not self.over.is_set():
            if (len(self.levels) < self.most_clients and self.random.random() < 0.5) or not self.levels:
                self.come_in(http)
            else:
                self.change_key(http, self.random.choice(list(self.levels)))
            self.over.wait(0.2)
        for did in self.levels:  # nobody is shut out: each makes another call, and signs with the key that it sets
            self.change_key(http, did)

    def come_in(self, http):
        name = f"client {len(self.levels)}"
        with self.identities.changing():
            identity = new_identity(self.identities, client_ref=name, broker=self.node.did, network=self.network)
        did, patience = identity.did, Patience(120)
        while not self.stands(http, did, identity.key.public):
            [answer] = self.ask(http, "/v1/subjects", [registration(identity, self.node.clock.now_ms())])
            if self.is_taken(answer):
                with self.identities.changing():
                    bind(self.identities, did, answer["subject"])
            assert not patience.is_over(), f"{did} cannot come in: {answer}"
            time.sleep(0.2)
        self.keys[did] = [identity.key.public]
        self.open(http, did)
        subject = self.identities.by_did(did).subject
        facts = [self.fact(self.next_reference(), subject, type_, payload=it) for type_, it in PAYLOADS.items()]
        level = self.fact(self.next_reference(), subject, "LEVEL_RESULT", compute={})
        answers = self.facts(http, [*facts, level])
        assert all(answer["status"] == "accepted" for answer in answers), answers
        self.levels[did] = answers[-1]["fingerprint"]
        self.confirm(http, did)

    def change_key(self, http, did):
        before = self.identities.by_did(did).key.public
        with self.identities.changing():
            new = rotate(self.identities, did, self.node.clock.now_ms())[0].lines[0].pending.public
        patience = Patience(120)
        while not (self.stands(http, did, new) and not self.stands(http, did, before)):
            with self.identities.changing():
                calls = rotate(self.identities, did, self.node.clock.now_ms())[1]
            answers = self.ask(http, "/v1/dids/sponsored", calls) if calls and not self.underway else []
            for answer in answers:
                self.is_taken(answer)
            assert not patience.is_over(), f"{did} cannot change its key: {answers}"
            time.sleep(0.2)
        self.keys[did].append(new)
        self.confirm(http, did)

    def open(self, http, did):
        """Open the history with the key that holds."""
        patience = Patience(120)
        while True:
            now = self.node.clock.now_ms()
            with self.identities.changing():
                act = open_history(self.identities, did, now_ms=now, show=lambda *_shown: True)
            [answer] = self.facts(http, [fact_of_act(act)])
            if self.is_taken(answer):
                return
            assert not patience.is_over(), f"{did} cannot open its history: {answer}"
            self.stands(http, did, b"")  # learn anew
            time.sleep(0.2)

    def confirm(self, http, did):
        """Sign the level with the key that holds."""
        identity = self.identities.by_did(did)
        wanted = {"subject": identity.subject, "type": "LEVEL_CONFIRM", "lang": "en"}
        patience, reference = Patience(120), self.next_reference()
        while True:
            [draft] = self.ask(http, "/v1/acts/drafts", [wanted])
            with self.identities.changing():
                act = sign_act(self.identities, draft, now_ms=self.node.clock.now_ms(), show=lambda *_shown: True)
            assert draft["fields"]["level_ref"] == self.levels[did]
            signed = {name: act[name] for name in ("root_salt", "key", "known", "signature")}
            fact = self.fact(reference, identity.subject, "LEVEL_CONFIRM", payload=draft["fields"])
            fact |= {"occurred_at": act["occurred_at"], "actor": {"did": did, "role": "client"}}
            fact["act"] = {**signed, "document": draft["document"], "ruleset": draft["ruleset"]}
            [answer] = self.facts(http, [fact])
            if self.is_taken(answer):
                return
            assert not patience.is_over(), f"{did} cannot sign: {answer}"
            self.stands(http, did, b"")  # learn anew
            time.sleep(0.2)

    def stands(self, http, did, key):
        """Learn from the node how an identity stands; say whether a key of it is in force."""
        resolution = self.ask(http, f"/v1/dids/{did}")
        name, state = state_of_resolution(resolution)
        self.underway = resolution["sponsored"]["in_flight"]
        with self.identities.changing():
            learn(self.identities, name, state)
        return key.hex() in state["keys"].values()

    def is_taken(self, answer):
        if answer["status"] == "accepted":
            return True
        code = answer["problem"]["code"]
        assert code in LEARN_ANEW, answer
        self.told[code] += 1
        return False

    def next_reference(self):
        self.references += 1
        return f"client's {self.references}"


def ndjson(rows):
    content = "".join(json.dumps(row) + "\n" for row in rows)
    return {"content": content, "headers": {"Content-Type": "application/x-ndjson"}}
