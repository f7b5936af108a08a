"""A replay says for which block it speaks, and finds a consent that ended on the chain alone, as the gate does."""

import json

import pytest

from bonafides.cli.main import main
from node_adapter.workflows.intake.gates import ask_gates
from primitives.timestamp import format_time
from replay.reasons import in_chinese
from tests.world.headers import over_headers
from tests.world.replays import replay, trust_words

CONSENT = "c0" * 32
DAY_MS = 86_400_000


@pytest.fixture
def broker(tmp_path):
    made = over_headers(tmp_path)
    yield made
    made.store.dispose()


@pytest.fixture
def client(broker):
    """A client whose consent is recorded; the chain alone will know of its end."""
    client = broker.enrol("one")
    broker.assess(client)
    given = {
        "consent_id": CONSENT,
        "purpose": "MARKET_RISK",
        "receivers": [broker.node.did],
        "contact": "x",
        "method": "masked-sum",
        "data_kinds": ["holdings"],
        "expires_at": format_time(broker.clock.now_ms() + 30 * DAY_MS),
        "separate": True,
    }
    broker.act(client, "CONSENT_GIVE", given, "consent-give@1")
    return client


def withdraw_on_chain(broker):
    broker.clock.sleep(60)
    broker.chain.consent("ConsentWithdrawn", CONSENT)
    broker.clock.sleep(60)


def use(broker, client, started_ms=None):
    started = format_time(broker.clock.now_ms() if started_ms is None else started_ms)
    used = {"task_id": "ab" * 32, "purpose": "MARKET_RISK", "consent_id": CONSENT, "parties": [broker.node.did]}
    result = {"input_commitment": "ab" * 48, "output_kind": "sums", "result_hash": "cd" * 32, "started_at": started}
    return broker.submit(client, "DATA_USE", used | result)


def codes(made):
    return [(finding["code"], finding["rule"]) for finding in made.findings]


def test_gate_intake_and_replay_agree_on_a_consent_that_was_withdrawn_on_the_chain_alone(broker, client):
    assert codes(use(broker, client)) == []
    before = broker.clock.now_ms()
    withdraw_on_chain(broker)
    gate = {"subject": client.subject, "act": "DATA_USE", "details": {"consent_id": CONSENT}}
    [asked] = ask_gates(broker.node, [gate])
    assert (asked["allowed"], asked["code"]) == (False, "CONSENT_WITHDRAWN")
    assert codes(use(broker, client)) == [("CONSENT_WITHDRAWN", "consent.standing")]
    assert codes(use(broker, client, before)) == []  # the use came first
    broker.anchor()
    shown = replay(broker.node, {"did": client.did, "case": "1", "reason": "r"})
    [found] = shown["report"]["findings"]
    assert (found["code"], found["rule"], found["stored"]) == ("CONSENT_WITHDRAWN", "consent.standing", True)
    assert shown["report"]["missing_findings"] == []
    [claim] = [one for one in shown["report"]["conclusion"]["claims"] if one["claim"] == "NO_CONSENT"]
    assert (claim["result"], claim["records"]) == ("PROVEN", [found["seq"]])
    assert "consent-ends" in shown["checked"]


def test_a_withdrawal_that_reached_the_index_later_is_found_by_the_replay_all_the_same(broker, client):
    started = broker.clock.now_ms() + 90_000
    made = use(broker, client, started)
    assert "CONSENT_WITHDRAWN" not in dict(codes(made))
    withdraw_on_chain(broker)
    broker.anchor()
    shown = replay(broker.node, {"did": client.did, "case": "1", "reason": "r"})
    found = {item["code"]: item["stored"] for item in shown["report"]["findings"]}
    assert found["CONSENT_WITHDRAWN"] is False


def test_a_replay_names_the_block_it_speaks_of_and_what_it_did_not_check(broker, client):
    broker.anchor()
    first = replay(broker.node, {"did": client.did, "case": "1", "reason": "r"})
    place = first["report"]["completeness"]
    assert first["as_of"] == {"block": place["block"], "time": place["time"]}
    assert {"inclusion", "subject-completeness", "rules", "re-execution"} <= set(first["checked"])
    growth, later = first["not_checked"]  # the look itself is recorded, and not anchored yet
    assert (growth["check"], growth["reason"][:4]) == ("growth-between-anchors", "0 of")
    assert (later["check"], later["reason"][:9]) == ("later-records", "1 records")
    for name in ("as_of", "checked", "not_checked"):
        assert first["report"][name] == first[name]
    assert in_chinese(later["reason"]) in first["report_html"]
    assert "另有 1 条记录" in in_chinese(later["reason"])
    broker.chain.block()
    broker.anchor()
    second = replay(broker.node, {"did": client.did, "case": "1", "reason": "r"})
    assert second["as_of"]["block"] > first["as_of"]["block"]


def test_whoever_has_the_bundle_alone_is_told_that_the_chain_was_not_asked(broker, client, tmp_path, capsys):
    use(broker, client)
    broker.anchor()
    shown = replay(broker.node, {"did": client.did, "case": "1", "reason": "r"})
    (tmp_path / "bundle").write_text(shown["bundle"], "utf-8")
    trust = trust_words(broker.node, tmp_path, shown["bundle"])
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tmp_path / "bundle"), *trust, "--json", "--require-rules"])
    assert ended.value.code == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert any("(DATA_USE): not asked whether the consent was withdrawn on the chain" in note for note in notes)
