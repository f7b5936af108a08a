"""Who may call what: no route without a guard, and no token where another role is needed."""

import json

import pytest
from flask import request

from api.auth import PUBLIC_ROUTES, has_guard
from api.context import current_caller
from api.idempotency import WRITES
from api.resources.openapi import read_description
from node_adapter.store import idempotency, tokens
from node_adapter.workflows.identity import staff_tokens
from tests.world.broker import TOKENS

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def routes(broker):
    return [
        (method, rule)
        for rule in broker.app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) & METHODS)
    ]


def path_of(rule):
    return rule.rule.replace("<", "").replace(">", "")


def test_every_route_outside_the_list_has_a_guard(broker):
    for method, rule in routes(broker):
        blueprint = broker.app.blueprints.get(rule.endpoint.rpartition(".")[0])
        assert has_guard(blueprint) != ((method, rule.rule) in PUBLIC_ROUTES), (method, rule.rule)


def test_the_list_of_public_routes_holds_no_route_that_does_not_exist(broker):
    existing = {(method, rule.rule) for method, rule in routes(broker)}
    assert set(PUBLIC_ROUTES) <= existing


def test_no_guarded_route_answers_without_a_token(broker):
    for method, rule in routes(broker):
        if (method, rule.rule) in PUBLIC_ROUTES:
            continue
        answer = broker.call(method, path_of(rule), {}, role=None)
        problem = answer.get_json()
        signed = rule.rule == "/v1/peer/messages"  # its guard is the message's signature
        assert answer.status_code == (422 if signed else 401), (method, rule.rule, problem)
        assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("role", sorted(TOKENS))
def test_a_token_opens_the_routes_of_its_role_and_no_other(broker, role):
    wrong = set()
    for method, rule in routes(broker):
        if (method, rule.rule) in PUBLIC_ROUTES or rule.rule in ("/v1/peer/messages", "/v1/client/sessions"):
            continue
        if broker.call(method, path_of(rule), {}, role=role).status_code == 403:
            wrong.add(f"{method} {rule.rule}")
    assert "GET /v1/client/receipts" in wrong
    assert ("POST /v1/facts" in wrong) == (role != "broker-system")
    assert ("POST /v1/rulesets" in wrong) == (role != "operator")
    assert ("GET /metrics" in wrong) == (role != "operator")
    assert ("POST /v1/tasks/<task_id>/approvals" in wrong) == (role != "compliance")
    assert ("POST /v1/replay-orders" in wrong) == (role != "regulator")


def test_a_wrong_role_is_told_which_role_is_needed(broker):
    problem = broker.post("/v1/facts", {}, role="operator").get_json()
    assert (problem["code"], problem["status"]) == ("wrong-role", 403)
    assert "broker-system" in problem["detail"]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer unknown", "bearer token of operator"])
def test_anything_but_a_known_bearer_token_is_refused(broker, header):
    answer = broker.http.get("/v1/status", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_an_expired_token_is_refused_with_its_own_code(broker):
    with broker.store.write() as connection:
        tokens.insert_token(connection, "short", "operator", name="Li Wei", expires_at=broker.clock.now + 1)
    assert broker.get("/v1/status", token="short").status_code == 200
    broker.clock.now += 1
    answer = broker.get("/v1/status", token="short")
    assert (answer.status_code, answer.get_json()["code"]) == (401, "token-expired")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_revoked_token_is_refused_at_the_next_request(broker):
    with broker.store.write() as connection:
        row = tokens.insert_token(connection, "taken", "operator", name="Li Wei")
    assert broker.get("/v1/status", token="taken").status_code == 200
    with broker.store.write() as connection:
        staff_tokens.revoke_token(connection, row.id, broker.clock.now)
    answer = broker.get("/v1/status", token="taken")
    assert (answer.status_code, answer.get_json()["code"]) == (401, "token-revoked")


def test_a_view_knows_the_name_of_its_caller(broker):
    with broker.store.write() as connection:
        tokens.insert_token(connection, "of Li Wei", "operator", name="Li Wei")
    with broker.app.test_request_context("/v1/status", headers={"Authorization": "Bearer of Li Wei"}):
        broker.app.preprocess_request()
        assert (current_caller().name, current_caller().role) == ("Li Wei", "operator")


def test_a_token_is_stored_only_as_its_digest(broker):
    data = broker.path.read_bytes() + broker.path.with_name("node.db-wal").read_bytes()
    assert not any(text.encode() in data for text in TOKENS.values())


def test_an_unknown_route_and_a_wrong_method_are_problems(broker):
    for answer, status in ((broker.get("/v1/nothing"), 404), (broker.get("/v1/facts"), 405)):
        assert answer.status_code == status
        assert answer.content_type == "application/problem+json"
        assert answer.get_json()["code"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/facts", {"POST", "OPTIONS"}),
        ("DELETE", "/v1/staff", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("PUT", "/healthz", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(broker, method, path, allowed):
    answer = broker.call(method, path)
    assert (answer.status_code, answer.get_json()["code"]) == (405, "method-not-allowed")
    assert set(answer.allow) == allowed


def test_answers_are_kept_under_a_key_for_writes_alone(broker, monkeypatch):
    """Over the whole route table: a key is taken where the one list says so, and nowhere else."""
    taken = set()

    def reserve(_connection, _row):
        taken.add(current_rule())

    def find(_connection, _rows):  # of a fact: nothing is taken before it is stored
        taken.add(current_rule())
        return ()

    monkeypatch.setattr(idempotency, "reserve", reserve)
    monkeypatch.setattr(idempotency, "find", find)
    posts = [rule for method, rule in routes(broker) if method == "POST"]
    for role in TOKENS:
        for rule in posts:
            broker.call("POST", path_of(rule), {}, role=role, headers={"Idempotency-Key": f"{role} {rule}"[:3]})
    assert taken == WRITES - {"/v1/peer/messages"}  # which only a member's signature opens
    fresh = {rule.rule for rule in posts} - WRITES
    assert fresh == {
        "/v1/acts/drafts",
        "/v1/client/sessions",
        "/v1/convictions",
        "/v1/client/sessions/challenge",
        "/v1/credentials/verify",
        "/v1/erasures/draft",
        "/v1/exports",
        "/v1/gates",
        "/v1/promises",
        "/v1/replay-orders/<order_id>/answer",  # the first one counts
        "/v1/promises/check",
        "/v1/proofs/verify",
        "/v1/receipts",
        "/v1/replays/access",
        "/v1/witness/add-checkpoint",
    }, "a new POST route: does it write, or must its answer be fresh?"


def current_rule():
    return request.url_rule.rule


def test_the_description_names_the_key_where_it_is_honoured():
    paths = json.loads(read_description())["paths"]
    key = {"$ref": "#/components/parameters/IdempotencyKey"}
    named = {path for path, item in paths.items() if key in item.get("post", {}).get("parameters", [])}
    assert {path.replace("{", "<").replace("}", ">") for path in named} == WRITES
