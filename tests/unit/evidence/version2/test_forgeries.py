"""Forged bundles get the answers of the specification's table; each hole that was found keeps a test of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from domain.second_person import FIELD
from evidence.documents.staff_signature import act_digest, possession_digest
from evidence.version2.batch_tree import BatchTree
from evidence.version2.documents.assemble import PromisedBy
from evidence.version2.links import start
from evidence.version2.opening import house_subject
from evidence.version2.promise import SignedBatch, batch_payload
from evidence.version2.record import seal
from primitives import ed25519
from primitives.encoding import encode_base64url
from primitives.suites import SUITES
from primitives.timestamp import format_time
from scripts.trials.forged_bundles import WAYS, Forged
from scripts.trials.forgeries import table, wrong_answers
from scripts.trials.honest_worlds import live
from scripts.vectors.synthetic_consortium import Broker, Client, Fact, consortium, did
from scripts.vectors.version2.bundles import SIGNING
from tests.unit.evidence.version2.test_bundle import lived, resigned, verdict, verify

PAGE = Path(__file__).parents[4] / "docs" / "spec" / "evidence-2.md"
SECRET = bytes(range(32))
SM = SUITES["sm3-sm2/1"]
DEMAND = {"role": "reviewer", "named": None, "not_by": None, "instead": None}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.by}-{way.name}")
def test_each_forgery_gets_its_answer_and_each_clean_bundle_none(way):
    assert not list(wrong_answers(way, f"test {way.by} {way.name}"))


def test_the_page_holds_the_table_that_the_trial_reads():
    assert "\n".join(table()) in PAGE.read_text("utf-8")


def test_a_trial_tells_a_wrong_answer():
    way = WAYS[1]
    honest = type(way)(way.name, way.by, way.answers, lambda world: Forged(world, *world.bundle()))
    assert "it is accepted, not by trust" in next(wrong_answers(honest, "a seed"))
    wrong = type(way)(way.name, way.by, ("erasure",), way.forge)
    assert "'trust'], not by erasure" in next(wrong_answers(wrong, "a seed"))


def test_the_same_seed_lives_the_same_world():
    assert live(Random("a")).bundle() == live(Random("a")).bundle()
    assert live(Random("a")).bundle() != live(Random("b")).bundle()


def test_a_history_that_nobody_signed_is_no_clients():
    broker = Broker(consortium(), "north")
    paper = broker.client("grace", opens=False)
    broker.record(paper, "OPENING", {"kind": "unsigned-client", "opens": None, "continues": None})
    broker.anchor()
    assert verdict(broker, paper).failed == ("opening",)
    paper.name = None
    assert verdict(broker, paper).ok


def test_a_broker_is_no_client_of_itself():
    broker = Broker(consortium(), "north")
    own = broker.client("north", opens=False)
    broker.record(own, "OPENING", {"kind": "client", "opens": did("north"), "continues": None}, by="broker")
    broker.anchor()
    assert "opening" in verdict(broker, own).failed


def test_a_history_that_is_continued_is_the_one_that_was_named():
    for count, ok in ((2, True), (1, False)):
        broker = Broker(consortium(), "north")
        paper = broker.client("grace", opens=False)
        broker.record(paper, "OPENING", {"kind": "unsigned-client", "opens": None, "continues": None})
        broker.record(paper, "LEVEL_RESULT", {"band": "C2"})
        broker.anchor()
        named = {"format": 2, "subject": paper.subject.hex(), "count": count, "head": paper.head.fingerprint.hex()}
        client = broker.client("ada", opens=False)
        broker.act(client, "OPENING", {"kind": "client", "opens": did("ada"), "continues": named})
        broker.anchor()
        assert verdict(broker, client, references=[paper]).ok is ok


def test_a_stub_bears_no_promise():
    broker, client = lived()
    broker.erase(client, 2)
    bundle, header = broker.bundle(client)

    def promised(body):
        body["history"]["records"][1]["promise"] = body["history"]["records"][2]["promise"]

    assert "structure" in verify(broker, resigned(broker, bundle, promised), header).failed


def test_one_signature_promises_under_one_suite():
    """A tree that was signed under one suite, and holds a promise of another one beside."""
    pytest.importorskip("tongsuopy")
    broker, client = lived()
    first = broker.record(client, "LEVEL_RESULT", {"band": "C3"})
    drawn = broker.sealed(client, Fact("LEVEL_RESULT", {"band": "C2"}))
    stated = {name: value for name, value in drawn.envelope.items() if name not in ("next", "fields")}
    broker.accept(client, seal({**stated, "suite": SM.name}, drawn.values, drawn.root_salt))
    places = client.places[-2:]
    promises = [broker.promised[place].promise for place in places]
    tree = BatchTree([promise.leaf for promise in promises])
    block = promises[0].block
    value = first.suite.sign(broker.member.secret, batch_payload(first.suite.name, broker.did, block, 2, tree.root))
    batch = SignedBatch(first.suite.name, broker.did, block, 2, tree.root, value)
    for at, (place, promise) in enumerate(zip(places, promises, strict=True)):
        broker.promised[place] = PromisedBy(promise, batch, at, tree.path(at))
    broker.anchor()
    assert verdict(broker, client).failed == ("promise",)


def test_a_staff_key_that_expired_signs_nothing_at_the_block_of_an_older_record():
    """A record says which block it was accepted at; when that was, its own anchor says, and not another record's."""
    for late, failed in ((10, ()), (10**6, ("staff-signature",))):
        broker = Broker(consortium(), "north")
        key = ed25519.public_key(SECRET).hex()
        until = format_time(broker.world.now + 3_600_000)
        subject = bytes.fromhex(house_subject(broker.did, f"staff:{key}"))
        staff = Client(broker, subject, None, start(broker.did, subject))
        broker.record(staff, "OPENING", {"kind": "house", "opens": f"staff:{key}", "continues": None}, by="broker")
        proof = encode_base64url(ed25519.sign(SECRET, possession_digest(broker.did, "Li Wei", "reviewer", key)))
        person = {"name": "Li Wei", "role": "reviewer", "key": key, "expires_at": until, "proof": proof}
        broker.record(staff, "STAFF_ENROL", person)
        client = broker.client("ada")
        accepted = broker.record(client, "BIZ_APPLY", {"amount_fen": 1}).envelope["accepted"]
        broker.anchor()
        broker.world.block += late
        broker.anchor()  # after it nothing of before can be anchored
        drawn = broker.sealed(client, Fact("BIZ_DECIDE", {"decision": "DONE"}, changes={"accepted": accepted}))
        value = encode_base64url(ed25519.sign(SECRET, act_digest(drawn.envelope, drawn.envelope["fields"])))
        signed = {"decision": "DONE", FIELD: [{"key": key, "value": value}]}
        broker.record(client, "BIZ_DECIDE", signed, accepted=accepted)
        broker.anchor()
        bundle, header = broker.bundle(client, references=[staff])
        rules = replace(SIGNING, second_persons={"BIZ_DECIDE": SimpleNamespace(**DEMAND)})
        assert verify(broker, bundle, header, signing=rules).failed == failed
