"""A second domain on a broker's node: gates, drafts, facts, replay, report and verifier, beside the first one.

No line of the product names it.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from api.app import create_app
from bonafides.verify import Occasion
from domain.domains import Domains
from node_adapter.store import subjects, tokens
from node_adapter.views import Views
from node_adapter.workflows.intake.act_drafts import draft_acts
from node_adapter.workflows.intake.fold import states_of
from node_adapter.workflows.intake.gates import ask_gates
from node_adapter.workflows.intake.rulesets import install_ruleset, list_rulesets
from node_adapter.workflows.intake.submitting import submit_facts
from primitives.errors import BonafidesError, CouldNotCheck
from primitives.timestamp import format_time
from replay.report import report_content
from replay.report_material import material_of
from replay.report_page import render_report
from scripts.vectors.synthetic_chain import seeded
from suitability.domain import SUITABILITY
from tests.world.clock import START
from tests.world.headers import over_headers
from tests.world.lost_property import FORMAT, LOST_PROPERTY
from tests.world.payloads import PAYLOADS
from tests.world.replays import replay, verified

DOMAINS = Domains(SUITABILITY, LOST_PROPERTY)
DAY = 86_400_000
RULES = {
    "format": FORMAT,
    "id": "desk",
    "version": "1",
    "demo": True,
    "effective_from": format_time(START + DAY),
    "keep_ms": 1000 * DAY,
}
ITEM = {"item": "umbrella-7"}


@pytest.fixture
def broker(tmp_path):
    broker = over_headers(tmp_path, domains=DOMAINS)
    install_ruleset(broker.node, {"document": RULES})
    yield broker
    broker.store.dispose()


def gate(broker, client, act, details=ITEM):
    [answer] = ask_gates(broker.node, [{"subject": client.subject, "act": act, "details": details}])
    return answer


def codes(outcome):
    return [finding["code"] for finding in outcome.findings]


def desk(broker, client, *, claimed):
    broker.submit(client, "ITEM_FOUND", {**ITEM, "where": "counter 3"})
    if claimed:
        broker.act(client, "ITEM_CLAIM", ITEM, "item-claim@1")
    return broker.submit(client, "ITEM_RETURN", ITEM)


def test_its_gates_and_facts_are_answered_by_its_rules(broker):
    client = broker.enrol("one")
    assert gate(broker, client, "ITEM_RETURN")["code"] == "NOT_CLAIMED"
    assert gate(broker, client, "Q_SUBMIT", {})["code"] == "NOT_IDENTIFIED"
    assert codes(desk(broker, client, claimed=False)) == ["NOT_CLAIMED"]
    other = broker.enrol("two")
    assert codes(desk(broker, other, claimed=True)) == []
    assert gate(broker, other, "ITEM_RETURN")["allowed"]


def test_what_each_domain_knows_is_kept_apart_and_with_the_subject(broker):
    client = broker.enrol("one")
    broker.assess(client)
    desk(broker, client, claimed=True)
    with broker.store.read() as connection:
        row = subjects.find_by_pid(connection, client.subject)
    kept = json.loads(row.state)
    assert kept.keys() == {"suitability", "lost-property"}
    assert DOMAINS.states_from_json(kept)["lost-property"]["umbrella-7"].returned is not None
    assert Domains(SUITABILITY).states_from_json({"suitability": kept["suitability"]})["suitability"].levels


def test_its_client_signs_a_text_of_its_own(broker):
    client = broker.enrol("one")
    [draft] = draft_acts(broker.node, [{"subject": client.subject, "type": "ITEM_CLAIM", "lang": "en", "fields": ITEM}])
    assert draft["document"] == "item-claim@1"
    assert draft["text"]["body"] == "Broker North <b>&: umbrella-7 is mine.\n"
    assert draft["ruleset"].startswith("desk@1:")


def test_its_malformed_payloads_and_unsigned_acts_are_refused(broker):
    client = broker.enrol("one")
    fact = {
        "source_ref": "x", "subject": client.subject, "type": "ITEM_FOUND", "occurred_at": format_time(START),
        "channel": "app", "actor": {"did": broker.node.did, "role": "staff"}, "payload": {"item": "UMBRELLA"},
    }  # fmt: skip
    unsigned = {**fact, "type": "ITEM_CLAIM", "payload": ITEM}
    malformed, owed = submit_facts(broker.node, [fact, unsigned])
    assert (malformed.field, malformed.rule) == ("payload.where", "required")
    assert owed.code == "act-unsigned"


def test_a_replay_shows_both_domains_and_a_stranger_finds_the_same(broker):
    client = broker.enrol("one")
    broker.assess(client)
    desk(broker, client, claimed=False)
    broker.anchor()
    answer = replay(broker.node, {"case": "7", "reason": "an umbrella", "did": client.did, "lang": "en"})
    content = answer["report"]
    assert [stage["stage"] for stage in content["stages"]] == ["assessment", "risk", "handling", "signing", "desk"]
    assert [entry["type"] for entry in content["stages"][-1]["entries"]] == ["ITEM_FOUND", "ITEM_RETURN"]
    assert [(finding["code"], finding["stored"]) for finding in content["findings"]] == [("NOT_CLAIMED", True)]
    claims = {claim["claim"]: claim["result"] for claim in content["conclusion"]["claims"]}
    assert (claims["GIVEN_AWAY"], claims["NEVER_TESTED"]) == ("PROVEN", "REFUTED")
    assert content["rules"]["not_asked"] == []
    for words in ("Thing handed back", "not claimed", "It was given to somebody else", "Lost property"):
        assert words in answer["report_html"]
    found = verified(broker.node, answer["bundle"], domains=DOMAINS)
    assert found.ok
    assert [finding.code for finding in found.rerun.findings] == ["NOT_CLAIMED"]
    shown = report_content(material_of(found, Occasion(case="7", lang="zh", made_at="x"), DOMAINS))
    assert "无人认领" in render_report(shown, "zh", DOMAINS)


def test_who_does_not_know_the_domain_names_its_records_and_judges_the_rest(broker):
    client = broker.enrol("one")
    broker.assess(client)
    desk(broker, client, claimed=False)
    broker.anchor()
    answer = replay(broker.node, {"case": "7", "reason": "an umbrella", "did": client.did})
    found = verified(broker.node, answer["bundle"])
    assert found.ok
    unasked = {entry.type: entry.reason for entry in found.rerun.not_asked}
    reason = "its type is not known to this version"
    assert (unasked["ITEM_FOUND"], unasked["ITEM_RETURN"]) == (reason, reason)
    assert "which may have been in force" in unasked["LEVEL_CONFIRM"]  # the desk's rules may be anybody's
    assert unasked.keys() == {"ITEM_FOUND", "ITEM_RETURN", "LEVEL_CONFIRM", "OPENING"}
    assert found.rerun.findings == ()
    assert any("of the bundle cannot be read" in note for note in found.report.notes)


def test_the_http_interface_takes_its_gates_and_shows_its_rules(broker):
    token = seeded("token").hex()
    with broker.store.write() as connection:
        tokens.insert_token(connection, token, "broker-system", name="core", created_at=START, expires_at=START + DAY)
    application = create_app(broker.node).test_client()
    client = broker.enrol("one")
    asked = {"subject": client.subject, "act": "ITEM_RETURN", "details": ITEM}
    answer = application.post("/v1/gates", json=asked, headers={"Authorization": f"Bearer {token}"})
    assert answer.get_json()["code"] == "NOT_CLAIMED"
    found = list_rulesets(broker.node)
    assert [entry["id"] for entry in found["rulesets"]] == ["sac-bands", "desk"]
    assert found["in_force"].startswith("sac-bands@1:")


def test_a_node_whose_domain_is_gone_says_so_and_blames_no_request(broker):
    client = broker.enrol("one")
    fact = {
        "source_ref": "x", "subject": client.subject, "type": "DUTY_NOTICE", "occurred_at": format_time(START),
        "channel": "app", "actor": {"did": broker.node.did, "role": "staff"}, "payload": PAYLOADS["DUTY_NOTICE"],
    }  # fmt: skip
    desk(broker, client, claimed=False)
    bare = replace(broker.node, domains=Domains(SUITABILITY), views=Views())
    for asked in (
        lambda: submit_facts(bare, [fact]),
        lambda: ask_gates(bare, [{"subject": client.subject, "act": "DUTY_NOTICE"}]),
        lambda: list_rulesets(bare),
    ):
        with pytest.raises(CouldNotCheck, match="domain-not-installed"):
            raise_refusal(asked())
    with broker.store.read() as connection:
        row = subjects.find_by_pid(connection, client.subject)
        with pytest.raises(CouldNotCheck, match="by the domain lost-property"):
            states_of(bare, connection, row)
    assert not isinstance(submit_facts(broker.node, [fact])[0], BonafidesError)  # nothing of it was lost


def raise_refusal(outcomes):
    for outcome in outcomes:
        if isinstance(outcome, BonafidesError):
            raise outcome


def test_two_domains_share_no_name():
    with pytest.raises(ValueError, match="offered twice"):
        Domains(SUITABILITY, SUITABILITY)
    with pytest.raises(ValueError, match="no domain"):
        Domains()
