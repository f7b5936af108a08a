"""What is too large, sent twice, or meets a database that cannot take it: a typed answer, and nothing lost."""

import gzip
import json

import pytest
from sqlalchemy import event

from api import bodies, ndjson
from node_adapter.store import subjects
from node_adapter.store.engine import open_store
from tests.world.broker import TOKENS, records_told
from tests.world.payloads import PAYLOADS


def fact_of(broker, client, **more):
    return broker.fact(client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"], **more)


def size(broker):
    with broker.store.read() as connection:
        return records_told(connection)


def raw(broker, data, content_type="application/x-ndjson", path="/v1/facts"):
    headers = {"Authorization": f"Bearer {TOKENS['broker-system']}", "Content-Type": content_type}
    return broker.http.post(path, data=data, headers=headers)


def test_a_locked_database_is_503_and_the_fact_can_be_sent_again(broker, client):
    fact = fact_of(broker, client)
    other = open_store(broker.path)
    with other.write():
        answer = broker.post("/v1/facts", fact)
        assert (answer.status_code, answer.get_json()["code"]) == (503, "store-busy")
        assert answer.headers["Retry-After"]
        bulk = raw(broker, json.dumps(fact).encode())
        assert (bulk.status_code, bulk.get_json()["code"]) == (503, "store-busy")
    other.dispose()
    assert broker.post("/v1/facts", fact).status_code == 201
    assert size(broker) == 1


def limit_pages(broker, extra):
    """Let the database grow by `extra` pages and no further, in every connection of the node."""
    broker.store.dispose()
    engine = broker.store._engine
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    @event.listens_for(engine, "connect")
    def _limit(connection, _record):
        connection.execute(f"PRAGMA max_page_count={pages + extra}")

    broker.store.dispose()


def test_a_full_disk_is_507_and_what_was_stored_stays(broker, client):
    assert broker.post("/v1/facts", fact_of(broker, client)).status_code == 201
    limit_pages(broker, 0)
    answer = raw(broker, b"\n".join(json.dumps(fact_of(broker, client)).encode() for _ in range(50)))
    assert (answer.status_code, answer.get_json()["code"]) == (507, "store-full")
    assert size(broker) == 1


def test_a_disk_that_fills_up_in_the_middle_fails_the_rest_line_by_line(broker, client, monkeypatch):
    monkeypatch.setattr(ndjson, "CHUNK_LINES", 10)
    limit_pages(broker, 40)
    facts = [fact_of(broker, client) for _ in range(200)]
    answers = broker.lines("/v1/facts", facts)
    accepted = [answer["status"] == "accepted" for answer in answers]
    count = accepted.count(True)
    assert 0 < count < 200
    assert accepted == [True] * count + [False] * (200 - count)
    assert {answer["status"] for answer in answers[count:]} == {"failed"}
    assert answers[-1]["problem"]["status"] == 507
    assert size(broker) == count
    with broker.store.read() as connection:
        assert subjects.find_by_pid(connection, client.subject).count == count + 1  # with the opening


def test_a_body_that_is_too_large_is_413(broker, monkeypatch):
    monkeypatch.setattr(bodies, "MAX_OBJECT_BYTES", 100)
    answer = broker.post("/v1/facts", {"source_ref": "x" * 200})
    assert answer.status_code == 413
    assert answer.get_json()["rule"] == "max-bytes"


def test_a_bulk_body_beyond_the_cap_is_413_before_anything_is_stored(broker, client, monkeypatch):
    line = json.dumps(fact_of(broker, client)).encode() + b"\n"
    broker.app.config["MAX_CONTENT_LENGTH"] = len(line) * 2
    answer = raw(broker, line * 3)
    assert answer.status_code == 413
    assert answer.get_json()["field"] == "body"
    broker.app.config["MAX_CONTENT_LENGTH"] = None
    monkeypatch.setattr(ndjson, "MAX_BODY_BYTES", len(line) * 2)
    assert raw(broker, line * 3).status_code == 413
    assert size(broker) == 0


def test_a_line_that_is_too_long_is_refused_alone(broker, client, monkeypatch):
    good = fact_of(broker, client)
    monkeypatch.setattr(ndjson, "MAX_LINE_BYTES", len(json.dumps(good)) + 10)
    long = {**fact_of(broker, client), "source_ref": "x" * 3000}
    answers = broker.lines("/v1/facts", [long, good, long])
    assert [answer["status"] for answer in answers] == ["refused", "accepted", "refused"]
    assert answers[0]["problem"]["rule"] == "max-bytes"
    assert answers[2]["problem"]["field"] == "line 3"


def test_broken_lines_are_answered_in_their_place(broker, client):
    good = json.dumps(fact_of(broker, client)).encode()
    data = b"\n".join([b"{", good, b"[]", b"", b'{"a":1,"a":2}', b"\xff", b'{"a": NaN}'])
    answers = [json.loads(line) for line in raw(broker, data).data.splitlines()]
    rules = [answer.get("problem", {}).get("rule") for answer in answers]
    assert rules == ["json", None, "object", "duplicate-key", "utf-8", "finite-number"]
    assert answers[3]["problem"]["field"] == "line 5"


@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_an_empty_bulk_body_is_refused(broker, data):
    problem = raw(broker, data).get_json()
    assert (problem["field"], problem["rule"]) == ("body", "length")


@pytest.mark.parametrize(("data", "status"), [(b"{", 400), (b"[]", 422), (b"\xff\xfe", 400), (b'{"a":1e999}', 422)])
def test_a_body_that_is_no_json_object(broker, data, status):
    answer = raw(broker, data, "application/json")
    assert answer.status_code == status
    assert answer.get_json()["field"]


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
@pytest.mark.parametrize("path", ["/v1/client/sessions/challenge", "/v1/peer/messages", "/v1/facts"])
def test_one_object_is_refused_before_more_than_its_limit_is_read(broker, path, headers):
    class Endless:
        taken = 0

        def read(self, size=-1):
            self.taken += max(size, 0)
            return b"x" * size

    stream = Endless()
    headers = {**headers, "Authorization": f"Bearer {TOKENS['broker-system']}", "Content-Type": "application/json"}
    environ = {"wsgi.input_terminated": True, "wsgi.input": stream}
    answer = broker.http.post(path, headers=headers, environ_overrides=environ)
    assert (answer.status_code, answer.get_json()["rule"]) == (413, "max-bytes")
    assert stream.taken <= 2 * bodies.MAX_OBJECT_BYTES


def test_a_request_under_one_idempotency_key_acts_once(broker, client):
    headers = {"Idempotency-Key": "k-1"}
    first = broker.post("/v1/proofs/challenges", {"holder": client.did, "purpose": "p"}, headers=headers)
    again = broker.post("/v1/proofs/challenges", {"holder": client.did, "purpose": "p"}, headers=headers)
    assert first.status_code == again.status_code == 201
    assert again.get_json() == first.get_json()
    assert again.headers["Idempotency-Replayed"] == "true"
    other = broker.post("/v1/proofs/challenges", {"holder": client.did, "purpose": "p"})
    assert other.get_json()["nonce"] != first.get_json()["nonce"]


def test_an_idempotency_key_stands_for_one_request(broker, client):
    headers = {"Idempotency-Key": "k-1"}
    broker.post("/v1/proofs/challenges", {"holder": client.did, "purpose": "p"}, headers=headers)
    answer = broker.post("/v1/proofs/challenges", {"holder": client.did, "purpose": "q"}, headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "idempotency-key-reused")


def test_a_failed_request_gives_its_key_back(broker, client):
    headers = {"Idempotency-Key": "k-1"}
    assert broker.post("/v1/proofs/challenges", {"holder": "x", "purpose": "p"}, headers=headers).status_code == 422
    body = {"holder": client.did, "purpose": "p"}
    assert broker.post("/v1/proofs/challenges", body, headers=headers).status_code == 201


def test_an_idempotency_key_must_be_readable(broker, client):
    body = {"holder": client.did, "purpose": "p"}
    problem = broker.post("/v1/proofs/challenges", body, headers={"Idempotency-Key": "a b"}).get_json()
    assert problem["field"] == "Idempotency-Key"


def packed(broker, data, encoding="gzip", content_type="application/x-ndjson", path="/v1/facts"):
    headers = {"Authorization": f"Bearer {TOKENS['broker-system']}", "Content-Type": content_type}
    return broker.http.post(path, data=data, headers={**headers, "Content-Encoding": encoding})


def test_a_body_may_come_as_gzip(broker, client):
    fact = json.dumps(fact_of(broker, client)).encode()
    one = packed(broker, gzip.compress(fact), content_type="application/json")
    assert one.status_code == 201
    parts = gzip.compress(json.dumps(fact_of(broker, client)).encode() + b"\n") + gzip.compress(fact)
    answers = [json.loads(line) for line in packed(broker, parts, "x-gzip").data.splitlines()]  # two members
    assert [answer["status"] for answer in answers] == ["accepted", "accepted"]
    assert size(broker) == 2
    assert packed(broker, fact, "identity", "application/json").status_code == 201


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
def test_a_bomb_and_a_broken_stream_and_another_encoding_are_refused(broker, client, monkeypatch, content_type):
    monkeypatch.setattr(ndjson, "MAX_BODY_BYTES", 4 * 1024 * 1024)
    bomb = gzip.compress(b" " * (5 * 1024 * 1024))
    assert len(bomb) < 10_000
    for data, encoding, expected in (
        (bomb, "gzip", (413, "max-bytes")),
        (gzip.compress(b"{}")[:-4], "gzip", (400, "gzip")),
        (b"{}", "gzip", (400, "gzip")),
        (b"{}", "br", (415, "content-encoding")),
        (b"{}", "gzip, gzip", (415, "content-encoding")),
    ):
        answer = packed(broker, data, encoding, content_type)
        assert (answer.status_code, answer.get_json()["rule"]) == expected
    assert answer.headers["Accept-Encoding"] == "gzip"
    assert size(broker) == 0
