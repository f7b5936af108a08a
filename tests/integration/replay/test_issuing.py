"""Report and bundle are recorded before they are given out, in a history of the house; the next replay shows it."""

import hashlib
import json

import pytest

from evidence.version2.documents.bundle import parse_bundle
from node_adapter.store import records, subjects, tokens
from node_adapter.workflows.intake.submitting import submit_facts
from primitives.errors import InvalidInput
from primitives.timestamp import format_time
from replay.report_client import client_form
from replay.report_page import render_report
from replay.reports import reports_subject
from tests.integration.replay.test_access import ordered
from tests.world.headers import MEMBER, over_headers
from tests.world.replays import replay, report_on

CASE = "case 7"
HOLDER = f"compliance of {MEMBER}"
REQUEST = {"case": CASE, "reason": "the client disputes the level", "lang": "en"}


@pytest.fixture
def broker(tmp_path):
    broker = over_headers(tmp_path, packaged="sac-bands@3")
    yield broker
    broker.store.dispose()


@pytest.fixture
def client(broker):
    client = broker.enrol("client")
    broker.assess(client)
    broker.anchor()
    return client


def made(broker, client):
    return replay(broker.node, {**REQUEST, "did": client.did})


def fetch(broker, replayed, name):
    answer = broker.get(f"/v1/replays/{replayed['id']}/{name}", role="compliance")
    assert answer.status_code == 200, answer.get_json()
    return answer.data


def issues(broker, client):
    """What is recorded of documents that were given out, and of whom the history says that it is."""
    with broker.store.read() as connection:
        rows = records.of_subject(connection, reports_subject(broker.did, client.subject))
    return [(row.type, json.loads(row.payload)) for row in rows]


def count(broker, client):
    with broker.store.read() as connection:
        return subjects.find_by_pid(connection, client.subject).count


def test_each_document_is_recorded_with_its_digest_before_it_is_given_out(broker, client):
    replayed, before = made(broker, client), count(broker, client)
    assert issues(broker, client) == []
    given = {
        ("bundle", "full", None): fetch(broker, replayed, "bundle"),
        ("content", "full", None): fetch(broker, replayed, "replay.json"),
        ("page", "full", "en"): fetch(broker, replayed, "report"),
        ("page", "client", "zh"): fetch(broker, replayed, "report?form=client&language=zh"),
        ("pdf", "full", "en"): fetch(broker, replayed, "report.pdf"),
    }
    (first, opening), *found = issues(broker, client)
    assert (first, opening["kind"], opening["opens"]) == ("OPENING", "house", f"reports:{client.subject}")
    assert {type_ for type_, _ in found} == {"REPORT_ISSUE"}
    told = {(one["document"], one["report_form"], one["language"]): one for _, one in found}
    assert {key: (one["sha256"], one["bytes"]) for key, one in told.items()} == {
        key: (hashlib.sha256(data).hexdigest(), len(data)) for key, data in given.items()
    }
    concluded = replayed["report"]["conclusion"]
    for one in told.values():
        assert (one["subject"], one["replay"], one["identity"]) == (client.subject, replayed["id"], 0)
        assert (one["case"], one["order_id"], one["holds"]) == (CASE, None, True)
        assert (one["block"], one["issued_to"]) == (replayed["as_of"]["block"], HOLDER)
        claims = {item["claim"]: item["result"] for item in concluded["claims"]}
        stated = {name: result for result in ("PROVEN", "REFUTED", "NOT_PROVABLE") for name in one[result.lower()]}
        assert stated == claims
    assert count(broker, client) == before  # the history that it shows is the one that it was


def test_the_same_document_is_recorded_once_for_each_who_gets_it(broker, client):
    replayed = made(broker, client)
    for _ in range(2):
        fetch(broker, replayed, "report")
        fetch(broker, replayed, "report?language=en")  # the same bytes
    assert len(issues(broker, client)) == 2
    with broker.store.write() as connection:
        tokens.insert_token(connection, "of Sun Yu", "compliance", name="Sun Yu")
    assert broker.get(f"/v1/replays/{replayed['id']}/report", token="of Sun Yu").status_code == 200
    assert [one["issued_to"] for _, one in issues(broker, client)[1:]] == [HOLDER, "Sun Yu"]


def test_what_cannot_be_recorded_is_not_given_out(broker, client):
    replayed = made(broker, client)
    broker.chain.suspend(MEMBER)
    refused = broker.get(f"/v1/replays/{replayed['id']}/bundle", role="compliance")
    assert (refused.status_code, refused.get_json()["code"]) == (403, "member-suspended")
    assert issues(broker, client) == []


def test_the_issue_under_an_order_names_it(broker, client):
    ordered(broker, client, CASE)
    fetch(broker, made(broker, client), "bundle")
    assert issues(broker, client)[-1][1]["order_id"] == "o-1"


def test_a_replay_tells_what_was_given_out_and_the_receipt_proves_it(broker, client):
    replayed = made(broker, client)
    data = fetch(broker, replayed, "report.pdf")

    def told():
        return broker.get(f"/v1/replays/{replayed['id']}", role="compliance").get_json()["issued"]

    [one] = told()
    assert (one["document"], one["sha256"], one["anchored"]) == ("pdf", hashlib.sha256(data).hexdigest(), False)
    broker.anchor()
    [one] = told()
    assert one["anchored"]
    receipt = broker.post("/v1/receipts", {"record_id": one["record_id"]}).get_json()
    assert receipt["record"]["fields"]["sha256"]["value"] == one["sha256"]


def test_the_next_replay_lists_it_beside_the_looks_and_every_verifier_proves_it_complete(broker, client):
    first = made(broker, client)
    fetch(broker, first, "bundle")
    fetch(broker, first, "report")
    broker.anchor()
    second = made(broker, client)
    place = reports_subject(broker.did, client.subject)
    report = report_on(broker.node, second["bundle"])
    assert report.ok, report.verdict
    assert [one.subject.hex() for one in parse_bundle(second["bundle"].encode()).references] == [place]
    listed = [one for one in second["report"]["access_log"] if one["reference"] == place]
    assert [dict(one["shown"])["document"] for one in listed] == ["bundle", "page"]
    assert {one["anchored"] for one in listed} == {True}
    assert [one["type"] for one in second["report"]["access_log"] if one["reference"] is None] == ["ACCESS_LOG"] * 2
    for lang, heading in (("en", "Reports and bundles given out"), ("zh", "已交付的报告与证据包")):
        page = render_report(second["report"], lang, broker.node.domains)
        assert heading in page
        assert hashlib.sha256(first["bundle"].encode()).hexdigest() in page
        assert place in page
        assert "compliance of Broker" in page
    given = render_report(client_form(second["report"], broker.node.domains), "en", broker.node.domains)
    assert "Reports and bundles given out" in given
    assert "compliance of Broker" not in given  # who of the staff got it


def test_each_record_is_listed_with_the_root_of_its_batch_and_the_length_of_its_path(broker, client):
    replayed = made(broker, client)
    shown = report_on(broker.node, replayed["bundle"])
    own = {one.seq: one for one in shown.records if one.subject == client.subject}
    anchored = [one for one in replayed["report"]["records"] if one["anchor"] is not None]
    assert len(anchored) > 3
    for one in anchored:  # the node's rows say what the bundle alone proves
        root, hashes = own[one["seq"]].batch_root, own[one["seq"]].path_hashes
        assert (one["anchor"]["batch_root"], one["anchor"]["path_hashes"]) == (root, hashes)
    page = render_report(replayed["report"], "en", broker.node.domains)
    assert anchored[0]["anchor"]["batch_root"] in page
    assert f"path {anchored[0]['anchor']['path_hashes']}" in page


def test_a_bundle_that_leaves_an_issue_out_of_that_history_fails(broker, client):
    fetch(broker, made(broker, client), "bundle")
    broker.anchor()
    bundle = json.loads(made(broker, client)["bundle"])
    [reports] = bundle["references"]
    assert len(reports["records"]) == 2
    del reports["records"][-1]
    assert not report_on(broker.node, json.dumps(bundle)).ok


def test_nobody_but_the_node_states_that_a_report_was_given_out(broker, client):
    fetch(broker, made(broker, client), "bundle")
    payload = issues(broker, client)[-1][1]
    stated = {
        "source_ref": "x",
        "subject": client.subject,
        "type": "REPORT_ISSUE",
        "occurred_at": format_time(broker.clock.now),
        "channel": "api",
        "actor": {"did": broker.node.did, "role": "compliance"},
        "payload": payload,
    }
    [outcome] = submit_facts(broker.node, [stated])
    assert isinstance(outcome, InvalidInput)
    assert outcome.rule == "node-record"
    notice = {"documents": ["a@1"], "scroll_end": True, "dwell_ms": 1}
    [outcome] = submit_facts(
        broker.node, [{**stated, "type": "DUTY_NOTICE", "payload": notice, "source_ref": "report-issue:r:0"}]
    )
    assert outcome.rule == "node-reference"
