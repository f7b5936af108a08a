"""Two persons at a node's door: who is enrolled, and whose signature under a fact counts (docs/spec/staff.md)."""

import pytest
from sqlalchemy import select, text

from domain.second_person import FIELD
from evidence.log.roster import staff_subject
from node_adapter.store import records
from node_adapter.store.schema import subject
from primitives.timestamp import format_time
from tests.world.broker import Broker
from tests.world.keys import both_suites
from tests.world.payloads import rating
from tests.world.staff import YEAR, Person, enrolled

DECISION = {
    "application_id": "app-1",
    "kind": "BUY",
    "product_id": "fund-1",
    "decision": "APPROVED",
    "checks": ["SUITABILITY"],
    "reviewer": "Li Wei",
    "reason": None,
}


@pytest.fixture
def reviewer(broker):
    return enrolled(broker, "Li Wei")


def decision(broker, client, **change):
    return broker.fact(client.subject, "BIZ_DECIDE", {**DECISION, **change})


def stored(broker, type_):
    with broker.store.read() as connection:
        every = [row for pid in _pids(connection) for row in records.of_subject(connection, pid)]
    return [row for row in every if row.type == type_]


def _pids(connection):
    return connection.execute(select(subject.c.pid)).scalars().all()


def code_of(answer):
    assert answer.status_code in (409, 422), answer.get_json()
    return answer.get_json()["code"]


# -- enrolment


def test_a_person_is_enrolled_listed_and_ended(broker):
    person = Person("Li Wei")
    made = person.enrol(broker).get_json()
    assert (made["name"], made["role"], made["key"], made["state"]) == ("Li Wei", "reviewer", person.key, "valid")
    assert made["did"] == person.did
    assert broker.get("/v1/staff").get_json()["staff"] == [made]
    ended = broker.post("/v1/staff/end", {"key": person.key, "reason": "LEFT"}, role="operator").get_json()
    assert ended == {**made, "state": "ended"}
    [enrolment], [end] = stored(broker, "STAFF_ENROL"), stored(broker, "STAFF_END")
    assert enrolment.pid == end.pid == made["subject"]
    assert enrolment.fingerprint.hex() == made["enrolment"]


def test_the_same_enrolment_again_changes_nothing(broker, reviewer):
    again = reviewer.enrol(broker)
    assert (again.status_code, len(stored(broker, "STAFF_ENROL"))) == (201, 1)


def test_each_key_lies_on_the_subject_that_is_derived_from_it(broker, reviewer):
    other = enrolled(broker, "Li Wei", "committee", "another key")
    subjects = [entry["subject"] for entry in broker.get("/v1/staff").get_json()["staff"]]
    assert subjects == [staff_subject(broker.did, key) for key in (reviewer.key, other.key)]


def test_the_same_key_for_another_time_is_refused_and_not_answered_with_the_old_one(broker, reviewer):
    assert code_of(reviewer.enrol(broker, expires_at=format_time(broker.clock.now + YEAR // 2))) == "staff-key-known"


def test_a_reference_that_somebody_took_is_named(broker):
    person = Person("Li Wei")
    taken = f"staff {staff_subject(broker.did, person.key)}"
    assert broker.post("/v1/subjects", {"client_ref": taken}).status_code == 201
    assert code_of(person.enrol(broker)) == "duplicate"


@both_suites
def test_a_members_key_that_signs_is_nobodys(broker):
    [keys] = broker.node.keys.generations
    assert code_of(Person("Li Wei", own_seed=keys.checkpoint_seed).enrol(broker)) == "staff-actor"
    assert stored(broker, "STAFF_ENROL") == []


def test_a_clients_key_is_nobodys_also_after_the_client_gave_it_up(broker, client):
    person = Person("Li Wei", own_seed=client.key_seed)
    assert code_of(person.enrol(broker)) == "staff-actor"
    broker.chain.set_key(client.address, client.public, validity=0)
    broker.mine()
    assert code_of(person.enrol(broker)) == "staff-actor"
    assert stored(broker, "STAFF_ENROL") == []


def test_a_client_that_takes_a_reviewers_key_into_its_did_changes_nothing(broker, client, reviewer):
    broker.chain.set_key(client.address, bytes.fromhex(reviewer.key))
    broker.mine()
    assert broker.post("/v1/facts", reviewer.sign(broker, decision(broker, client))).status_code == 201


def test_nothing_else_is_recorded_on_a_subject_that_stands_for_a_key(broker, client, reviewer):
    [row] = stored(broker, "STAFF_ENROL")
    fact = decision(broker, client)
    assert code_of(broker.post("/v1/facts", {**fact, "subject": row.pid})) == "staff-subject"


def test_a_key_that_ended_comes_back_for_nobody(broker, reviewer):
    end = {"key": reviewer.key, "reason": "KEY_STOLEN"}
    broker.post("/v1/staff/end", end, role="operator")
    assert code_of(reviewer.enrol(broker)) == "staff-key-known"
    assert code_of(broker.post("/v1/staff/end", end, role="operator")) == "staff-key-ended"


def test_one_key_is_enrolled_for_one_role_and_one_person(broker, reviewer):
    assert code_of(reviewer.enrol(broker, role="committee")) == "staff-key-known"
    assert code_of(Person("Sun Yu", secret="Li Wei").enrol(broker)) == "staff-key-known"


def test_nobody_is_enrolled_without_having_shown_the_key(broker):
    request = Person("Li Wei").request(broker)
    for change in ({"name": "Sun Yu"}, {"role": "committee"}, {"key": Person("Sun Yu").key}):
        assert code_of(broker.post("/v1/staff", {**request, **change}, role="operator")) == "staff-signature"
    assert stored(broker, "STAFF_ENROL") == []


@pytest.mark.parametrize(
    ("name", "rule"), [("\u3164", "blank"), ("Li  Wei", "spaces"), ("Li\u200bWei", "hidden-character")]
)
def test_a_name_is_what_a_reader_sees(broker, name, rule):
    answer = Person("Li Wei").enrol(broker, name=name)
    assert (code_of(answer), answer.get_json()["rule"]) == ("invalid-input", rule)


def test_who_asked_another_member_is_not_enrolled_here(broker, tmp_path):
    south = Broker(tmp_path / "south", broker.chain, name="south")
    request = Person("Li Wei").request(south)
    assert code_of(broker.post("/v1/staff", request, role="operator")) == "staff-other-broker"
    assert code_of(broker.post("/v1/staff", {**request, "broker": broker.did}, role="operator")) == "staff-signature"
    south.store.dispose()


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"role": "director"}, "role", "one-of"),
        ({"name": "two\nlines"}, "name", "one-line"),
        ({"name": "Jose\u0301"}, "name", "nfc"),
        ({"name": " Li Wei"}, "name", "spaces"),
        ({"name": "Li  Wei"}, "name", "spaces"),
        ({"name": "Li\u3000Wei"}, "name", "spaces"),
        ({"expires_at": "2020-01-01T00:00:00.000+08:00"}, "expires_at", "past"),
        ({"key": "00"}, "key", "length"),
        ({"proof": "x"}, "proof", "pattern"),
        ({"colour": "red"}, "colour", "unknown-member"),
    ],
)
def test_a_malformed_enrolment_names_field_and_rule(broker, change, field, rule):
    problem = broker.post("/v1/staff", {**Person("Li Wei").request(broker), **change}, role="operator").get_json()
    assert (problem["field"], problem["rule"]) == (field, rule)


def test_only_the_node_writes_who_is_enrolled(broker, client, reviewer):
    [row] = stored(broker, "STAFF_ENROL")
    request = Person("Sun Yu").request(broker)
    payload = {name: request[name] for name in ("name", "role", "key", "expires_at", "proof")}
    problem = broker.post("/v1/facts", broker.fact(row.pid, "STAFF_ENROL", payload)).get_json()
    assert (problem["field"], problem["rule"]) == ("type", "node-record")


def test_nobody_is_ended_who_was_not_enrolled(broker):
    end = {"key": Person("Li Wei").key, "reason": "LEFT"}
    assert broker.post("/v1/staff/end", end, role="operator").status_code == 404


# -- a decision


def test_a_decision_that_its_reviewer_signed(broker, client, reviewer):
    answer = broker.post("/v1/facts", reviewer.sign(broker, decision(broker, client)))
    assert answer.status_code == 201, answer.get_json()
    [row] = stored(broker, "BIZ_DECIDE")
    assert row.payload is not None
    assert reviewer.key in row.payload


def test_a_decision_without_is_taken_all_the_same(broker, client):
    assert broker.post("/v1/facts", decision(broker, client)).status_code == 201


def test_the_same_signed_fact_again_gets_the_same_promise(broker, client, reviewer):
    fact = reviewer.sign(broker, decision(broker, client))
    first, again = (broker.post("/v1/facts", fact).get_json() for _ in range(2))
    assert first["promise"] == again["promise"]


def test_what_was_signed_is_recorded_once(broker, client, reviewer):
    fact = reviewer.sign(broker, decision(broker, client))
    broker.post("/v1/facts", fact)
    assert code_of(broker.post("/v1/facts", {**fact, "source_ref": "again"})) == "duplicate"
    batch = broker.lines(
        "/v1/facts",
        [{**reviewer.sign(broker, decision(broker, client, checks=[])), "source_ref": f"line {n}"} for n in range(2)],
    )
    assert [line["status"] for line in batch] == ["accepted", "refused"]


CHANGES = {
    "type": lambda fact, _: {**fact, "type": "PRODUCT_RATE"},
    "subject": lambda fact, other: {**fact, "subject": other.subject},
    "time": lambda fact, _: {**fact, "occurred_at": "2026-11-21T01:00:00.000+08:00"},
    "channel": lambda fact, _: {**fact, "channel": "branch"},
    "actor": lambda fact, _: {**fact, "actor": {**fact["actor"], "role": "teller"}},
    "field": lambda fact, _: {**fact, "payload": {**fact["payload"], "decision": "REFUSED"}},
    "salt": lambda fact, _: {**fact, "root_salt": "5d" * 32},
    "attachment": lambda fact, _: {
        **fact,
        "attachments": [{"sha256": "ab" * 32, "mime": "application/pdf", "bytes": 9}],
    },
}


@pytest.mark.parametrize("what", [what for what in CHANGES if what != "type"])
def test_a_signature_holds_for_no_other_fact(broker, client, reviewer, what):
    fact = CHANGES[what](reviewer.sign(broker, decision(broker, client)), broker.enrol("client two"))
    assert code_of(broker.post("/v1/facts", fact)) == "staff-signature"
    assert stored(broker, "BIZ_DECIDE") == []


def test_a_signature_under_a_type_that_takes_none_is_malformed(broker, client, reviewer):
    fact = CHANGES["type"](reviewer.sign(broker, decision(broker, client)), None)
    assert broker.post("/v1/facts", fact).status_code == 422
    warned = {**reviewer.sign(broker, decision(broker, client)), "type": "BIZ_APPLY"}
    assert broker.post("/v1/facts", warned).get_json()["rule"] == "unknown-member"


@pytest.mark.parametrize("change", [{"root_salt": None}, {"root_salt": "00"}, {}])
def test_the_salt_comes_with_the_signatures(broker, client, reviewer, change):
    fact = {**reviewer.sign(broker, decision(broker, client)), **change}
    if not change:
        del fact["root_salt"]
    assert broker.post("/v1/facts", fact).get_json()["field"] == "root_salt"
    unsigned = {**decision(broker, client), "root_salt": "00" * 32}
    assert broker.post("/v1/facts", unsigned).get_json()["rule"] == "together"


def test_a_role_that_does_not_review_signs_no_decision(broker, client):
    for role in ("committee", "compliance"):
        person = enrolled(broker, "Li Wei", role, f"key for {role}")
        assert code_of(broker.post("/v1/facts", person.sign(broker, decision(broker, client)))) == "staff-role"


def test_a_key_that_was_ended_signs_no_decision(broker, client, reviewer):
    fact = reviewer.sign(broker, decision(broker, client))
    broker.post("/v1/staff/end", {"key": reviewer.key, "reason": "LEFT"}, role="operator")
    assert code_of(broker.post("/v1/facts", fact)) == "staff-key-ended"


def test_a_key_expires_by_the_time_of_the_chain(broker, client, reviewer):
    fact = reviewer.sign(broker, decision(broker, client))
    hour = 3600
    broker.clock.now += YEAR - 1000 * hour  # by the node's own clock it is good for an hour more
    broker.chain.time += YEAR // 1000 + hour
    broker.chain.block()
    assert code_of(broker.post("/v1/facts", fact)) == "staff-key-expired"


def test_who_was_not_enrolled_signs_no_decision(broker, client):
    person = Person("Li Wei")
    fact = person.sign(broker, decision(broker, client))
    assert code_of(broker.post("/v1/facts", fact)) == "staff-key-unknown"
    person.enrol(broker)
    assert broker.post("/v1/facts", fact).status_code == 201


def test_another_members_staff_signs_no_decision(broker, client, tmp_path):
    south = Broker(tmp_path / "south", broker.chain, name="south")
    south.install()
    person = enrolled(south, "Li Wei")
    assert code_of(broker.post("/v1/facts", person.sign(broker, decision(broker, client)))) == "staff-key-unknown"
    person.enrol(broker)  # here, too: still a signature for south is none for north
    assert code_of(broker.post("/v1/facts", person.sign(south, decision(broker, client)))) == "staff-signature"
    south.store.dispose()


def test_one_person_is_no_two(broker, client, reviewer):
    twice = reviewer.sign(broker, reviewer.sign(broker, decision(broker, client)))
    assert broker.post("/v1/facts", twice).get_json()["rule"] == "unique"
    other = enrolled(broker, "Li Wei", secret="another key")
    both = other.sign(broker, reviewer.sign(broker, decision(broker, client)))
    assert code_of(broker.post("/v1/facts", both)) == "staff-same-person"


def test_who_handled_it_does_not_review_it(broker, client, reviewer):
    other = enrolled(broker, "Li Wei", "committee", "another key")
    for did in (reviewer.did, other.did):
        fact = broker.fact(client.subject, "BIZ_DECIDE", DECISION, actor={"did": did, "role": "staff"})
        assert code_of(broker.post("/v1/facts", reviewer.sign(broker, fact))) == "staff-actor"
    handler = enrolled(broker, "Sun Yu")
    fact = broker.fact(client.subject, "BIZ_DECIDE", DECISION, actor={"did": handler.did, "role": "staff"})
    assert broker.post("/v1/facts", reviewer.sign(broker, fact)).status_code == 201


@pytest.mark.parametrize(
    "spelled",
    [
        lambda did: f"{did}#{did[8:]}",
        lambda did: f"{did}?x",
        lambda did: did.replace(":z", ":%7A"),
        lambda did: did.upper(),
        lambda did: f"{did} ",
        lambda did: f" {did}",
        lambda _: Person("Sun Yu").did,
    ],
)
def test_who_handled_it_is_named_by_the_did_key_of_an_enrolled_key_and_by_no_other_spelling(
    broker, client, reviewer, spelled
):
    actor = {"did": spelled(reviewer.did), "role": "staff"}
    fact = reviewer.sign(broker, broker.fact(client.subject, "BIZ_DECIDE", DECISION, actor=actor))
    assert code_of(broker.post("/v1/facts", fact)) == "staff-actor"


def test_one_person_is_no_two_in_another_spelling(broker, client, committee, product):
    again = enrolled(broker, committee[0].name.upper(), "committee", "another key")
    fact = signed_by(broker, broker.fact(product, "PRODUCT_RATE", rating()), committee[0], again)
    assert code_of(broker.post("/v1/facts", fact)) == "staff-same-person"


def recovered(broker, type_):
    """Take the fields of a type's records away, as when a bundle brought them back a second time."""
    with broker.store.write() as connection:
        connection.execute(
            text("UPDATE record SET payload = NULL, root_salt = NULL WHERE type = :type"), {"type": type_}
        )
    broker.node.views._entries.clear()


def test_a_key_that_was_ended_stays_ended_when_its_end_came_back_without_fields(broker, client, reviewer):
    broker.post("/v1/staff/end", {"key": reviewer.key, "reason": "KEY_STOLEN"}, role="operator")
    recovered(broker, "STAFF_END")
    assert code_of(broker.post("/v1/facts", reviewer.sign(broker, decision(broker, client)))) == "staff-key-ended"
    assert code_of(reviewer.enrol(broker)) == "staff-key-known"


def test_a_key_whose_enrolment_came_back_without_fields_signs_nothing_and_is_not_enrolled_again(
    broker, client, reviewer
):
    recovered(broker, "STAFF_ENROL")
    assert broker.get("/v1/staff").get_json()["staff"] == []
    assert code_of(broker.post("/v1/facts", reviewer.sign(broker, decision(broker, client)))) == "staff-not-shown"
    assert code_of(reviewer.enrol(broker)) == "staff-not-shown"
    end = broker.post("/v1/staff/end", {"key": reviewer.key, "reason": "LEFT"}, role="operator")
    assert code_of(end) == "staff-not-shown"


def test_the_record_names_nobody_who_did_not_sign(broker, client, reviewer):
    fact = reviewer.sign(broker, decision(broker, client, reviewer="Director Wang"))
    assert code_of(broker.post("/v1/facts", fact)) == "staff-name"


def test_a_client_is_no_colleague(broker, client):
    person = Person("Li Wei")
    signed = person.sign(broker, decision(broker, client))
    assert code_of(broker.post("/v1/facts", signed)) == "staff-key-unknown"
    signed["payload"][FIELD][0]["key"] = client.public.hex()
    assert code_of(broker.post("/v1/facts", signed)) == "staff-signature"


# -- rule sets that ask for a second person


@pytest.fixture
def two_persons(tmp_path, chain):
    broker = Broker(tmp_path / "two", chain)
    broker.install("sac-bands@3")
    yield broker
    broker.store.dispose()


def test_a_decision_of_one_is_a_finding_where_the_rules_ask_for_two(two_persons):
    broker, client = two_persons, two_persons.enrol("client one")
    person = enrolled(broker, "Li Wei")
    alone = broker.post("/v1/facts", decision(broker, client)).get_json()
    both = broker.post("/v1/facts", person.sign(broker, decision(broker, client))).get_json()
    codes = [[finding["code"] for finding in answer["findings"]] for answer in (alone, both)]
    assert ["SECOND_PERSON_MISSING" in found for found in codes] == [True, False]


def test_rules_from_before_find_nothing(broker, client):
    answer = broker.post("/v1/facts", decision(broker, client)).get_json()
    assert "SECOND_PERSON_MISSING" not in [finding["code"] for finding in answer["findings"]]


def test_an_enrolment_expires_at_the_time_that_was_stated(broker, reviewer):
    [entry] = broker.get("/v1/staff").get_json()["staff"]
    assert entry["expires_at"] == format_time(broker.clock.now + YEAR)
    broker.clock.sleep(YEAR // 1000)
    assert broker.get("/v1/staff").get_json()["staff"][0]["state"] == "expired"


# -- a rating


@pytest.fixture
def committee(broker):
    return [enrolled(broker, name, "committee") for name in ("Zhao Min", "Sun Yu")]


@pytest.fixture
def product(broker):
    return broker.post("/v1/subjects", {"client_ref": "product:1", "product_id": "fund-1"}).get_json()["subject"]


def signed_by(broker, fact, *persons):
    for person in persons:
        fact = person.sign(broker, fact)
    return fact


def test_a_rating_that_the_committee_signed(broker, committee, product):
    fact = signed_by(broker, broker.fact(product, "PRODUCT_RATE", rating()), *committee)
    assert broker.post("/v1/facts", fact).status_code == 201


def test_no_other_role_signs_a_rating(broker, committee, product):
    for role in ("reviewer", "compliance"):
        person = enrolled(broker, f"a {role}", role)
        fact = signed_by(broker, broker.fact(product, "PRODUCT_RATE", rating()), committee[0], person)
        assert code_of(broker.post("/v1/facts", fact)) == "staff-role"
    assert stored(broker, "PRODUCT_RATE") == []


def test_one_member_of_the_committee_is_no_two(broker, committee, product):
    again = enrolled(broker, committee[0].name, "committee", "another key")
    fact = signed_by(broker, broker.fact(product, "PRODUCT_RATE", rating()), committee[0], again)
    assert code_of(broker.post("/v1/facts", fact)) == "staff-same-person"


def test_a_member_that_left_the_committee_signs_no_rating(broker, committee, product):
    broker.post("/v1/staff/end", {"key": committee[1].key, "reason": "OTHER_ROLE"}, role="operator")
    fact = signed_by(broker, broker.fact(product, "PRODUCT_RATE", rating()), *committee)
    assert code_of(broker.post("/v1/facts", fact)) == "staff-key-ended"


def test_a_signature_under_one_rating_holds_for_no_other(broker, committee, product):
    fact = signed_by(broker, broker.fact(product, "PRODUCT_RATE", rating()), *committee)
    fact["payload"]["product"] = {**fact["payload"]["product"], "risk": "R1"}
    assert code_of(broker.post("/v1/facts", fact)) == "staff-signature"


def test_a_rating_of_one_is_a_finding_where_the_rules_ask_for_two(two_persons):
    broker = two_persons
    people = [enrolled(broker, name, "committee") for name in ("Zhao Min", "Sun Yu")]
    product = broker.post("/v1/subjects", {"client_ref": "product:1", "product_id": "fund-1"}).get_json()["subject"]
    found = []
    for persons in ([], people[:1], people):
        broker.clock.sleep(1)
        fact = signed_by(broker, broker.fact(product, "PRODUCT_RATE", rating()), *persons)
        found.append([finding["code"] for finding in broker.post("/v1/facts", fact).get_json()["findings"]])
    assert found == [["SECOND_PERSON_MISSING"], ["SECOND_PERSON_MISSING"], []]


# -- gates


def test_a_gate_says_what_it_relied_on(broker, client, reviewer, committee, product):
    asked = {"subject": client.subject, "act": "BIZ_DECIDE", "details": {"product_id": "fund-1"}}
    assert broker.post("/v1/gates", asked).get_json()["relied_on"] == []
    rated = broker.post(
        "/v1/facts", signed_by(broker, broker.fact(product, "PRODUCT_RATE", rating()), *committee)
    ).get_json()
    people = [{"name": person.name, "role": "committee", "key": person.key} for person in committee]
    relied = {"type": "PRODUCT_RATE", "ref": rated["fingerprint"], "signed_by": people}
    broker.clock.sleep(1)
    assert broker.post("/v1/gates", asked).get_json()["relied_on"] == [relied]
    alone = broker.post("/v1/facts", decision(broker, client)).get_json()
    signing = {"subject": client.subject, "act": "AGREEMENT_SIGN"}
    signing["details"] = {"application_id": "app-1", "product_id": "fund-1"}
    decided = broker.post("/v1/gates", signing).get_json()["relied_on"]
    assert decided == [relied, {"type": "BIZ_DECIDE", "ref": alone["fingerprint"], "signed_by": []}]
    both = broker.post("/v1/facts", reviewer.sign(broker, decision(broker, client, checks=[]))).get_json()
    persons = [{"name": "Li Wei", "role": "reviewer", "key": reviewer.key}]
    decided = broker.post("/v1/gates", signing).get_json()["relied_on"]
    assert decided[1] == {"type": "BIZ_DECIDE", "ref": both["fingerprint"], "signed_by": persons}
