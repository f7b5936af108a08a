"""Promises checked by the broker's own node and by another member's, over a chain of real headers and states."""

import json
from dataclasses import replace

import pytest

from api.app import create_app
from evidence.chain.engines import HEADER_RULES
from evidence.version2.documents.claim import parse_claim
from evidence.version2.documents.trust import Signer, TrustedBlock, build_trust
from evidence.version2.log.checkpoint import open_anchor_checkpoint, sign_anchor_checkpoint
from evidence.version2.map.label_map import Absence
from evidence.version2.promise import Promise, PromiseStanding, parse_promise, sign_promises
from evidence.version2.verify.claim import verify_claim
from node_adapter.peers.messages import sign_message
from node_adapter.store import anchors, tokens
from node_adapter.views import Views
from node_adapter.workflows.anchoring.promises import check_promises
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from primitives.suites import DEFAULT
from primitives.uuid7 import uuid7
from scripts.vectors.synthetic_chain import address, seeded
from tests.integration.api.described import check_answer
from tests.world.broker import Broker
from tests.world.headers import over_headers
from tests.world.keys import both_suites
from tests.world.payloads import PAYLOADS

URL = "http://broker.example"
REGULATOR = seeded("a regulator's key")
PUBLIC = ed25519.public_key(REGULATOR)


@pytest.fixture
def broker(tmp_path, suite):
    made = over_headers(tmp_path / "north", suite=suite)
    yield made
    made.store.dispose()


@pytest.fixture
def other(broker, tmp_path):
    """Another broker's node on the same chain, which asks the first one's by HTTP."""
    broker.chain.admit("south")
    made = Broker(tmp_path / "south", broker.chain, "south", clock=broker.clock, peers={broker.node.address: URL})

    def send(url, message):
        assert url == URL
        answer = broker.http.post("/v1/peer/messages", json=message)
        if answer.status_code != 200:
            raise CouldNotCheck("peer-refused", answer.get_json()["code"])
        return answer.get_json()

    made.node = replace(made.node, send=send)
    yield made
    made.store.dispose()


@pytest.fixture
def client(broker):
    return broker.enrol("one")


@pytest.fixture
def promise(broker, client):
    return accept(broker, client)


def accept(broker, client):
    return broker.submit(client, "ID_VERIFY", PAYLOADS["ID_VERIFY"]).promise


def over(broker):
    """The promised time passes, and the chain goes on."""
    broker.clock.sleep(700)
    broker.chain.block()


def check(member, *promises):
    return check_promises(member.node, [{"promise": promise} for promise in promises])


def showing(member, **changes):
    """The member, to whom the broker shows something else."""
    send = member.node.send
    return replace(member.node, send=lambda url, message: {**send(url, message), **changes}, views=Views())


def promised(by, **changes):
    """A promise that a broker signs whatever the truth is."""
    now, body = by.clock.now, {}
    given = changes.pop("like", None)
    if given is not None:
        body = vars(parse_promise(given)[0])
    body = {
        "suite": by.suite.name,
        "broker": by.node.did,
        "subject": seeded("subject"),
        "seq": 7,
        "label": seeded("label"),
        "record_id": uuid7(now, bytes(10)),
        "fingerprint": seeded("promised"),
        "entry": seeded("entry"),
        "log_index": 0,
        "recorded_at": now,
        "anchor_by": now + 600_000,
        "block": by.chain.height,
        **body,
        **changes,
    }
    [document] = sign_promises([Promise(**body)], by.keys.newest.signing_seed)
    return document


def proved(broker, answer, standing):
    """Verify the claim of an answer as a stranger does, who trusts another member for the block."""
    assert not isinstance(answer, Exception), answer
    assert answer["status"] == "broken", answer
    claim = parse_claim(canonical_json(answer["claim"]))
    header = HEADER_RULES[claim.header_rule].parse(claim.header, "header")
    settings = broker.node.settings.chain
    block = TrustedBlock(
        settings.chain_id, claim.header_rule, settings.directory, header.number, header.hash, header.timestamp
    )
    who = Signer(f"did:ethr:{settings.chain_id:#x}:{address('regulator')}", DEFAULT.alg, PUBLIC)
    trust = build_trust(block, who, lambda data: ed25519.sign(REGULATOR, data))
    report = verify_claim(canonical_json(answer["claim"]), [trust], {PUBLIC})
    assert report.ok, report.checks
    assert report.standing is standing
    assert answer["verdict"].startswith(f"broken: record {report.promise.record_id}")
    return claim


def test_an_open_promise_is_open(broker, other, promise):
    for member in (broker, other):
        [answer] = check(member, promise)
        assert (answer["status"], answer["log_index"]) == ("open", 1)  # behind the opening


def test_a_kept_promise_is_kept_with_its_entry_and_what_the_map_counts(broker, other, promise):
    broker.anchor()
    over(broker)
    for member in (broker, other):
        [answer] = check(member, promise)
        assert answer["status"] == "kept", answer
        assert (answer["entry"], answer["counted"], answer["reason"]) == ("as-promised", "as-promised", None)
        assert (answer["anchor"]["seq"], answer["anchor"]["size"]) == (2, 2)


def test_a_promise_without_an_anchor_is_broken(broker, other, promise):
    over(broker)
    for member in (broker, other):
        [answer] = check(member, promise)
        assert proved(broker, answer, PromiseStanding.NOT_IN_TIME).log is None


def test_a_promise_that_was_kept_too_late_is_broken(broker, other, client, promise):
    broker.anchor()
    late = accept(broker, client)
    over(broker)
    [answer] = check(other, late)
    claim = proved(broker, answer, PromiseStanding.NOT_IN_TIME)  # not anchored yet
    assert [item.leaf.seq for item in claim.log.anchors] == [2]
    broker.anchor()
    first, second = check(other, promise, late)
    assert first["status"] == "kept"
    claim = proved(broker, second, PromiseStanding.NOT_IN_TIME)
    assert 3 in [item.leaf.seq for item in claim.log.anchors]


def test_another_entry_at_the_place_is_a_breach(broker, other, promise):
    lie = promised(broker, log_index=1)
    broker.anchor()
    for member in (broker, other):
        [answer] = check(member, lie)
        claim = proved(broker, answer, PromiseStanding.ANOTHER_ENTRY)
        assert claim.place.entry.hex() == promise["entry"]


@both_suites
def test_a_record_that_the_map_does_not_count_is_a_breach(broker, other, promise):
    """The broker promised another label than the one under which it counts the record."""
    lie = promised(broker, like=promise, label=seeded("nobody's label"))
    broker.anchor()
    for member in (broker, other):
        [answer] = check(member, lie)
        claim = proved(broker, answer, PromiseStanding.NOT_COUNTED)
        assert isinstance(claim.counted, Absence)


def test_a_label_under_which_another_entry_is_counted_is_a_breach(broker, other, client, promise):
    """Of a batch that nobody serves, the label alone convicts."""
    lie = promised(broker, like=promise, entry=seeded("entry"))
    broker.anchor()
    [answer] = check_promises(showing(other, place=None), [{"promise": lie}])
    claim = proved(broker, answer, PromiseStanding.NOT_COUNTED)
    assert (claim.place, claim.counted.entry.hex()) == (None, promise["entry"])


def test_an_anchor_that_the_broker_names_wrong_keeps_no_promise(broker, other, client, promise):
    broker.anchor()
    assert check(other, promise)[0]["status"] == "kept"
    accept(broker, client)
    broker.anchor()
    with broker.store.write() as connection:
        newest = anchors.last_signed(connection)
        stated = open_anchor_checkpoint(newest.checkpoint, broker.node.did, broker.keys.newest.checkpoint_public)
        note = sign_anchor_checkpoint(replace(stated, wrong=(2,)), broker.keys.newest.checkpoint_seed)
        anchors.put_checkpoint(connection, newest.seq, note)
    for member in (broker, other):
        [answer] = check(member, promise)
        claim = proved(broker, answer, PromiseStanding.NOT_COUNTED)
        assert claim.checkpoint == note


def test_a_broker_that_shows_what_it_did_not_anchor_is_held_to_nothing(broker, other, client, promise):
    broker.anchor()
    lie = promised(broker, log_index=1)
    place = {"entry": lie["entry"], "path": ""}
    for changes in ({"place": place}, {"map": {"entry": lie["entry"], "path": ""}}):
        [answer] = check_promises(showing(other, **changes), [{"promise": lie}])
        assert (answer["status"], answer["entry"], answer["counted"]) == ("kept", "not-checked", "not-checked")
        assert answer["reason"].startswith("log-not-anchored: ")
    [answer] = check_promises(showing(other, more=1), [{"promise": promise}])
    assert answer["reason"].startswith("invalid-input: ")
    stranger = replace(other.node, settings=replace(other.node.settings, peers={}))
    [answer] = check_promises(stranger, [{"promise": promise}])
    assert answer["reason"].startswith("peer-unknown: ")


def test_what_is_shown_convicts_though_the_rest_is_not(broker, other, promise):
    lie = promised(broker, log_index=1)
    broker.anchor()
    [answer] = check_promises(showing(other, map=None, checkpoint=None), [{"promise": lie}])
    assert proved(broker, answer, PromiseStanding.ANOTHER_ENTRY).counted is None


def test_a_map_that_is_kept_no_longer_is_said(broker, other, client, promise, monkeypatch):
    monkeypatch.setattr(broker.node.label_map, "_kept_anchors", 2)
    broker.anchor()
    for _ in range(3):
        accept(broker, client)
        broker.anchor()
    [answer] = check(other, promise)
    assert (answer["status"], answer["entry"], answer["counted"]) == ("kept", "as-promised", "not-checked")
    assert answer["reason"].startswith("map-not-kept: ")


@both_suites
def test_a_promise_of_before_the_keys_were_changed_convicts(broker, other, client, promise):
    broker.anchor()
    late = accept(broker, client)
    broker.rotate()
    over(broker)
    proved(broker, check(other, late)[0], PromiseStanding.NOT_IN_TIME)
    fresh = promised(broker, log_index=9, anchor_by=broker.clock.now + 1000)
    over(broker)
    proved(broker, check(other, fresh)[0], PromiseStanding.NOT_IN_TIME)  # by a key that no leaf names yet
    broker.anchor()
    proved(broker, check(other, late)[0], PromiseStanding.NOT_IN_TIME)


@both_suites
def test_what_the_broker_never_signed_is_refuted(broker, other, promise):
    over(broker)
    forged = {**promise, "log_index": 9}
    strange = promised(broker, broker=broker.node.did.replace(broker.node.address, address("a stranger")))
    later = promised(broker, block=broker.chain.height + 1)
    elsewhere = promised(broker, broker=f"did:ethr:0x1:{broker.node.address}")
    outcomes = check(other, forged, strange, later, elsewhere, {})
    assert [type(outcome) for outcome in outcomes] == [
        VerificationFailed, VerificationFailed, CouldNotCheck, InvalidInput, InvalidInput,
    ]  # fmt: skip
    assert [outcome.code for outcome in outcomes[:3]] == ["promise", "promise", "block-unknown"]
    [beside] = check_promises(broker.node, [{"promise": promise, "more": 1}])
    assert isinstance(beside, InvalidInput)


def test_a_state_that_is_not_proved_accuses_nobody(broker, other, promise):
    over(broker)

    def silent(wanted):
        raise CouldNotCheck("state-not-proved", "nobody answered")

    [answer] = check_promises(replace(other.node, state=silent), [{"promise": promise}])
    assert (type(answer), answer.code) == (CouldNotCheck, "state-not-proved")


def test_a_promise_is_open_until_a_block_after_its_time_is_proved(broker, other, promise):
    block = broker.chain.height
    over(broker)
    lagging = replace(other.node, state=lambda wanted: broker.chain.state_at(block, wanted))
    [answer] = check_promises(lagging, [{"promise": promise}])
    assert answer["status"] == "open", answer


def test_members_alone_are_shown_what_lies_at_a_place(broker, other, promise):
    broker.anchor()
    message = {}
    check_promises(replace(other.node, send=lambda url, sent: message.update(sent)), [{"promise": promise}])
    assert broker.http.post("/v1/peer/messages", json={**message, "sender": address("a stranger")}).status_code == 403
    assert broker.http.post("/v1/peer/messages", json=message).status_code == 200
    for place in (2, 1 << 50):
        beyond = sign_message(other.node, broker.node.address, message["kind"], {**message["body"], "log_index": place})
        answer = broker.http.post("/v1/peer/messages", json=beyond)
        assert (answer.status_code, answer.get_json()["rule"]) == (422, "log-index")


@pytest.mark.parametrize("role", tokens.STAFF_ROLES)
def test_any_staff_may_ask_one_or_many(broker, client, promise, role):
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
    kept = accept(broker, client)
    broker.anchor()
    assert post(json={"promise": kept}).get_json()["status"] == "kept"
    assert http.post(path, json={"promise": promise}).status_code == 401
