"""A replay end to end in one node: bundle, trust file, re-execution, findings, report."""

from __future__ import annotations

import json
import re

import pytest
from sqlalchemy import select, update

from api.app import create_app
from evidence.documents.product_subject import product_subject
from evidence.version2.documents.trust import parse_trust, trusted_blocks
from node_adapter.store import records, replays, tokens
from node_adapter.store.schema import finding, idempotency, record
from node_adapter.workflows.anchoring import owed_promises
from node_adapter.workflows.replay.trust_file import trust_file
from primitives import ed25519
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from replay.verification import verify_history
from tests.world.headers import over_headers
from tests.world.keys import both_suites, next_keys, seed
from tests.world.payloads import PAYLOADS
from tests.world.replays import replay, report_on, word

REQUEST = {"case": "2026-<17>", "reason": "client disputes the sale"}


@pytest.fixture
def broker(tmp_path, suite):
    broker = over_headers(tmp_path, suite=suite)
    yield broker
    broker.store.dispose()


def sold(broker, name="one"):
    product = broker.enrol_product("fund-1")
    client = broker.enrol(name)
    broker.rate(product)
    broker.assess(client)
    broker.anchor()
    broker.sell_without_warning(client)
    broker.anchor()
    return client


def run(broker, client, **more):
    return replay(broker.node, {**REQUEST, "did": client.did, **more})


def claims(answer):
    return {item["claim"]: item["result"] for item in answer["report"]["conclusion"]["claims"]}


@both_suites
def test_a_replay_verifies_offline_and_finds_the_breach(broker):
    client = sold(broker)
    answer = run(broker, client)
    report = report_on(broker.node, answer["bundle"])
    assert report.ok, report.checks
    content = answer["report"]
    assert content["conclusion"]["ok"]
    codes = {item["code"] for item in content["findings"]}
    assert {"SOLD_WITHOUT_WARNING", "SOLD_WITHOUT_INSISTENCE", "RISK_NOT_CONFIRMED"} <= codes
    assert all(item["stored"] for item in content["findings"])
    assert content["missing_findings"] == []
    assert [item["status"] for item in content["re_execution"]] == ["equal", "equal"]
    assert claims(answer)["NOT_WARNED"] == claims(answer)["NOT_CONFIRMED"] == "PROVEN"
    assert claims(answer)["WRONG_RESULT"] == claims(answer)["NEVER_TESTED"] == "REFUTED"
    assert claims(answer)["NO_CONSENT"] == "NOT_PROVABLE"
    assert content["synthetic"]
    assert [item["subject"] for item in content["completeness"]["references"]] == [
        product_subject(broker.node.did, "fund-1")
    ]


def test_reading_the_originals_is_recorded_first_and_counted_as_pending(broker):
    client = sold(broker)
    content = run(broker, client)["report"]
    [entry] = content["access_log"]
    assert not entry["anchored"]
    assert content["completeness"]["pending"] == 1
    broker.anchor()
    second = run(broker, client)["report"]
    assert [item["anchored"] for item in second["access_log"]] == [True, False]
    assert second["completeness"]["records"] == content["completeness"]["records"] + 1


def test_each_officers_reading_is_recorded_once_and_no_original_is_kept_of_the_answer(broker):
    client, now = sold(broker), broker.clock.now_ms()
    officers = {"first officer": "aa" * 32, "second officer": "bb" * 32}
    with broker.store.write() as connection:
        for name, token in officers.items():
            tokens.insert_token(connection, token, "compliance", name=name, created_at=now, expires_at=now + 3_600_000)
    http = create_app(broker.node).test_client()
    request = {"did": client.did, "case": "1", "reason": "r"}
    for token in officers.values():
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k1"}
        first, again = (http.post("/v1/replays", json=request, headers=headers) for _ in range(2))
        assert [one.headers.get("Idempotency-Replayed") for one in (first, again)] == [None, "true"]
        assert (again.status_code, again.get_json()) == (202, first.get_json())
        assert again.headers["Location"] == first.headers["Location"] == f"/v1/replays/{first.get_json()['id']}"
        other = http.post("/v1/replays", json={**request, "reason": "another"}, headers=headers)
        assert (other.status_code, other.get_json()["code"]) == (409, "idempotency-key-reused")
    with broker.store.read() as connection:
        readings = [row for row in records.of_subject(connection, client.subject) if row.type == "ACCESS_LOG"]
        kept = [json.loads(row.response) for row in connection.execute(select(idempotency))]
        assert replays.count_waiting(connection, 10) == len(officers)
    assert [set(answer) for answer in kept] == [{"id", "state"}] * len(officers)
    assert len(readings) == len(officers)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_is_self_contained_and_escaped(broker, lang):
    page = run(broker, sold(broker), lang=lang)["report_html"]
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "2026-&lt;17&gt;" in page
    assert "Broker North &lt;b&gt;&amp;" in page
    assert not re.search(r"(?:src|href)\s*=|@import|url\(", page)
    assert ("合成" if lang == "zh" else "SYNTHETIC") in page
    assert ("未警示即办理" if lang == "zh" else "sold without warning") in page
    assert ("四阶段时间线" if lang == "zh" else "The four stages") in page
    assert "¥12,345.67" in page


def test_no_root_salt_leaves_the_node(broker):
    client = sold(broker)
    answer = run(broker, client)
    with broker.store.read() as connection:
        salts = [row.root_salt.hex() for row in connection.execute(record.select())]
    text = json.dumps(answer)
    assert not [salt for salt in salts if salt in text]


def alter(broker, type_, change):
    with broker.store.write() as connection:
        row = connection.execute(record.select().where(record.c.type == type_)).first()
        payload = json.dumps({**json.loads(row.payload), **change})
        connection.execute(update(record).where(record.c.record_id == row.record_id).values(payload=payload))


def test_an_original_that_was_altered_later_is_named_and_not_shown(broker):
    client = sold(broker)
    alter(broker, "LEVEL_RESULT", {"total": 99})
    answer = run(broker, client)
    assert report_on(broker.node, answer["bundle"]).ok
    assert "ORIGINAL_ALTERED" in {item["code"] for item in answer["report"]["findings"]}
    level = next(
        r
        for r in json.loads(answer["bundle"])["history"]["records"]
        if r["record"]["envelope"]["type"] == "LEVEL_RESULT"
    )
    assert "total" not in level["record"]["fields"]
    assert claims(answer)["WRONG_RESULT"] == "NOT_PROVABLE"  # what the record said is gone, not shown to be wrong
    assert claims(answer)["NEVER_TESTED"] == "NOT_PROVABLE"  # nothing is refuted where rules could not be asked
    told = {item["type"]: item["reason"] for item in answer["report"]["rules"]["not_asked"]}
    assert told["LEVEL_RESULT"] == "it is not shown whole"
    assert told["BIZ_DECIDE"].startswith("record 6 (LEVEL_RESULT) before it")
    assert {"code": "SOLD_WITHOUT_WARNING"}.items() <= answer["report"]["missing_findings"][-1].items()


def test_a_score_altered_before_it_was_recorded_is_found_by_re_execution(broker):
    product, client = broker.enrol_product("fund-1"), broker.enrol("one")
    broker.rate(product)
    for type_ in ("ID_VERIFY", "INFO_COLLECT", "DUTY_NOTICE", "Q_SUBMIT"):
        broker.submit(client, type_, PAYLOADS[type_])
    other = broker.enrol("other")
    broker.assess(other)
    with broker.store.read() as connection:
        honest = json.loads(connection.execute(record.select().where(record.c.type == "LEVEL_RESULT")).first().payload)
        answers = connection.execute(
            record.select().where(record.c.type == "Q_SUBMIT", record.c.pid == client.subject)
        ).first()
    broker.submit(
        client, "LEVEL_RESULT", {**honest, "answers_ref": answers.fingerprint.hex(), "total": honest["total"] + 7}
    )
    broker.anchor()
    content = run(broker, client)["report"]
    assert [(item["status"], "total" in item["fields"]) for item in content["re_execution"]] == [("differs", True)]
    assert "LEVEL_DIFFERS" in {item["code"] for item in content["findings"]}


def test_a_finding_that_the_node_forgot_shows(broker):
    client = sold(broker)
    with broker.store.write() as connection:
        connection.execute(finding.delete().where(finding.c.code == "SOLD_WITHOUT_WARNING"))
    found = {item["code"]: item["stored"] for item in run(broker, client)["report"]["findings"]}
    assert found["SOLD_WITHOUT_WARNING"] is False


def test_a_late_anchor_is_a_finding(tmp_path):
    broker = over_headers(tmp_path, promise_seconds=1.0)
    client = broker.enrol("one")
    broker.assess(client)
    broker.clock.sleep(60)
    broker.anchor()
    content = run(broker, client)["report"]
    assert content["conclusion"]["ok"]
    assert {item["code"] for item in content["findings"] if item["rule"] == "evidence"} == {"PROMISE_LATE"}
    assert all(item["anchor"]["late"] for item in content["records"] if item["anchor"])
    broker.store.dispose()


def test_an_owed_promise_holds_up_a_bundle_only_where_its_record_is_anchored(broker):
    client = sold(broker)
    object.__setattr__(broker.node, "sign_of_life", lambda: None)  # no chain process: promises are owed from here
    broker.submit(client, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    content = run(broker, client)["report"]
    assert (content["records"][-1]["anchor_by"], content["records"][-1]["anchor"]) == (None, None)
    broker.anchor()
    with pytest.raises(CouldNotCheck) as caught:
        run(broker, client)
    assert caught.value.code == "promise-owed"
    assert owed_promises.keep(broker.node) >= 1
    answer = run(broker, client)
    report = report_on(broker.node, answer["bundle"])
    assert report.ok, report.checks
    assert "PROMISE_LATE" not in {item["code"] for item in answer["report"]["findings"]}


def test_a_rotated_key_stands_in_the_history_and_old_acts_hold(broker):
    client = sold(broker)
    broker.chain.set_key(client.address, ed25519.public_key(seed("the client's next key")))
    broker.chain.set_key(client.address, client.public, 0)
    broker.submit(client, "DUTY_NOTICE", {"documents": ["rights@1"], "scroll_end": True, "dwell_ms": 1})
    broker.anchor()
    answer = run(broker, client)
    assert answer["report"]["conclusion"]["ok"], answer["report"]["checks"]
    events = [item for item in answer["report"]["keys"] if item["contract"] == "DidRegistry"]
    assert [item["revoked"] for item in events] == [False, False, True]


def test_a_trust_file_says_one_block_and_a_bundle_is_of_one(broker):
    client = sold(broker)
    before = word(broker.node)
    broker.chain.block()
    bundle = run(broker, client)["bundle"].encode()
    broker.chain.block()
    assert report_on(broker.node, bundle).ok  # the member says the block of the bundle afterwards as well
    for other in (before, word(broker.node)):
        report = verify_history(bundle, other.file, trust_keys=[other.key]).report
        assert "trust" in report.failed


def test_a_trust_file_is_of_an_indexed_block_and_signed_by_the_key_in_force(broker):
    old = word(broker.node)
    assert parse_trust(old.file).signer.key.hex() == old.key == broker.keys.signing_public.hex()
    broker.rotate()
    new = word(broker.node, parse_trust(old.file).block.number)
    assert new.key == next_keys(broker.name).signing_public.hex() != old.key
    assert parse_trust(new.file).block == parse_trust(old.file).block
    trusted_blocks([parse_trust(new.file)], [bytes.fromhex(new.key)])
    with pytest.raises(CouldNotCheck, match="block-unknown"):
        trust_file(broker.node, 1000)


def test_what_cannot_be_replayed_is_refused(broker):
    client = broker.enrol("nobody yet")
    with pytest.raises(Refused, match="no-records"):
        run(broker, client)
    broker.submit(client, "DUTY_NOTICE", {"documents": ["rights@1"], "scroll_end": True, "dwell_ms": 1})
    with pytest.raises(CouldNotCheck, match="not-anchored"):
        run(broker, client)
    with pytest.raises(Refused, match="subject-not-found"):
        replay(broker.node, {**REQUEST, "subject": "00" * 32})
    for bad in (
        {},
        {"did": client.did, "subject": client.subject},
        {"did": 1},
        {"did": client.did, "lang": "fr"},
        {"did": client.did, "case": ""},
        {"did": client.did, "more": 1},
        {"did": client.did, "reason": "x" * 301},
    ):
        with pytest.raises(InvalidInput):
            replay(broker.node, {**REQUEST, **bad})


def erase(broker, *types):
    with broker.store.write() as connection:
        connection.execute(update(record).where(record.c.type.in_(types)).values(payload=None, root_salt=None))


@pytest.mark.parametrize(
    "types", [("ID_VERIFY",), ("Q_SUBMIT", "LEVEL_RESULT"), ("PRODUCT_RATE",), ("LEVEL_CONFIRM",)], ids="-".join
)
def test_an_erased_record_is_a_gap_that_has_a_name(broker, types):
    client = sold(broker)
    whole = run(broker, client)["report"]
    erase(broker, *types)
    answer = run(broker, client)
    report = report_on(broker.node, answer["bundle"])
    assert report.ok, report.failed
    gaps = [item for item in report.records if not item.values]
    assert {item.type for item in gaps} == set(types)
    told = " ".join(report.notes)
    for item in gaps:
        assert f"({item.type}) of {item.occurred_at}: content not available" in told or item.type in told
        assert item.fingerprint in told
    own = [item for item in gaps if item.subject == report.subject]
    assert [entry["seq"] for entry in answer["report"]["erased"]] == [item.seq for item in own]
    assert all(entry["fingerprint"] in told for entry in answer["report"]["erased"])
    assert answer["report"]["conclusion"]["ok"]
    shown = [entry for stage in answer["report"]["stages"] for entry in stage["entries"] if entry["type"] in types]
    assert all(entry["erased"] and entry["shown"] == [] for entry in shown)
    assert ("内容不可用" in answer["report_html"]) == bool(shown)
    # what cannot be asked is not judged: no finding appears that the whole history does not give, but for the gap's own
    codes, before = ({item["code"] for item in made["findings"]} for made in (answer["report"], whole))
    assert codes - before <= {"RATING_NOT_SHOWN"}
    assert answer["report"]["rules"]["asked"] < answer["report"]["rules"]["records"]


def test_a_record_of_which_nothing_is_kept_is_refused_by_name(broker):
    client = sold(broker)
    erase(broker, "ID_VERIFY")
    with broker.store.write() as connection:
        connection.execute(update(record).values(envelope_salt=None))
    with pytest.raises(Refused, match="record-erased"):
        run(broker, client)
