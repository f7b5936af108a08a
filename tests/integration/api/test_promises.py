"""Promises checked by the broker's own node and by another member's, over a chain of real headers."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlparse

import pytest

from api.app import create_app
from evidence.documents.breach import parse_breach
from evidence.documents.promise import promise_body, sign_promise
from evidence.verify.breach import verify_breach
from node_adapter.store import tokens
from node_adapter.views import Views
from node_adapter.workflows.anchoring.promises import check_promises
from node_adapter.workflows.anchoring.public_log import published_entries
from node_adapter.workflows.replay.trust_file import trust_file
from primitives.canonical import canonical_json
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from primitives.uuid7 import uuid7
from scripts.vectors.synthetic_chain import address, seeded
from tests.integration.api.described import check_answer
from tests.world.headers import over_headers
from tests.world.payloads import PAYLOADS

URL = "http://broker.example"


@pytest.fixture
def broker(tmp_path):
    made = over_headers(tmp_path)
    yield made
    made.store.dispose()


@pytest.fixture
def promise(broker):
    return broker.submit(broker.enrol("one"), "ID_VERIFY", PAYLOADS["ID_VERIFY"]).promise


def another_member(broker, entries=None):
    """A node of another address on the same chain, which reads the broker's public log (or `entries`) by HTTP."""

    def fetch(url):
        assert url.startswith(URL + "/v1/log/entries")
        query = {name: int(value) for name, [value] in parse_qs(urlparse(url).query).items()}
        found = published_entries(broker.node, **query) if entries is None else entries[query["start"] :]
        return {"start": query["start"], "entries": [entry.hex() for entry in found]}

    settings = replace(
        broker.node.settings,
        member=replace(broker.node.settings.member, address=address("another member")),
        peers={broker.node.address: URL},
    )
    return replace(broker.node, settings=settings, fetch=fetch, views=Views())


def over(broker):
    """The promised time passes, and the chain goes on."""
    broker.clock.sleep(700)
    broker.chain.block()


def check(node, *promises):
    return check_promises(node, [{"promise": promise} for promise in promises])


def promised(by, **changes):
    body = {
        "broker": by.node.did,
        "subject": "ab" * 32,
        "record_id": uuid7(by.clock.now, bytes(10)),
        "fingerprint": seeded("promised"),
        "log_index": 0,
        "accepted_at": by.clock.now,
        "anchor_by": by.clock.now + 600_000,
        "block": by.chain.height,
        **changes,
    }
    return sign_promise(promise_body(**body), by.keys.newest.signing_seed, f"{body['broker']}#signing")


def proved(node, answer):
    assert answer["status"] == "broken", answer
    report = verify_breach(canonical_json(answer["claim"]), trust_file(node))
    assert report.ok, report.checks
    assert report.verdict == answer["verdict"]
    return report


def test_an_open_promise_is_open(broker, promise):
    [answer] = check(broker.node, promise)
    assert (answer["status"], answer["log_index"]) == ("open", 0)


def test_a_kept_promise_is_kept_and_its_entry_checked(broker, promise):
    broker.anchor()
    over(broker)
    for node in (broker.node, another_member(broker)):
        [answer] = check(node, promise)
        assert (answer["status"], answer["entry"], answer["reason"]) == ("kept", "as-promised", None)
        assert answer["anchor"]["seq"] == 1


def test_a_promise_without_an_anchor_is_broken(broker, promise):
    over(broker)
    [answer] = check(another_member(broker), promise)
    assert "no anchor covered log index 0" in proved(broker.node, answer).verdict
    assert parse_breach(canonical_json(answer["claim"])).anchor is None


def test_a_promise_that_was_kept_too_late_is_broken(broker, promise):
    broker.anchor()
    late = broker.submit(broker.enrol("two"), "ID_VERIFY", PAYLOADS["ID_VERIFY"]).promise
    over(broker)
    broker.anchor()
    first, second = check(another_member(broker), promise, late)
    assert first["status"] == "kept"
    proved(broker.node, second)
    assert second["claim"]["anchor"]["seq"] == 1


def test_another_entry_at_the_place_is_a_breach(broker, promise):
    lie = promised(broker)
    broker.anchor()
    for node in (broker.node, another_member(broker)):
        [answer] = check(node, lie)
        assert proved(broker.node, answer).verdict == "broken: another entry stands at log index 0"
        assert answer["claim"]["other"]["fingerprint"] == promise["fingerprint"]


def test_a_log_that_was_not_anchored_checks_nothing(broker, promise):
    broker.anchor()
    lie = promised(broker)
    [answer] = check(another_member(broker, [seeded("promised")]), lie)
    assert (answer["status"], answer["entry"]) == ("kept", "not-checked")
    assert answer["reason"].startswith("log-not-anchored")
    [answer] = check(another_member(broker, []), promise)
    assert answer["reason"].startswith("log-too-short")
    stranger = replace(another_member(broker), settings=replace(another_member(broker).settings, peers={}))
    [answer] = check(stranger, promise)
    assert answer["reason"].startswith("peer-unknown")


def test_what_the_broker_never_signed_is_refuted(broker, promise):
    over(broker)
    forged = {**promise, "log_index": 9}
    strange = promised(broker, broker=broker.node.did.replace(broker.node.address, address("a stranger")))
    early = promised(broker, block=0)
    later = promised(broker, block=broker.chain.height + 1)
    elsewhere = promised(broker, broker=f"did:ethr:0x1:{broker.node.address}")
    outcomes = check(broker.node, forged, strange, early, later, elsewhere, {})
    assert [type(outcome) for outcome in outcomes] == [
        VerificationFailed, VerificationFailed, VerificationFailed, CouldNotCheck, InvalidInput, InvalidInput,
    ]  # fmt: skip
    assert [outcome.code for outcome in outcomes[:4]] == [
        "promise-signature", "member-key-history", "member-key-history", "block-unknown",
    ]  # fmt: skip
    [beside] = check_promises(broker.node, [{"promise": promise, "more": 1}])
    assert isinstance(beside, InvalidInput)


@pytest.mark.parametrize("role", tokens.STAFF_ROLES)
def test_any_staff_may_ask_one_or_many(broker, promise, role):
    with broker.store.write() as connection:
        tokens.insert_token(connection, "a token", role, name="a person")
    app = create_app(broker.node)
    http, headers = app.test_client(), {"Authorization": "Bearer a token"}
    path = "/v1/promises/check"

    def post(**sent):
        answer = http.post(path, headers={**headers, **sent.pop("headers", {})}, **sent)
        check_answer(path, "POST", answer)
        return answer

    assert post(json={"promise": promise}).get_json()["status"] == "open"
    assert post(json={"promise": {**promise, "log_index": 7}}).status_code == 422
    over(broker)
    lines = b"".join(json.dumps({"promise": one}).encode() + b"\n" for one in (promise, {**promise, "block": 1}))
    answer = post(data=lines, headers={"Content-Type": "application/x-ndjson"})
    assert [json.loads(line)["status"] for line in answer.data.splitlines()] == ["broken", "refused"]
    broker.anchor()
    kept = broker.submit(broker.enrol("two"), "ID_VERIFY", PAYLOADS["ID_VERIFY"]).promise
    broker.anchor()
    assert post(json={"promise": kept}).get_json()["status"] == "kept"
    assert http.post(path, json={"promise": promise}).status_code == 401
