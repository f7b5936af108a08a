"""What a node does about the rare things: a process that died, originals that are gone, a store that was altered."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from sqlalchemy import update

from evidence.version2.documents.receipt import PinnedKeys, verify_receipt
from node_adapter.life import boot_id
from node_adapter.peers.client import get_document, post_message
from node_adapter.process_identity import _start_of, own_identity
from node_adapter.store import idempotency
from node_adapter.store.schema import idempotency as idempotency_table
from node_adapter.store.schema import record
from primitives.eip712 import change_owner_typed_data, sign_typed
from primitives.errors import CouldNotCheck, Refused
from tests.world.chain import CHAIN_ID, CONTRACTS
from tests.world.clock import START
from tests.world.payloads import PAYLOADS


@pytest.fixture
def living():
    """A process that works on a request, and its name; it ends with the test at the latest."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process, f"{boot_id()}:{process.pid}:{_start_of(process.pid)}"


def in_progress(broker, owner):
    with broker.store.write() as connection:
        connection.execute(update(idempotency_table).values(status=idempotency.IN_PROGRESS, owner=owner))


def test_a_key_belongs_to_the_process_that_works_on_it_and_is_free_when_that_dies(broker, client, living):
    process, owner = living
    body, headers = {"holder": client.did, "purpose": "p"}, {"Idempotency-Key": "k"}
    assert broker.post("/v1/proofs/challenges", body, headers=headers).status_code == 201
    in_progress(broker, owner)
    broker.clock.now += 3_600_000  # however long it takes
    answer = broker.post("/v1/proofs/challenges", body, headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "idempotency-in-progress")
    process.kill()
    process.wait()
    assert broker.post("/v1/proofs/challenges", body, headers=headers).status_code == 201


@pytest.mark.parametrize("owner", [str, lambda: "another start of the machine:1:1", own_identity], ids=range(3))
def test_a_key_that_nobody_works_on_is_taken(broker, client, owner):
    body, headers = {"holder": client.did, "purpose": "p"}, {"Idempotency-Key": "k"}
    assert broker.post("/v1/proofs/challenges", body, headers=headers).status_code == 201
    in_progress(broker, owner())
    assert broker.post("/v1/proofs/challenges", body, headers=headers).status_code == 201


def test_a_clock_that_jumps_ahead_forgets_no_answer(broker, client):
    body, headers = {"holder": client.did, "purpose": "p"}, {"Idempotency-Key": "k"}
    first = broker.post("/v1/proofs/challenges", body, headers=headers)
    broker.clock.now += 30 * 86_400_000
    again = broker.post("/v1/proofs/challenges", body, headers=headers)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.get_json() == first.get_json()


def anchored_record(broker, client):
    fact = broker.fact(client.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    record_id = broker.post("/v1/facts", fact).get_json()["record_id"]
    broker.anchor()
    return record_id


def test_an_erased_record_has_a_receipt_that_shows_its_envelope_alone(broker, client):
    record_id = anchored_record(broker, client)
    whole = broker.post("/v1/receipts", {"record_id": record_id}).get_json()
    with broker.store.write() as connection:
        connection.execute(update(record).values(payload=None, root_salt=None))
    left = broker.post("/v1/receipts", {"record_id": record_id}).get_json()
    assert left == {**whole, "record": {**whole["record"], "fields": {}}}
    pinned = PinnedKeys(broker.keys.signing_public, broker.keys.signing_public)
    assert verify_receipt(left, pinned).record.redacted == ("documents", "dwell_ms", "scroll_end")
    with broker.store.write() as connection:
        connection.execute(update(record).values(envelope_salt=None))
    assert broker.post("/v1/receipts", {"record_id": record_id}).get_json()["code"] == "record-erased"


def test_an_altered_original_has_no_receipt(broker, client):
    record_id = anchored_record(broker, client)
    with broker.store.write() as connection:
        connection.execute(update(record).values(payload=json.dumps({**PAYLOADS["DUTY_NOTICE"], "dwell_ms": 1})))
    assert broker.post("/v1/receipts", {"record_id": record_id}).get_json()["code"] == "field-digest"


@pytest.mark.parametrize(
    ("name", "code"), [("entry", "local-log"), ("fingerprint", "local-log"), ("label", "local-map")]
)
def test_a_store_that_is_not_the_anchored_log_gives_no_receipt(broker, client, name, code):
    record_id = anchored_record(broker, client)
    altered = update(record).where(record.c.record_id == record_id).values({name: bytes(32)})
    with broker.store.write() as connection:
        connection.execute(altered)
    answer = broker.post("/v1/receipts", {"record_id": record_id})
    assert (answer.status_code, answer.get_json()["code"]) == (422, code)


def test_a_client_changes_the_owner_of_the_did(broker, client):
    owner = "0x" + "22" * 20
    deadline = START // 1000 + 100
    typed = change_owner_typed_data(CHAIN_ID, CONTRACTS["DidRegistry"], client.address, owner, 1, deadline)
    signature = "0x" + sign_typed(client.controller, typed).hex()
    call = {"did": client.did, "call": "changeOwner", "new_owner": owner, "deadline": deadline, "signature": signature}
    assert broker.post("/v1/dids/sponsored", call).get_json()["status"] == "accepted"
    assert broker.post("/v1/dids/sponsored", {**call, "call": "burn"}).get_json()["field"] == "call"
    missing = {name: value for name, value in call.items() if name != "new_owner"}
    assert broker.post("/v1/dids/sponsored", missing).get_json()["field"] == "new_owner"
    assert broker.get("/v1/outbox?key=none").status_code == 404
    assert broker.get("/v1/outbox").get_json()["field"] == "key"


class _Peer(BaseHTTPRequestHandler):
    status, body = 200, b"{}"

    def do_GET(self):
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def do_POST(self):
        self.server.seen = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def peer():
    server = HTTPServer(("127.0.0.1", 0), _Peer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def url_of(server):
    return f"http://127.0.0.1:{server.server_port}"


def test_a_message_reaches_a_peer_and_its_answer_comes_back(peer, monkeypatch):
    monkeypatch.setattr(_Peer, "body", b'{"status": "accepted"}')
    assert post_message(url_of(peer), {"kind": "k"}) == {"status": "accepted"}
    assert peer.seen == {"kind": "k"}
    assert get_document(f"{url_of(peer)}/x", known={"a": url_of(peer)}, networks=()) == {"status": "accepted"}


def test_a_peers_refusal_is_told_and_its_failure_is_not_a_refusal(peer, monkeypatch):
    monkeypatch.setattr(_Peer, "body", b'{"code": "peer-role", "detail": "no"}')
    monkeypatch.setattr(_Peer, "status", 403)
    with pytest.raises(Refused, match="peer-role"):
        post_message(url_of(peer), {})
    monkeypatch.setattr(_Peer, "status", 503)
    with pytest.raises(CouldNotCheck, match="peer-failed"):
        post_message(url_of(peer), {})


def test_a_peer_that_is_not_there():
    with pytest.raises(CouldNotCheck, match="peer-unreachable"):
        post_message("http://127.0.0.1:1", {})
