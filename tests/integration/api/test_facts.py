import hashlib
import json

import pytest

from domain.opening import OPENING
from evidence.version2.promise import parse_promise, verify_promise
from evidence.version2.record import restore
from node_adapter.store import records, subjects
from node_adapter.store.chain import blocks
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.errors import VerificationFailed
from tests.world.clock import START
from tests.world.keys import both_suites, seed
from tests.world.payloads import ANSWERS, PAYLOADS, rating

GATE_CODES = {"NOT_IDENTIFIED", "NOT_INFORMED"}


def first_steps(broker, client):
    """From identification to the computed level."""
    rows = [broker.fact(client.subject, type_, payload) for type_, payload in PAYLOADS.items()]
    rows.append(broker.fact(client.subject, "LEVEL_RESULT", compute={}))
    return broker.lines("/v1/facts", rows)


def stored(broker, subject):
    with broker.store.read() as connection:
        return subjects.find_by_pid(connection, subject), records.of_subject(connection, subject)


def told(broker, subject):
    """What was handed in about a subject: all but what opens its history."""
    return [row for row in stored(broker, subject)[1] if row.type != OPENING]


def test_a_fact_is_stored_sealed_and_answered_with_a_promise(broker, client):
    answer = broker.post("/v1/facts", broker.fact(client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"]))
    assert answer.status_code == 201
    body = answer.get_json()
    assert body["status"] == "accepted"
    assert body["findings"] == []
    promise = verify_promise(body["promise"], broker.keys.signing_public)
    row, (opening, record) = stored(broker, client.subject)
    sealed = restore(record.envelope, json.loads(record.payload), record.root_salt)
    assert sealed.fingerprint == record.fingerprint == promise.fingerprint == row.head
    assert sealed.entry == record.entry == promise.entry
    assert (row.label, record.label) == (sealed.next, opening.next) == (sealed.next, promise.label)
    assert (row.count, record.seq, promise.log_index) == (2, 2, 1)
    with broker.store.read() as connection:  # the kit's blocks are a second apart, ahead of its clock
        tip = blocks.tip(connection)
    assert promise.anchor_by == tip.timestamp * 1000 + 600_000 > promise.recorded_at + 600_000
    assert sealed.envelope["accepted"] == {"block": tip.number, "hash": tip.hash.hex()}
    assert promise.block == tip.number


def test_bulk_answers_each_line_in_order_and_chains_the_records(broker, client):
    answers = first_steps(broker, client)
    assert [answer["status"] for answer in answers] == ["accepted"] * 5
    assert [answer["promise"]["log_index"] for answer in answers] == [1, 2, 3, 4, 5]
    assert not any(answer["findings"] for answer in answers)
    level = answers[4]["payload"]
    assert level["level"] == "C4"
    _, rows = stored(broker, client.subject)
    envelopes = [json.loads(row.envelope) for row in rows]
    assert [envelope["prev"] for envelope in envelopes[1:]] == [row.fingerprint.hex() for row in rows[:-1]]
    assert [row.label for row in rows[1:]] == [row.next for row in rows[:-1]]
    assert [envelope["seq"] for envelope in envelopes] == [1, 2, 3, 4, 5, 6]


def test_the_records_of_one_request_are_promised_by_one_signature(broker, client):
    answers = first_steps(broker, client)
    key = broker.keys.signing_public
    assert [verify_promise(answer["promise"], key).log_index for answer in answers] == [1, 2, 3, 4, 5]
    signed = {parse_promise(answer["promise"])[1] for answer in answers}
    assert [(batch.count, batch.block) for batch in signed] == [(6, broker.chain.height)]  # the opening among them
    altered = {**answers[0]["promise"], "anchor_by": answers[0]["promise"]["recorded_at"]}
    with pytest.raises(VerificationFailed):
        verify_promise(altered, key)


def test_a_record_names_its_rule_set_by_the_whole_digest(broker, client):
    first_steps(broker, client)
    [ruleset] = broker.get("/v1/rulesets").get_json()["rulesets"]
    digest = hashlib.sha256(canonical_json(ruleset["document"])).hexdigest()
    assert ruleset["record_label"] == f"{ruleset['id']}@{ruleset['version']}:{digest}"
    for row in told(broker, client.subject):
        assert json.loads(row.envelope)["ruleset"] == ruleset["record_label"]


def test_the_same_fact_again_gets_the_same_promise(broker, client):
    fact = broker.fact(client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    first = broker.post("/v1/facts", fact).get_json()
    broker.clock.now += 5000
    assert broker.post("/v1/facts", fact).get_json() == first
    twice = broker.lines("/v1/facts", [fact, fact])
    assert [answer["promise"] for answer in twice] == [first["promise"]] * 2
    assert len(told(broker, client.subject)) == 1


def test_another_fact_under_the_same_reference_is_refused(broker, client):
    fact = broker.fact(client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    broker.post("/v1/facts", fact)
    answer = broker.post("/v1/facts", {**fact, "channel": "branch"})
    assert answer.status_code == 409
    assert answer.get_json()["code"] == "duplicate"
    assert len(told(broker, client.subject)) == 1


def test_a_duplicate_inside_one_chunk_is_seen(broker, client):
    fact = broker.fact(client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    first, second = broker.lines("/v1/facts", [fact, {**fact, "channel": "web"}])
    assert first["status"] == "accepted"
    assert second["problem"]["code"] == "duplicate"


def test_a_refused_line_loses_nothing_of_the_others(broker, client):
    good = broker.fact(client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    bad = broker.fact(client.subject, "ID_VERIFY", {**PAYLOADS["ID_VERIFY"], "face_score": 101})
    unknown = broker.fact("00" * 32, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    last = broker.fact(client.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    answers = broker.lines("/v1/facts", [good, bad, unknown, last])
    assert [answer["status"] for answer in answers] == ["accepted", "refused", "refused", "accepted"]
    assert answers[1]["problem"]["field"] == "payload.face_score"
    assert answers[1]["problem"]["rule"]
    assert answers[2]["problem"]["status"] == 404
    assert [answer["promise"]["log_index"] for answer in (answers[0], answers[3])] == [1, 2]


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"source_ref": ""}, "source_ref", "length"),
        ({"subject": "zz"}, "subject", "hex"),
        ({"type": "LEVEL_GUESS"}, "type", "record-type"),
        ({"occurred_at": "2026-11-21"}, "occurred_at", "record-time"),
        ({"channel": "fax"}, "channel", "one-of"),
        ({"actor": {"did": "x"}}, "actor.role", "required"),
        ({"payload": []}, "payload", "object"),
        ({"compute": {}}, "payload", "one-of"),
        ({"attachments": [{"sha256": "00" * 32, "mime": "a/b"}]}, "attachments[0].bytes", "required"),
        ({"colour": "red"}, "colour", "unknown-member"),
        ({"act": {"root_salt": "00"}}, "act.key", "required"),
    ],
)
def test_a_malformed_fact_names_field_and_rule_and_stores_nothing(broker, client, change, field, rule):
    fact = {**broker.fact(client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"]), **change}
    answer = broker.post("/v1/facts", fact)
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    problem = answer.get_json()
    assert (problem["field"], problem["rule"]) == (field, rule)
    assert stored(broker, client.subject)[0].count == 0


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"form": "individual-20@9"}, "payload.form", "questionnaire-version"),
        ({"answers": {**ANSWERS, "Q1": ["Z"]}}, "payload.answers.Q1[0]", "one-of"),
        ({"answers": {name: ANSWERS[name] for name in ANSWERS if name != "Q20"}}, "payload.answers.Q20", "required"),
    ],
)
def test_an_unknown_questionnaire_or_an_answer_out_of_range(broker, client, change, field, rule):
    fact = broker.fact(client.subject, "Q_SUBMIT", {**PAYLOADS["Q_SUBMIT"], **change})
    problem = broker.post("/v1/facts", fact).get_json()
    assert (problem["field"], problem["rule"]) == (field, rule)
    assert stored(broker, client.subject)[0].count == 0


def test_a_gate_refuses_out_of_order_what_a_fact_stores_with_its_finding(broker, client):
    gate = broker.post("/v1/gates", {"subject": client.subject, "act": "Q_SUBMIT"}).get_json()
    assert gate["allowed"] is False
    assert gate["code"] in GATE_CODES
    fact = broker.fact(client.subject, "Q_SUBMIT", PAYLOADS["Q_SUBMIT"])
    answer = broker.post("/v1/facts", fact).get_json()
    assert answer["status"] == "accepted"
    assert {finding["code"] for finding in answer["findings"]} >= {gate["code"]}
    assert len(told(broker, client.subject)) == 1


def test_a_gate_stores_nothing(broker, client):
    first_steps(broker, client)
    broker.post("/v1/gates", {"subject": client.subject, "act": "LEVEL_CONFIRM"})
    assert len(told(broker, client.subject)) == 5


def level_draft(broker, client):
    answer = broker.post("/v1/acts/drafts", {"subject": client.subject, "type": "LEVEL_CONFIRM", "lang": "en"})
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()


@both_suites
def test_a_clients_signed_act_is_verified_and_kept(broker, client):
    first_steps(broker, client)
    draft = level_draft(broker, client)
    assert "C4" in draft["text"]["body"]
    broker.clock.now += 1000
    answer = broker.post("/v1/facts", client.act(draft, broker.clock.now))
    assert answer.status_code == 201, answer.get_json()
    assert answer.get_json()["findings"] == []
    _, rows = stored(broker, client.subject)
    envelope = json.loads(rows[-1].envelope)
    (signature,) = envelope["signatures"]
    assert envelope["suite"] == broker.suite.name
    assert (signature["did"], signature["key"], signature["alg"]) == (client.did, client.act_key, broker.suite.alg)
    assert envelope["accepted"]["block"] == broker.chain.height
    assert envelope["ruleset"] == draft["ruleset"]


def test_a_clients_act_without_signature_is_refused(broker, client):
    first_steps(broker, client)
    fact = client.act(level_draft(broker, client), broker.clock.now)
    del fact["act"]
    problem = broker.post("/v1/facts", fact).get_json()
    assert (problem["code"], problem["status"]) == ("act-unsigned", 409)
    assert len(told(broker, client.subject)) == 5


@both_suites
def test_an_act_signed_by_another_key_is_refused(broker, client):
    first_steps(broker, client)
    fact = client.act(level_draft(broker, client), broker.clock.now, key_seed=seed("somebody else"))
    problem = broker.post("/v1/facts", fact).get_json()
    assert (problem["code"], problem["status"]) == ("act-signature", 422)
    fact["act"]["key"] = f"{client.did}#delegate-9"
    assert broker.post("/v1/facts", fact).get_json()["code"] == "act-key-invalid"
    assert len(told(broker, client.subject)) == 5


@pytest.mark.parametrize("name", ["occurred_at", "payload", "document", "ruleset", "root_salt"])
def test_a_signature_covers_every_part_of_the_act(broker, client, name):
    first_steps(broker, client)
    fact = client.act(level_draft(broker, client), broker.clock.now)
    if name == "occurred_at":
        fact["occurred_at"] = fact["occurred_at"].replace(".", ".1")[:23] + "+08:00"
    elif name == "payload":
        fact["payload"] = {**fact["payload"], "level": "C5"}
    elif name == "ruleset":
        fact["act"]["ruleset"] = None
    else:
        fact["act"][name] = {"document": "level-confirm@2", "root_salt": "00" * 32}[name]
    assert broker.post("/v1/facts", fact).get_json()["code"] == "act-signature"


def test_an_act_is_recorded_once_under_any_reference(broker, client):
    first_steps(broker, client)
    fact = client.act(level_draft(broker, client), broker.clock.now)
    assert broker.post("/v1/facts", fact).status_code == 201
    assert broker.post("/v1/facts", {**fact, "source_ref": "other"}).get_json()["code"] == "duplicate"


def test_a_key_that_is_not_on_the_chain_yet_signs_nothing(broker):
    client = broker.enrol("fresh", on_chain=False)
    broker.post("/v1/facts", broker.fact(client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"]))
    first_steps(broker, client)
    fact = client.act(level_draft(broker, client), broker.clock.now)
    assert broker.post("/v1/facts", fact).get_json()["code"] == "act-key-invalid"


def test_a_rotated_key_signs_and_the_old_one_does_not(broker, client):
    first_steps(broker, client)
    draft = level_draft(broker, client)
    old = client.act(draft, broker.clock.now)
    old_seed, client.key_seed, client.number = client.key_seed, seed("second key"), 2
    broker.chain.set_key(client.address, client.public)
    broker.chain.set_key(client.address, bytes.fromhex(_public(old_seed)), validity=0)
    assert broker.post("/v1/facts", old).get_json()["code"] == "act-key-invalid"
    assert broker.post("/v1/facts", client.act(draft, broker.clock.now + 1)).status_code == 201


def _public(key_seed):
    return ed25519.public_key(key_seed).hex()


def test_the_engine_states_an_opinion_from_the_rating_in_force(broker, client):
    product = broker.post("/v1/subjects", {"client_ref": "product fund-1", "product_id": "fund-1"}).get_json()
    assert product["did"] is None
    broker.post("/v1/facts", broker.fact(product["subject"], "PRODUCT_RATE", rating()))
    first_steps(broker, client)
    answer = broker.post(
        "/v1/facts", broker.fact(client.subject, "MATCH_OPINION", compute={"product_id": "fund-1"})
    ).get_json()
    assert answer["payload"]["code"] == "RISK_MISMATCH"
    missing = broker.fact(client.subject, "MATCH_OPINION", compute={"product_id": "fund-2"})
    assert broker.post("/v1/facts", missing).get_json()["code"] == "compute-inputs-not-found"


def test_a_stated_score_that_the_engine_does_not_give_is_kept_with_its_finding(broker, client):
    answers = first_steps(broker, client)
    broker.clock.now += 1000
    lie = {**answers[4]["payload"], "level": "C5", "total": 90, "supersedes": None}
    answer = broker.post("/v1/facts", broker.fact(client.subject, "LEVEL_RESULT", lie)).get_json()
    assert answer["status"] == "accepted"
    assert answer["findings"]


def test_a_suspended_or_unknown_member_records_nothing(broker, client, tmp_path):
    broker.chain.suspend("north")
    answer = broker.post("/v1/facts", broker.fact(client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"]))
    assert (answer.status_code, answer.get_json()["code"]) == (403, "member-suspended")
    assert stored(broker, client.subject)[0].count == 0


def test_state_survives_a_restart_of_the_process(broker, client):
    first_steps(broker, client)
    broker.node.views.__init__()
    draft = level_draft(broker, client)
    assert draft["fields"]["level"] == "C4"
    assert broker.clock.now == START


def named(name):
    basics = {**PAYLOADS["INFO_COLLECT"]["basics"], "name": name}
    return {"payload": {**PAYLOADS["INFO_COLLECT"], "basics": basics}}


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        (named("李\ufffd\ufffd"), "payload.basics.name", "replacement-character"),
        (named("李\u202e明"), "payload.basics.name", "hidden-character"),
        (named("李\x7f明"), "payload.basics.name", "control-character"),
        ({"source_ref": "a\0b"}, "source_ref", "control-character"),
        ({"source_ref": "a\nb"}, "source_ref", "one-line"),
        ({"actor": {"did": "d\0", "role": "staff"}}, "actor.did", "control-character"),
        ({"attachments": [{"name": "\ufffd"}]}, "attachments[0].name", "replacement-character"),
    ],
)
def test_text_that_a_broken_import_left_is_refused_by_field_and_rule(broker, client, change, field, rule):
    answer = broker.post("/v1/facts", {**broker.fact(client.subject, "INFO_COLLECT", None), **named("李明"), **change})
    problem = answer.get_json()
    assert (answer.status_code, problem["field"], problem["rule"]) == (422, field, rule)
    assert stored(broker, client.subject)[1] == []


def test_a_reason_is_one_line(broker, client):
    first_steps(broker, client)
    request = {"subject": client.subject, "case": "1", "reason": "first line\nsecond line"}
    problem = broker.post("/v1/replays", request, role="compliance").get_json()
    assert (problem["field"], problem["rule"]) == ("reason", "one-line")
    decision = {"application_id": "a", "kind": "OPEN", "product_id": None, "decision": "REFUSED", "checks": []}
    decision |= {"reviewer": "r", "reason": "first line\nsecond line"}
    problem = broker.post("/v1/facts", broker.fact(client.subject, "BIZ_DECIDE", decision)).get_json()
    assert (problem["field"], problem["rule"]) == ("payload.reason", "one-line")
