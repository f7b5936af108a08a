"""A replay of what two persons signed: the bundle carries who they are, and a recovered node knows them again."""

import pytest

from domain.second_person import FIELD
from evidence.documents.act import field_digests
from evidence.documents.staff_signature import act_digest, possession_digest
from evidence.log.roster import did_key
from node_adapter.store import records
from node_adapter.workflows.identity.roster import roster_of
from node_adapter.workflows.identity.staff import end_person, enrol_person
from node_adapter.workflows.replay.replay import replay
from node_adapter.workflows.replay.trust_file import trust_file
from primitives import ed25519
from primitives.encoding import encode_base64url
from primitives.timestamp import format_time
from scripts.vectors.synthetic_chain import seeded, verify_bundle
from tests.world.node import rating
from tests.world.replay import Broker

YEAR = 365 * 86_400_000
BUY = {"application_id": "a-1", "kind": "BUY", "product_id": "fund-1"}


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path, packaged="sac-bands@3")
    yield broker
    broker.store.dispose()


def public(name):
    return ed25519.public_key(seeded(name)).hex()


def enrol(broker, name, role):
    proof = ed25519.sign(seeded(name), possession_digest(broker.node.did, name, role, public(name)))
    stated = {"name": name, "role": role, "broker": broker.node.did, "key": public(name)}
    until = format_time(broker.clock.now + YEAR)
    return enrol_person(broker.node, {**stated, "proof": encode_base64url(proof), "expires_at": until})


def add_signature(broker, fact, name):
    """Sign a stated fact, as `staff sign` does."""
    salt = seeded(fact["occurred_at"])
    digests = field_digests(fact["payload"], salt)
    digest = act_digest({"attachments": [], **fact, "broker": broker.node.did}, digests)
    signature = {"key": public(name), "value": encode_base64url(ed25519.sign(seeded(name), digest))}
    return {**fact, "payload": {**fact["payload"], FIELD: [signature]}, "root_salt": salt.hex()}


def countersign(broker, client, type_, payload, *names, actor=None):
    occurred_at = format_time(broker.clock.now_ms())
    stated = {
        "broker": broker.node.did,
        "subject": client.subject,
        "type": type_,
        "occurred_at": occurred_at,
        "channel": "app",
        "actor": {"did": actor or broker.node.did, "role": "staff"},
        "attachments": [],
    }
    digest = act_digest(stated, field_digests(payload, seeded(occurred_at)))
    signed = [{"key": public(name), "value": encode_base64url(ed25519.sign(seeded(name), digest))} for name in names]
    more = {"actor": stated["actor"], "occurred_at": occurred_at, "root_salt": seeded(occurred_at).hex()}
    return broker.submit(client, type_, {**payload, FIELD: signed}, **more)


def bought(broker):
    """A client who bought what the committee rated, by a decision that a reviewer signed."""
    for name, role in (("Li Wei", "reviewer"), ("Zhao Min", "committee"), ("Sun Yu", "committee")):
        enrol(broker, name, role)
    product, client = broker.enrol("fund-1", did=False), broker.enrol("client")
    countersign(broker, product, "PRODUCT_RATE", rating(risk="R1"), "Zhao Min", "Sun Yu")
    broker.assess(client)
    broker.submit(client, "MATCH_OPINION", compute={"product_id": "fund-1"})
    broker.submit(client, "BIZ_APPLY", {**BUY, "amount_fen": 100})
    decided = {"decision": "APPROVED", "checks": [], "reviewer": "Li Wei", "reason": None}
    countersign(broker, client, "BIZ_DECIDE", {**BUY, **decided}, "Li Wei")
    broker.anchor()
    return client


def run(broker, client):
    return replay(broker.node, {"did": client.did, "case": "case 7", "reason": "dispute", "lang": "en"})


def signers(report):
    return {entry.type: [person.name for person in entry.persons] for entry in report.second_persons if entry.persons}


def test_a_bundle_carries_who_signed_and_since_when(broker):
    client = bought(broker)
    answer = run(broker, client)
    report = verify_bundle(answer["bundle"].encode(), trust_file(broker.node))
    assert report.ok, report.verdict
    assert signers(report) == {"PRODUCT_RATE": ["Zhao Min", "Sun Yu"], "BIZ_DECIDE": ["Li Wei"]}
    kinds = [record.type for record in report.records if record.subject != report.subject]
    assert sorted(kinds) == ["PRODUCT_RATE", "STAFF_ENROL", "STAFF_ENROL", "STAFF_ENROL"]
    told = [(entry["type"], [one["name"] for one in entry["persons"]]) for entry in answer["report"]["second_persons"]]
    assert told == [("PRODUCT_RATE", ["Zhao Min", "Sun Yu"]), ("BIZ_DECIDE", ["Li Wei"])]
    assert "Zhao Min · committee member" in answer["report_html"]
    assert "SECOND_PERSON_MISSING" not in {finding["code"] for finding in answer["report"]["findings"]}


def test_a_bundle_carries_since_when_the_person_who_handled_it_is_known(broker):
    client = bought(broker)
    enrol(broker, "Chen Jie", "reviewer")
    decided = {"decision": "APPROVED", "checks": [], "reviewer": "Li Wei", "reason": "again"}
    countersign(broker, client, "BIZ_DECIDE", {**BUY, **decided}, "Li Wei", actor=did_key(public("Chen Jie")))
    broker.anchor()
    report = verify_bundle(run(broker, client)["bundle"].encode(), trust_file(broker.node))
    assert report.ok, report.verdict
    assert "Chen Jie" in {record.values["name"] for record in report.records if record.type == "STAFF_ENROL"}


def test_a_bundle_says_where_nobody_signed(broker):
    product, client = broker.enrol("fund-1", did=False), broker.enrol("client")
    broker.rate(product, "R1")
    broker.assess(client)
    broker.submit(client, "MATCH_OPINION", compute={"product_id": "fund-1"})
    broker.anchor()
    answer = run(broker, client)
    [rated] = verify_bundle(answer["bundle"].encode(), trust_file(broker.node)).second_persons
    assert (rated.type, rated.persons, rated.missing) == ("PRODUCT_RATE", (), "nobody-signed")
    found = [entry for entry in answer["report"]["findings"] if entry["code"] == "SECOND_PERSON_MISSING"]
    assert [(entry["rule"], entry["stored"]) for entry in found] == [("opinion.rating-signed", True)]


def test_a_key_that_ended_later_still_stands_in_the_bundle(broker):
    client = bought(broker)
    end_person(broker.node, {"key": public("Li Wei"), "reason": "LEFT"})
    broker.submit(client, "DUTY_NOTICE", {"documents": ["a@1"], "scroll_end": True, "dwell_ms": 1})
    broker.anchor()
    report = verify_bundle(run(broker, client)["bundle"].encode(), trust_file(broker.node))
    assert report.ok, report.verdict
    assert "STAFF_END" in {record.type for record in report.records}
    assert signers(report)["BIZ_DECIDE"] == ["Li Wei"]


def test_a_client_that_takes_a_reviewers_key_into_its_did_refutes_nothing(broker):
    client = bought(broker)
    broker.set_key(client, seeded("Li Wei"))  # anybody reads the public key in a bundle, and writes what he likes
    broker.submit(client, "DUTY_NOTICE", {"documents": ["a@1"], "scroll_end": True, "dwell_ms": 1})
    broker.anchor()
    report = verify_bundle(run(broker, client)["bundle"].encode(), trust_file(broker.node))
    assert report.ok, report.verdict
    assert signers(report)["BIZ_DECIDE"] == ["Li Wei"]


def test_the_roster_is_what_the_log_says(broker):
    bought(broker)
    end_person(broker.node, {"key": public("Sun Yu"), "reason": "KEY_LOST"})
    with broker.store.read() as connection:
        size = records.log_size(connection)
        kept = roster_of(broker.node, connection, size)
        broker.node.views._entries.clear()
        assert roster_of(broker.node, connection, size) == kept
    assert [entry.ended_at is None for entry in kept.keys] == [True, True, False]
