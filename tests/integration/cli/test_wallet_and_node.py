"""The wallet's command and a node's HTTP interface together, from nothing to a broker that convicts itself.

The node is a real one over a chain of the tests; the commands run in this process and call it by HTTP.
"""

import io
import json
import sqlite3
import sys
from contextlib import closing
from copy import copy
from dataclasses import replace

import httpx
import pytest

from api.app import create_app
from bonafides.cli.main import main
from bonafides.cli.support import node_options, opened_wallet
from bonafides.cli.wallet import identities, online
from bonafides.client import Client
from bonafides.wallet.keys import Network
from bonafides.wallet.store import PASSWORD_VARIABLE
from evidence.version2.documents.contradiction import CONTRADICTION, verify_contradiction
from evidence.version2.log.convict import EQUIVOCATION, ROLLBACK, verify_equivocation, verify_rollback
from node_adapter.views import Views
from primitives.suites import DEFAULT
from tests.world.broker import TOKENS, Broker
from tests.world.chain import CHAIN_ID, CONTRACTS, Chain
from tests.world.keys import both_suites, keystore_of
from tests.world.payloads import PAYLOADS

NODE = ("--url", "http://node")
VERIFIERS = {
    "bonafides.promise-contradiction/2": (CONTRADICTION, verify_contradiction),
    "bonafides.equivocation/2": (EQUIVOCATION, verify_equivocation),
    "bonafides.rollback/2": (ROLLBACK, verify_rollback),
}


class Place:
    """A broker's node, and a client with a wallet who reaches it."""

    def __init__(self, directory, capsys, monkeypatch, suite):
        self.directory, self.capsys, self.monkeypatch = directory, capsys, monkeypatch
        self.chain = Chain()
        self.chain.deploy()
        self.chain.admit("north", keys=keystore_of("north", suite))
        self.chain.admit("south")
        self.broker = Broker(directory / "north", self.chain, suite=suite)
        self.broker.install()
        (directory / "token").write_text(TOKENS["broker-system"], encoding="utf-8")
        network = Network(CHAIN_ID, CONTRACTS["DidRegistry"], CONTRACTS["ConsentRegistry"])
        (directory / "network.json").write_text(json.dumps(network.to_json()), encoding="utf-8")
        monkeypatch.setenv(PASSWORD_VARIABLE, "a password of the tests")
        for module in (node_options, online):
            monkeypatch.setattr(module, "Client", self._client)
        for module in (opened_wallet, identities):
            monkeypatch.setattr(module, "now_ms", lambda: self.broker.clock.now)

    def _client(self, url, token=None):
        return Client(url, token, transport=httpx.WSGITransport(app=self.broker.app))

    @property
    def keys(self):
        return self.broker.keys.signing_public

    def wallet(self, *words, rows=(), status=0):
        return self.run("wallet", *words, "--wallet", self.directory / "w", rows=rows, status=status)

    def node(self, *words, rows=(), status=0):
        return self.run(*words, *NODE, "--token-file", self.directory / "token", rows=rows, status=status)

    def run(self, *words, rows=(), status=0):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, self.errors = self.capsys.readouterr()
        assert ended.value.code == status, self.errors + out
        return [json.loads(line) for line in out.splitlines()]

    def enrol(self):
        """Make the client known, whose key then stands on the chain, and open the history."""
        suite, checkpoint = self.broker.suite, self.broker.keys.newest.checkpoint_public
        made = self.wallet(
            *("new", "--network", self.directory / "network.json", "--broker", self.broker.did),
            *("--broker-key", self.keys.hex(), "--checkpoint-key", checkpoint.hex(), "--suite", suite.name),
            rows=[{"client_ref": "c-1"}],
        )
        [answer] = self.node("subject", "add", rows=made)
        self.broker.mine()
        address = made[0]["did"].rpartition(":")[2]
        self.chain.set_key(address, bytes.fromhex(made[0]["registration"]["signing_key"]))
        if suite is not DEFAULT:
            self.chain.set_key(address, bytes.fromhex(made[0]["act_registration"]["signing_key"]), suite=suite)
        bound = self.wallet("bind", rows=[answer])
        self.subject = bound[0]["subject"]
        return self.hand_in(self.wallet("open", "--yes", rows=bound))

    def hand_in(self, acts):
        """Submit what the wallet signed, and let it keep the promises."""
        self.broker.clock.sleep(1)
        answers = self.node("fact", "submit", rows=acts)
        self.wallet("promises", "add", rows=answers)
        return answers

    def assess(self):
        """Let the broker rate the client, and the client confirm the level."""
        for type_, payload in PAYLOADS.items():
            self.broker.clock.sleep(1)
            self.broker.take(self.broker.fact(self.subject, type_, payload))
        self.broker.take(self.broker.fact(self.subject, "LEVEL_RESULT", compute={}))
        self.wallet("promises", "fetch", *NODE)
        return self.confirm()

    def confirm(self):
        [signed] = self.signed()
        return signed, self.hand_in([signed])

    def signed(self):
        drafts = self.node("draft", rows=[{"subject": self.subject, "type": "LEVEL_CONFIRM", "lang": "en"}])
        return self.wallet("sign", "--yes", rows=drafts)

    def notice(self, *, dwell_ms=9000):
        self.broker.clock.sleep(1)
        return self.broker.take(
            self.broker.fact(self.subject, "DUTY_NOTICE", {**PAYLOADS["DUTY_NOTICE"], "dwell_ms": dwell_ms})
        )

    def sync(self, status=0):
        answers = self.wallet("sync", *NODE, status=status)
        return [answer["status"] for answer in answers]

    # What the broker does behind the client's back

    def copy_of_node(self):
        """Return the node's database and what the chain held, to go back to."""
        kept = sqlite3.connect(":memory:")
        with closing(sqlite3.connect(self.broker.path)) as now:
            now.backup(kept)
        return kept, {name: copy(value) for name, value in vars(self.chain).items()}

    def go_back(self, kept):
        """Put back what the node and the chain held: nothing that came after it ever was."""
        database, chain = kept
        with closing(sqlite3.connect(self.broker.path)) as now:
            database.backup(now)
        vars(self.chain).update(chain)
        self.chain.time += 3  # other blocks, of other times
        self.broker.node = replace(self.broker.node, views=Views())
        self.chain.nodes = [self.broker.node]
        self.broker.app = create_app(self.broker.node)


@pytest.fixture
def place(tmp_path, capsys, monkeypatch, suite):
    made = Place(tmp_path, capsys, monkeypatch, suite)
    yield made
    made.broker.store.dispose()


@both_suites
def test_from_an_opened_history_to_receipts_that_the_wallet_verified(place):
    [opened] = place.enrol()
    assert (opened["status"], opened["promise"]["seq"]) == ("accepted", 1)
    signed, [confirmed] = place.assess()
    assert signed["known"]["count"] == confirmed["promise"]["seq"] - 1
    place.broker.anchor()
    count = confirmed["promise"]["seq"]
    assert place.sync() == ["followed", *["kept"] * count, *["verified"] * count, "followed"]
    assert [row["type"] for row in place.wallet("receipts", "list")][:1] == ["OPENING"]
    assert place.wallet("promises", "list", "--without-receipt") == []
    place.notice()
    place.broker.anchor()
    [before, *_, after] = place.wallet("sync", *NODE)
    assert (before["since"] + 1, before["anchors"]) == (after["anchors"], after["since"])
    assert place.wallet("contradictions") == []


def test_an_act_that_is_handed_in_twice_is_taken_once(place):
    place.enrol()
    signed, [first] = place.assess()
    [again] = place.node("fact", "submit", rows=[signed])
    assert (again["status"], again["record_id"], again["promise"]) == ("accepted", first["record_id"], first["promise"])
    [refused] = place.node("fact", "submit", rows=[{**signed, "source_ref": "another"}], status=2)
    assert refused["problem"]["code"] == "duplicate"


def test_a_wallet_that_opens_again_is_told_so_and_acts_on(place):
    [opened] = place.enrol()
    [did] = [row["did"] for row in place.wallet("list")]
    [again] = place.node("fact", "submit", rows=place.wallet("open", "--yes", rows=[{"did": did}]))
    assert again["record_id"] == opened["record_id"]


@both_suites
def test_a_history_that_was_exchanged_convicts_the_broker(place):
    """The node is put back to an older copy and goes on otherwise, on a chain that does, too."""
    place.enrol()
    place.notice()
    place.broker.anchor()
    kept = place.copy_of_node()
    place.notice()
    place.broker.anchor()
    assert set(place.sync()) == {"followed", "kept", "verified"}
    place.go_back(kept)
    place.notice(dwell_ms=1)
    place.broker.anchor()
    place.notice(dwell_ms=2)
    place.broker.anchor()
    found = place.sync(status=1)
    assert found[0] == found[-1] == "contradiction"
    documents = place.wallet("contradictions", status=1)
    formats = {entry["format"] for entry in documents}
    assert {"bonafides.promise-contradiction/2", "bonafides.equivocation/2"} <= formats
    for entry in documents:
        shape, verify = VERIFIERS[entry["format"]]
        own = place.keys if "promise" in entry["format"] else place.broker.keys.newest.checkpoint_public
        verify(shape.read(entry["document"], "claim"), own)


def test_a_record_that_is_taken_back_convicts_the_broker(place):
    """The same, and the record never was: the next map holds nothing where the wallet's receipt shows it."""
    place.enrol()
    place.assess()
    place.broker.anchor()
    kept = place.copy_of_node()
    lost = place.notice()
    place.broker.anchor()
    place.sync()
    place.go_back(kept)
    product = place.broker.enrol_product("fund-1")
    for _ in range(2):
        place.broker.rate(product)
        place.broker.anchor()
    assert "contradiction" in place.sync(status=1)
    assert f"record_id: {lost.record_id}: the node gave its receipt before" in place.errors
    formats = {entry["format"] for entry in place.wallet("contradictions", status=1)}
    assert "bonafides.rollback/2" in formats
    # An act that witnesses what was taken back is not taken into the history without it.
    [refused] = place.node("fact", "submit", rows=place.signed(), status=2)
    assert refused["problem"]["code"] == "history-differs"
