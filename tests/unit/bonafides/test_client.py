import json
from datetime import UTC, date, datetime
from decimal import Decimal

import httpx
import pytest

from bonafides.client import Client, error_of_problem, fact_of_act, route
from bonafides.client import transport as module
from primitives.errors import CouldNotCheck, InvalidInput, Refused, VerificationFailed


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(module.time, "sleep", lambda _seconds: None)


class Server:
    """Answers with what it was given, in turn; the last answer again and again."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def client_of(*answers):
    server = Server(*answers)
    return Client("http://node", "token", transport=httpx.MockTransport(server)), server


def problem(status, code, kind, **more):
    """A problem in another language: what it is, its type alone tells."""
    type_ = f"urn:bonafides:problem:{kind}"
    body = {"type": type_, "title": "标题", "status": status, "detail": "why", "code": code, **more}
    return httpx.Response(status, json=body, headers={"Content-Type": "application/problem+json"})


OK = httpx.Response(200, json={"answer": 1})
BUSY = problem(503, "store-busy", "unknown:store")


@pytest.mark.parametrize(
    ("response", "kind", "code"),
    [
        (
            problem(422, "invalid-input", "invalid-input", field="a.b", rule="type"),
            InvalidInput,
            "invalid-input",
        ),
        (problem(403, "wrong-role", "refused:x"), Refused, "wrong-role"),
        (problem(422, "signature", "failed:x"), VerificationFailed, "signature"),
        (problem(507, "store-full", "unknown:store"), CouldNotCheck, "store-full"),
        (problem(404, "not-found", "http:not-found"), Refused, "not-found"),
        (httpx.Response(500, text="<html>"), CouldNotCheck, "node-answer"),
        (
            httpx.Response(500, text="{", headers={"Content-Type": "application/problem+json"}),
            CouldNotCheck,
            "node-answer",
        ),
    ],
)
def test_problems_are_typed_errors(response, kind, code):
    client, _ = client_of(response)
    with pytest.raises(kind) as caught:
        client.post("/x", {})
    assert caught.value.code == code


def test_field_and_rule_survive():
    error = error_of_problem({"status": 422, "field": "a.b", "rule": "type", "detail": "a.b: must be text"})
    assert (error.field, error.rule, error.detail) == ("a.b", "type", "must be text")


def test_reading_is_repeated_and_writing_is_not():
    client, server = client_of(BUSY, httpx.ConnectError("no"), OK)
    assert client.get("/x", a=1, b=None) == {"answer": 1}
    assert len(server.requests) == 3
    assert server.requests[0].url.query == b"a=1"
    client, server = client_of(BUSY, OK)
    with pytest.raises(CouldNotCheck):
        client.post("/x", {})
    assert len(server.requests) == 1
    client, server = client_of(BUSY, OK)
    assert client.post("/x", {}, idempotency_key="k") == {"answer": 1}
    assert [request.headers["Idempotency-Key"] for request in server.requests] == ["k", "k"]


def test_a_refusal_is_never_repeated():
    client, server = client_of(problem(409, "duplicate", "refused:x"), OK)
    with pytest.raises(Refused):
        client.get("/x")
    assert len(server.requests) == 1


def test_a_node_that_stays_away_could_not_be_checked():
    client, server = client_of(httpx.ConnectError("refused"))
    with pytest.raises(CouldNotCheck) as caught:
        client.get("/x")
    assert caught.value.code == "node-unreachable"
    assert len(server.requests) == 4


def echo(request):
    rows = [json.loads(line) for line in request.content.splitlines()]
    return httpx.Response(200, content=b"".join(json.dumps({"n": row["n"]}).encode() + b"\n" for row in rows))


def test_lines_are_sent_in_batches_and_answered_in_order(monkeypatch):
    monkeypatch.setattr(module, "BULK_LINES", 3)
    client, server = client_of(echo)
    answers = list(client.post_lines("/x", ({"n": number} for number in range(7))))
    assert [answer["n"] for answer in answers] == list(range(7))
    assert len(server.requests) == 3
    assert server.requests[0].headers["Content-Type"] == "application/x-ndjson"
    assert list(client.post_lines("/x", [])) == []


@pytest.mark.parametrize("content", [b"", b'{"n":1}\n{"n":2}\n', b"[]\n", b"{\n"])
def test_an_answer_that_is_not_one_line_a_row_could_not_be_checked(content):
    client, _ = client_of(httpx.Response(200, content=content))
    with pytest.raises(CouldNotCheck):
        list(client.post_lines("/x", [{"n": 1}]))


def test_answers_that_are_no_json_could_not_be_checked():
    client, _ = client_of(httpx.Response(200, content=b"<html>"))
    with pytest.raises(CouldNotCheck):
        client.get("/x")
    client, _ = client_of(httpx.Response(204))
    assert client.get("/x") is None
    client, _ = client_of(httpx.Response(200, content=b"bytes"))
    assert client.get_bytes("/x") == b"bytes"


def test_the_token_is_sent_and_never_shown():
    client, server = client_of(OK)
    with client:
        client.get("/x")
    assert server.requests[0].headers["Authorization"] == "Bearer token"
    assert "token" not in repr(client)
    for url in ("http://", "node:8080", "ftp://node", ""):
        with pytest.raises(InvalidInput):
            Client(url, "token")


def test_a_signed_act_becomes_a_fact():
    signed = {
        "draft": {"subject": "5a", "type": "LEVEL_CONFIRM", "fields": {"level": "C3"}, "document": "d", "ruleset": "r"},
        "occurred_at": "t",
        "root_salt": "00",
        "key": "did:ethr:0x1:0xa#delegate-1",
        "known": {"count": 0},
        "signature": "sig",
    }
    fact = fact_of_act(signed)
    assert fact["source_ref"] == "act:sig"
    assert fact["actor"] == {"did": "did:ethr:0x1:0xa", "role": "client"}
    assert fact["act"] == {
        "root_salt": "00",
        "key": signed["key"],
        "known": {"count": 0},
        "signature": "sig",
        "document": "d",
        "ruleset": "r",
    }
    beside = fact_of_act({**signed, "source_ref": "s", "channel": "web", "actor": {"did": "d", "role": "staff"}})
    assert (beside["source_ref"], beside["channel"], beside["actor"]["role"]) == ("s", "web", "staff")
    with pytest.raises(InvalidInput):
        fact_of_act({"draft": 5})


@pytest.mark.parametrize("key", ["two\nlines", "案件 1", "\ud800"])
def test_an_idempotency_key_that_no_header_carries_is_refused_by_its_name(key):
    with Client("http://127.0.0.1:1") as client, pytest.raises(InvalidInput) as caught:
        client.post("/v1/replays", {}, idempotency_key=key)
    assert (caught.value.field, caught.value.rule) == ("Idempotency-Key", "characters")


@pytest.mark.parametrize("token", ["", "two\nlines", "口令"])
def test_a_token_that_cannot_be_sent_is_refused_unshown(token):
    with pytest.raises(InvalidInput) as caught:
        Client("http://127.0.0.1:1", token)
    assert caught.value.field == "token"
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize("name", ["../status", "a/b", "a?b#c", "100%"])
def test_a_name_cannot_lead_to_another_resource(name):
    assert httpx.URL("http://n" + route("tasks", name, "runs")).path == f"/v1/tasks/{name}/runs"


@pytest.mark.parametrize(
    ("value", "field", "rule", "word"),
    [
        (Decimal("1.10"), "line 2.payload.amount", "json-type", "Decimal"),
        (datetime(2026, 1, 1, tzinfo=UTC), "line 2.payload.amount", "json-type", "+08:00"),
        (date(2026, 1, 1), "line 2.payload.amount", "json-type", "date"),
        (b"x", "line 2.payload.amount", "json-type", "hexadecimal"),
        ({1, 2}, "line 2.payload.amount", "json-type", "set"),
        (float("nan"), "line 2.payload.amount", "finite-number", "finite"),
        ("x\ud800", "line 2.payload.amount", "unicode", "surrogate"),
        ([0, {"deep": object()}], "line 2.payload.amount[1].deep", "json-type", "object"),
        ({"\udc00": 1}, "line 2.payload.amount key", "unicode", "surrogate"),
        ({(1, 2): 1}, "line 2.payload.amount", "key", "tuple"),
    ],
    ids=["Decimal", "datetime", "date", "bytes", "set", "nan", "surrogate", "deep", "surrogate-key", "tuple-key"],
)
def test_what_json_has_not_is_named_by_line_and_field_before_anything_is_sent(value, field, rule, word):
    client, server = client_of(httpx.Response(200, content=b'{"n":1}\n'))
    rows = [{"payload": {"amount": 1}}, {"payload": {"amount": value}}]
    with pytest.raises(InvalidInput) as caught:
        list(client.post_lines("/v1/facts", rows))
    assert (caught.value.field, caught.value.rule) == (field, rule)
    assert word in caught.value.detail
    assert server.requests == []
    with pytest.raises(InvalidInput) as caught:
        client.post("/v1/facts", rows[1])
    assert caught.value.field == field.replace("line 2", "body")


def test_answers_before_a_bad_row_were_given(monkeypatch):
    monkeypatch.setattr(module, "BULK_LINES", 1)
    client, server = client_of(httpx.Response(200, content=b'{"n":1}\n'))
    answers = client.post_lines("/v1/facts", [{"a": 1}, {"a": Decimal(1)}])
    assert next(answers) == {"n": 1}
    with pytest.raises(InvalidInput, match=r"line 2\.a"):
        next(answers)
    assert len(server.requests) == 1


def test_a_value_that_holds_itself_is_named():
    loop: list = []
    loop.append(loop)
    with pytest.raises(InvalidInput) as caught:
        client_of(OK)[0].post("/v1/facts", loop)
    assert caught.value.rule == "depth"


def test_an_answer_that_does_not_end_is_given_up(monkeypatch):
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 1_000_000)
    sent = []

    def endless():
        while len(sent) < 100:
            sent.append(1)
            yield b" " * 100_000

    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=endless()))
    with Client("http://node", transport=transport) as node, pytest.raises(CouldNotCheck, match="longer than 1000000"):
        node.post("/v1/x", {})
    assert len(sent) < 20


@pytest.mark.parametrize(
    "url",
    [
        "http://user:geheim@127.0.0.1:1/x?token=geheim",
        "ftp://user:geheim@host",
        "http://user:geheim@[::1",
        "http://user:geheim@:80",
        "http://user:geheim@host:port",
    ],
)
def test_no_error_and_no_repr_shows_what_opens_a_url(url):
    shown = ""
    try:
        client = Client(url, "geheim-token")
        shown += repr(client)
        client.get("/v1/status")
    except (InvalidInput, CouldNotCheck) as error:
        shown += f"{error} {error!r}"
    assert shown
    assert "geheim" not in shown
