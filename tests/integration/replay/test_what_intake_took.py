"""What intake takes, a verifier takes: nothing that a client or a caller sends makes the broker's later bundle fail."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pytest

from node_adapter.store import anchors, outbox, records
from node_adapter.store.chain import blocks
from node_adapter.workflows.anchoring import outlook
from node_adapter.workflows.anchoring.anchor import Anchoring
from node_adapter.workflows.identity.staff import enrol_person
from node_adapter.workflows.operation.readiness import readiness
from node_adapter.workflows.replay.access import draft_access
from primitives.ed25519 import MAX_KEYS_IN_FORCE
from primitives.timestamp import parse_time
from tests.world.broker import TOKENS
from tests.world.clock import START
from tests.world.headers import over_headers
from tests.world.keys import seed
from tests.world.payloads import PAYLOADS, rating
from tests.world.replays import replay, report_on
from tests.world.staff import Person

REQUEST = {"case": "2026-17", "reason": "client disputes the sale"}


@pytest.fixture
def broker(tmp_path):
    broker = over_headers(tmp_path)
    yield broker
    broker.store.dispose()


def failed(broker, client, wait=2):
    """The checks that fail of a client's bundle, for one who takes the member's word."""
    broker.anchor(wait)
    report = report_on(broker.node, replay(broker.node, {**REQUEST, "did": client.did})["bundle"])
    return [(check.name, check.detail) for check in report.checks if not check.ok]


def confirmation(broker, client):
    fields = {"level_ref": "00" * 32, "level": "C4", "lang": "zh", "text_sha256": seed("text").hex()}
    draft = {"type": "LEVEL_CONFIRM", "broker": client.broker, "subject": client.subject}
    draft |= {"document": "level-confirm@1", "ruleset": None, "fields": fields}
    return client.sign(draft, broker.clock.now)


def test_keys_that_soon_end_do_not_hide_the_one_that_signs(broker):
    client = broker.enrol("one")
    broker.take(client.opening(broker.clock.now))
    for number in range(MAX_KEYS_IN_FORCE):
        broker.chain.set_key(client.address, seed(f"short {number}"), validity=60)
    broker.clock.sleep(300)
    broker.chain.reach(broker.clock.now // 1000)
    broker.chain.block()
    answer = broker.post("/v1/facts", confirmation(broker, client))
    assert answer.get_json().get("code") in (None, "act-key-invalid")
    assert failed(broker, client) == []


def test_a_rating_under_a_client_does_not_make_the_bundles_of_others_fail(broker):
    first, second = broker.enrol("one"), broker.enrol("two")
    for client in (first, second):
        broker.take(client.opening(broker.clock.now))
    answer = broker.post("/v1/facts", broker.fact(first.subject, "PRODUCT_RATE", rating("fund-9")))
    told = answer.get_json()
    broker.submit(second, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    application = {"application_id": "a", "kind": "BUY", "product_id": "fund-9", "amount_fen": 1}
    broker.post("/v1/facts", broker.fact(second.subject, "BIZ_APPLY", application))
    assert failed(broker, second) == [], told
    assert told.get("code") == "product-subject"


def test_an_act_holds_whose_key_ended_while_the_anchor_before_was_on_its_way(broker):
    client = broker.enrol("one")
    broker.take(client.opening(broker.clock.now))
    broker.anchor()
    broker.submit(client, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    anchoring = Anchoring(broker.node)
    broker.clock.sleep(5)
    assert anchoring.step(broker.clock.now)
    broker.take(confirmation(broker, client))
    broker.clock.sleep(2)
    broker.chain.set_key(client.address, client.public, validity=0)  # revoked, before anchor 3 stands
    broker.clock.sleep(2)
    with broker.store.read() as connection:
        call = outbox.by_key(connection, anchors.outbox_key(3))
    broker.take_anchor(call.data)
    broker.mine()
    assert failed(broker, client) == []


class Schedule:
    """A broker whose batches are cut, and a client whose key ends and comes again, in any order of events."""

    def __init__(self, broker, client, max_batch):
        settings = broker.node.settings
        small = replace(settings, anchoring=replace(settings.anchoring, max_batch=max_batch))
        broker.node = replace(broker.node, settings=small)
        self.broker, self.client, self.held, self.acts = broker, client, True, 0
        self.anchoring = Anchoring(broker.node)

    def act(self):
        """The client signs, if a key of the client's is in force; so at the least two acts a block."""
        for _ in range(2 if self.held else 0):
            self.broker.take(confirmation(self.broker, self.client))
            self.acts += 1

    def fact(self):
        self.broker.submit(self.client, "INFO_COLLECT", PAYLOADS["INFO_COLLECT"])

    def build(self):
        self.broker.clock.sleep(2)
        self.anchoring.step(self.broker.clock.now)

    def mine(self):
        """The chain takes the anchor that is on its way."""
        with self.broker.store.read() as connection:
            newest = anchors.latest(connection)
            call = outbox.by_key(connection, newest.key).data if newest.block is None else None
        self.broker.clock.sleep(2)
        if call is not None:
            self.broker.take_anchor(call)
            self.broker.mine()

    def key(self):
        """The client revokes the key, or sets it anew."""
        self.held = not self.held
        self.broker.clock.sleep(2)
        self.broker.chain.reach(self.broker.clock.now // 1000)
        self.broker.chain.set_key(self.client.address, self.client.public, *([] if self.held else [0]))
        self.client.number += 1  # each change is counted

    def end(self):
        """Anchor all that waits."""
        with self.broker.store.read() as connection:
            size = records.log_size(connection)
        while self.anchored() < size:
            self.build()
            self.mine()

    def anchored(self):
        with self.broker.store.read() as connection:
            return anchors.anchored_size(connection)


WAITS_THROUGH_TWO = ("act", "act", "build", "act", "mine", "build", "key", "mine", "build", "mine")
OTHERS = [Random(number) for number in range(5)]


@pytest.mark.parametrize(
    "steps",
    [
        WAITS_THROUGH_TWO,
        *(one.choices(("act", "fact", "build", "mine", "key"), weights=(5, 1, 4, 4, 2), k=40) for one in OTHERS),
    ],
)
def test_no_batch_is_cut_where_a_signature_would_wait_longer_than_its_key_counts(broker, steps):
    client = broker.enrol("one")
    broker.take(client.opening(broker.clock.now))
    broker.anchor()
    schedule = Schedule(broker, client, max_batch=1)
    for step in steps:
        getattr(schedule, step)()
    schedule.end()
    assert schedule.acts > 3
    assert failed(broker, client, wait=3_700) == []


def test_what_staff_signed_is_not_recorded_again_under_a_clients_signature(broker):
    officers = [Person(name, "compliance") for name in ("Sun Yu", "He Lin")]
    for officer in officers:
        enrol_person(broker.node, officer.request(broker))
    client = broker.enrol("one")
    broker.take(client.opening(broker.clock.now))
    asked = {**REQUEST, "did": client.did, "reader": officers[0].did, "approver": "He Lin"}
    looked = officers[1].sign(broker, draft_access(broker.node, asked))
    broker.take(looked)
    draft = {"type": "ACCESS_LOG", "broker": client.broker, "subject": client.subject}
    draft |= {"document": None, "ruleset": None, "fields": looked["payload"]}
    act = client.sign(draft, parse_time(looked["occurred_at"], ""), salt=bytes.fromhex(looked["root_salt"]))["act"]
    again = broker.post("/v1/facts", {**looked, "source_ref": "again", "act": act}).get_json()
    assert failed(broker, client) == []
    assert (again.get("field"), again.get("rule")) == ("act", "act")


def test_more_than_the_next_anchor_holds_is_not_taken(broker, monkeypatch):
    client = broker.enrol("one")
    monkeypatch.setattr(outlook, "MAX_WAITING", 4)

    def sent(count=2):
        facts = [broker.fact(client.subject, "INFO_COLLECT", PAYLOADS["INFO_COLLECT"]) for _ in range(count)]
        data = b"".join(json.dumps(fact).encode() + b"\n" for fact in facts)
        headers = {"Authorization": f"Bearer {TOKENS['broker-system']}", "Content-Type": "application/x-ndjson"}
        return broker.http.post("/v1/facts", data=data, headers=headers)

    assert sent().status_code == 200  # three records, the opening among them
    answer = sent()
    assert (answer.status_code, answer.get_json()["code"]) == (503, "anchoring-full")
    assert readiness(broker.node)["anchoring"] == "ok"
    assert sent(1).status_code == 200
    assert readiness(broker.node)["anchoring"] == "anchoring-full"
    broker.anchor()
    assert sent().status_code == 200
    assert failed(broker, client) == []


def test_an_act_holds_whose_key_was_revoked_in_the_second_of_its_anchor(broker):
    """The very first anchor, before which there is none to judge by; the next block is of the same second."""
    client = broker.enrol("one")
    broker.take(client.opening(broker.clock.now))
    broker.take(confirmation(broker, client))
    broker.clock.step_ms = 0
    anchored = broker.anchor()
    broker.chain.set_key(client.address, client.public, validity=0)
    with broker.store.read() as connection:
        tip = blocks.tip(connection)
    assert (tip.number, tip.timestamp) == (anchored.block + 1, anchored.block_time)
    assert failed(broker, client, wait=3_700) == []


def test_no_act_comes_before_the_first_anchor_whose_key_may_end_by_then(broker):
    client = broker.enrol("one")
    broker.chain.set_key(client.address, client.public, validity=0)
    seconds = int(broker.node.settings.anchoring.promise_seconds)
    end = broker.chain.next_time() + seconds // 2
    broker.chain.set_key(client.address, client.public, validity=end - START // 1000)
    client.number += 2
    answer = broker.post("/v1/facts", client.opening(broker.clock.now))
    assert answer.get_json()["code"] == "act-key-invalid"
    broker.submit(client, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    broker.anchor()
    broker.take(client.opening(broker.clock.now))
    broker.clock.sleep(2 * seconds)
    assert failed(broker, client) == []
