"""Messages between members, replay orders, rule sets, status: what staff and other members do."""

import pytest

from api.app import create_app
from node_adapter.node import Node
from node_adapter.peers.messages import sign_message
from node_adapter.workflows.operation.readiness import readiness
from node_adapter.workflows.replay.orders import KIND
from primitives.errors import Refused
from primitives.timestamp import format_time
from suitability.ruleset import packaged_rulesets
from tests.world.broker import Broker
from tests.world.clock import START

BROKER_URL = "http://127.0.0.1:8080"


@pytest.fixture
def regulator(tmp_path, chain, broker):
    """A regulator's node whose messages go straight into the broker's application."""
    regulator = Broker(
        tmp_path / "regulator", chain, "regulator", "regulator", broker.clock, {broker.keys.address: BROKER_URL}
    )

    def send(url, message):
        assert url == BROKER_URL
        answer = broker.http.post("/v1/peer/messages", json=message)
        if answer.status_code >= 400:
            raise Refused("peer-refused", str(answer.get_json()["code"]))
        return answer.get_json()

    fields = {name: getattr(regulator.node, name) for name in Node.__dataclass_fields__}
    regulator.node = Node(**{**fields, "send": send})
    regulator.http = create_app(regulator.node).test_client()
    yield regulator
    regulator.store.dispose()


def order(regulator, broker, client, case="CASE-1"):
    body = {"broker": broker.keys.address, "did": client.did, "case": case}
    return regulator.post("/v1/replay-orders", body, role="regulator")


def test_an_order_reaches_compliance_at_the_broker(regulator, broker, client):
    given = order(regulator, broker, client)
    assert given.status_code == 201
    (shown,) = broker.get("/v1/replay-orders", role="compliance").get_json()["orders"]
    assert (shown["case"], shown["did"], shown["regulator"]) == ("CASE-1", client.did, regulator.keys.address)
    assert shown["answered_at"] is None
    order(regulator, broker, client)
    assert len(broker.get("/v1/replay-orders", role="compliance").get_json()["orders"]) == 1
    assert len(regulator.get("/v1/replay-orders", role="regulator").get_json()["orders"]) == 1


def test_an_order_about_a_stranger_is_refused_and_not_kept(regulator, broker, client):
    client.did = "did:ethr:0x7a69:0x" + "11" * 20
    assert order(regulator, broker, client).get_json()["code"] == "peer-refused"
    assert regulator.get("/v1/replay-orders", role="regulator").get_json()["orders"] == []


def body_of(client):
    return {"id": "1", "did": client.did, "case": "C", "ordered_at": format_time(START)}


def message(regulator, broker, client, **changes):
    return {**sign_message(regulator.node, broker.keys.address, KIND, body_of(client)), **changes}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body": {"case": "another"}}, "signature"),
        ({"kind": "another"}, "signature"),
        ({"nonce": "00" * 16}, "signature"),
        ({"sender": "0x" + "11" * 20}, "member-unknown"),
        ({"receiver": "0x" + "11" * 20}, "peer-receiver"),
        ({"sent_at": START - 200_000}, "peer-not-fresh"),
        ({"sent_at": START + 200_000}, "peer-not-fresh"),
        ({"format": "bonafides.peer/2"}, "invalid-input"),
        ({"signature": "AA"}, "invalid-input"),
        ({"more": 1}, "invalid-input"),
    ],
)
def test_a_changed_message_is_refused(regulator, broker, client, changes, code):
    answer = broker.http.post("/v1/peer/messages", json=message(regulator, broker, client, **changes))
    assert answer.get_json()["code"] == code


def test_a_message_is_taken_once(regulator, broker, client):
    sent = message(regulator, broker, client)
    assert broker.http.post("/v1/peer/messages", json=sent).status_code == 200
    assert broker.http.post("/v1/peer/messages", json=sent).get_json()["code"] == "peer-replayed"


def test_a_suspended_member_is_not_heard(regulator, broker, client, chain):
    chain.suspend("regulator")
    answer = broker.http.post("/v1/peer/messages", json=message(regulator, broker, client))
    assert (answer.status_code, answer.get_json()["code"]) == (403, "member-suspended")


def test_only_a_regulator_orders(broker, client, chain, tmp_path):
    south = Broker(tmp_path / "south", chain, "south", clock=broker.clock)
    answer = broker.http.post("/v1/peer/messages", json=message(south, broker, client))
    assert (answer.status_code, answer.get_json()["code"]) == (403, "peer-role")
    unknown = sign_message(south.node, broker.keys.address, "gossip", {})
    assert broker.http.post("/v1/peer/messages", json=unknown).get_json()["field"] == "kind"
    south.store.dispose()


def test_a_rule_set_takes_effect_at_its_time_and_never_before(broker, client):
    later = format_time(broker.clock.now + 60_000)
    answer = broker.post("/v1/rulesets", {"packaged": "sac-bands@2", "effective_from": later}, role="operator")
    assert answer.status_code == 201
    label = answer.get_json()["label"]
    gate = {"subject": client.subject, "act": "ID_VERIFY"}
    assert broker.post("/v1/gates", gate).get_json()["ruleset"] == packaged_rulesets()["sac-bands@1"].label
    broker.clock.now += 60_000
    assert broker.post("/v1/gates", gate).get_json()["ruleset"] == label
    before = format_time(broker.clock.now - 1).replace("+", "%2B")
    assert broker.get("/v1/rulesets").get_json()["in_force"] == label
    assert broker.get(f"/v1/rulesets?at={before}").get_json()["in_force"] != label
    assert [entry["id"] for entry in broker.get("/v1/rulesets").get_json()["rulesets"]] == ["sac-bands"] * 2


@pytest.mark.parametrize(
    ("request_body", "code", "field"),
    [
        ({"packaged": "sac-bands@2"}, "invalid-input", "effective_from"),
        ({"packaged": "sac-bands@1"}, "ruleset-exists", None),
        ({"packaged": "none"}, "invalid-input", "packaged"),
        ({}, "invalid-input", "document"),
        ({"document": {}, "packaged": "sac-bands@2"}, "invalid-input", "document"),
        ({"document": {"format": "x"}}, "invalid-input", "document.id"),
        ({"colour": 1}, "invalid-input", "colour"),
    ],
)
def test_a_rule_set_that_cannot_be_installed(broker, request_body, code, field):
    problem = broker.post("/v1/rulesets", request_body, role="operator").get_json()
    assert (problem["code"], problem.get("field")) == (code, field)
    assert len(broker.get("/v1/rulesets").get_json()["rulesets"]) == 1


def test_without_a_rule_set_no_fact_is_taken(tmp_path, chain):
    bare = Broker(tmp_path / "bare", chain)
    product = bare.post("/v1/subjects", {"client_ref": "p"}).get_json()["subject"]
    fact = bare.fact(product, "DUTY_NOTICE", {"documents": ["a@1"], "scroll_end": True, "dwell_ms": 1})
    answer = bare.post("/v1/facts", fact)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "no-ruleset")
    bare.store.dispose()


def test_status_and_metrics_tell_the_same(broker, client):
    fact = broker.fact(client.subject, "DUTY_NOTICE", {"documents": ["a@1"], "scroll_end": True, "dwell_ms": 1})
    broker.post("/v1/facts", fact)
    status = broker.get("/v1/status", role="operator").get_json()
    assert (status["log"]["size"], status["log"]["anchored"], status["member"]["state"]) == (2, 0, "ok")
    assert status["chain"]["indexed"]["number"] == broker.chain.height
    text = broker.get("/metrics", role="operator").text
    assert "bonafides_records_total 2.0" in text
    assert f"bonafides_indexed_block {float(broker.chain.height)}" in text


def test_readiness_follows_the_node(broker, chain):
    assert broker.http.get("/healthz").get_json() == {"status": "ok"}
    ready = broker.http.get("/readyz")
    assert (ready.status_code, set(ready.get_json()["checks"].values())) == (200, {"ok"})
    chain.suspend("north")
    assert broker.http.get("/readyz").status_code == 200  # asked again within a second: the answer of a moment ago
    checks = readiness(broker.node)
    assert checks["member"] == "member-suspended"
