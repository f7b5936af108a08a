"""What intake takes, a verifier takes: nothing that a client or a caller sends makes the broker's later bundle fail."""

from __future__ import annotations

import pytest

from node_adapter.store import anchors, outbox
from node_adapter.workflows.anchoring.anchor import Anchoring
from node_adapter.workflows.identity.staff import enrol_person
from node_adapter.workflows.replay.access import draft_access
from primitives.ed25519 import MAX_KEYS_IN_FORCE
from primitives.timestamp import parse_time
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


def failed(broker, client):
    """The checks that fail of a client's bundle, for one who takes the member's word."""
    broker.anchor()
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
