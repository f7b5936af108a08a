"""A replay of what two persons signed: the bundle carries who they are, and a recovered node knows them again."""

import pytest

from evidence.log.roster import did_key
from node_adapter.store import records
from node_adapter.workflows.identity.roster import roster_of
from node_adapter.workflows.identity.staff import end_person, enrol_person
from tests.world.headers import over_headers
from tests.world.payloads import rating
from tests.world.replays import replay, report_on
from tests.world.staff import Person

YEAR = 365 * 86_400_000
BUY = {"application_id": "a-1", "kind": "BUY", "product_id": "fund-1"}


@pytest.fixture
def broker(tmp_path):
    broker = over_headers(tmp_path, packaged="sac-bands@3")
    yield broker
    broker.store.dispose()


def public(name):
    return Person(name).key


def enrol(broker, name, role):
    return enrol_person(broker.node, Person(name, role).request(broker))


def countersign(broker, client, type_, payload, *names, actor=None):
    fact = broker.fact(client.subject, type_, payload, actor={"did": actor or broker.did, "role": "staff"})
    for name in names:
        fact = Person(name).sign(broker, fact)
    return broker.take(fact)


def bought(broker):
    """A client who bought what the committee rated, by a decision that a reviewer signed."""
    for name, role in (("Li Wei", "reviewer"), ("Zhao Min", "committee"), ("Sun Yu", "committee")):
        enrol(broker, name, role)
    product, client = broker.enrol_product("fund-1"), broker.enrol("client")
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
    report = report_on(broker.node, answer["bundle"])
    assert report.ok, report.verdict
    assert signers(report) == {"PRODUCT_RATE": ["Zhao Min", "Sun Yu"], "BIZ_DECIDE": ["Li Wei"]}
    kinds = [record.type for record in report.records if record.subject != report.subject]
    assert sorted(kinds) == [*["OPENING"] * 4, "PRODUCT_RATE", "STAFF_ENROL", "STAFF_ENROL", "STAFF_ENROL"]
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
    report = report_on(broker.node, run(broker, client)["bundle"])
    assert report.ok, report.verdict
    assert "Chen Jie" in {record.values["name"] for record in report.records if record.type == "STAFF_ENROL"}


def test_a_bundle_says_where_nobody_signed(broker):
    product, client = broker.enrol_product("fund-1"), broker.enrol("client")
    broker.rate(product, "R1")
    broker.assess(client)
    broker.submit(client, "MATCH_OPINION", compute={"product_id": "fund-1"})
    broker.anchor()
    answer = run(broker, client)
    [rated] = report_on(broker.node, answer["bundle"]).second_persons
    assert (rated.type, rated.persons, rated.missing) == ("PRODUCT_RATE", (), "nobody-signed")
    found = [entry for entry in answer["report"]["findings"] if entry["code"] == "SECOND_PERSON_MISSING"]
    assert [(entry["rule"], entry["stored"]) for entry in found] == [("opinion.rating-signed", True)]


def test_a_key_that_ended_later_still_stands_in_the_bundle(broker):
    client = bought(broker)
    end_person(broker.node, {"key": public("Li Wei"), "reason": "LEFT"})
    broker.submit(client, "DUTY_NOTICE", {"documents": ["a@1"], "scroll_end": True, "dwell_ms": 1})
    broker.anchor()
    report = report_on(broker.node, run(broker, client)["bundle"])
    assert report.ok, report.verdict
    assert "STAFF_END" in {record.type for record in report.records}
    assert signers(report)["BIZ_DECIDE"] == ["Li Wei"]


def test_a_client_that_takes_a_reviewers_key_into_its_did_refutes_nothing(broker):
    client = bought(broker)
    # anybody reads the public key in a bundle, and writes what he likes
    broker.chain.set_key(client.address, bytes.fromhex(public("Li Wei")))
    broker.submit(client, "DUTY_NOTICE", {"documents": ["a@1"], "scroll_end": True, "dwell_ms": 1})
    broker.anchor()
    report = report_on(broker.node, run(broker, client)["bundle"])
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
