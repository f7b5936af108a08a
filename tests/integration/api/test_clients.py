"""What concerns one client: enrolment, DIDs, consents, sessions, receipts; and what the public sees of it: nothing."""

import json
from urllib.parse import quote

import pytest
from sqlalchemy import update

from did.credentials.proofs import add_proof
from did.credentials.types.consent import consent_credential, consent_id
from evidence.log.tree import node_hash
from evidence.version2.documents.receipt import PinnedKeys, Successor, verify_receipt
from evidence.version2.log.anchors import OpeningLeaf, decode_leaf
from evidence.version2.log.checkpoint import open_anchor_checkpoint
from evidence.version2.log.tiles import Tile, decode_entries
from evidence.version2.map.label_map import Absence
from node_adapter.store import outbox, subjects
from node_adapter.store.schema import record
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.eip712 import (
    ED25519_ATTRIBUTE,
    grant_typed_data,
    revoke_attribute_typed_data,
    set_attribute_typed_data,
    sign_typed,
    withdraw_typed_data,
)
from primitives.encoding import encode_base64url
from primitives.errors import CouldNotCheck
from primitives.suites import SUITES
from primitives.timestamp import format_utc
from tests.world.chain import CHAIN_ID, CONTRACTS, VALIDITY
from tests.world.client import Client
from tests.world.clock import START
from tests.world.keys import both_suites, seed
from tests.world.payloads import PAYLOADS

SM = SUITES["sm3-sm2/1"]
DEADLINE = START // 1000 + 86_400
YEAR = 365 * 86_400_000


def test_enrolment_gives_a_random_pseudonym_and_relays_the_first_key(broker):
    client = Client("new", broker.did)
    answer = broker.post("/v1/subjects", client.registration()).get_json()
    assert len(answer["subject"]) == 64
    assert answer["did"] == client.did
    with broker.store.read() as connection:
        row = outbox.by_key(connection, answer["outbox"])
    assert (row.kind, row.target, row.state) == ("did", CONTRACTS["DidRegistry"], "new")
    shown = broker.get(f"/v1/outbox?key={answer['outbox']}").get_json()
    assert shown["state"] == "new"
    again = broker.post("/v1/subjects", client.registration()).get_json()
    assert again == answer
    found = broker.get(f"/v1/subjects/{client.registration()['client_ref']}").get_json()
    assert (found["subject"], found["count"]) == (answer["subject"], 0)


@pytest.mark.parametrize(
    "reference", ["沪A/123", "a?b#c&d=e", "../status", ".", "100%", "a//b", "a+b c", "\u3000", "𠮷", "x" * 200]
)
def test_what_is_stored_under_a_reference_is_found_under_it(broker, reference):
    stored = broker.post("/v1/subjects", {"client_ref": reference}).get_json()
    found = broker.get("/v1/subjects?client_ref=" + quote(reference, safe=""))
    assert (found.status_code, found.get_json()["subject"]) == (200, stored["subject"])
    assert found.get_json()["client_ref"] == reference


@pytest.mark.parametrize(
    ("reference", "rule"),
    [("a\0b", "control-character"), ("李\ufffd", "replacement-character"), ("a\nb", "one-line"), ("x" * 201, "length")],
)
def test_a_reference_that_nobody_can_write_is_refused(broker, reference, rule):
    problem = broker.post("/v1/subjects", {"client_ref": reference}).get_json()
    assert (problem["field"], problem["rule"]) == ("client_ref", rule)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"did": "did:ethr:0x7a69:0x" + "11" * 20}, "did-signature"),
        ({"did": "did:ethr:0x1:0x" + "11" * 20}, "invalid-input"),
        ({"did": "did:key:z6Mk"}, "invalid-input"),
        ({"client_ref": ""}, "invalid-input"),
        ({"colour": "red"}, "invalid-input"),
        ({"registration": {}}, "invalid-input"),
    ],
)
def test_a_registration_that_the_controller_did_not_sign_stores_nothing(broker, change, code):
    request = {**Client("new", broker.did).registration(), **change}
    assert broker.post("/v1/subjects", request).get_json()["code"] == code
    assert broker.get("/v1/subjects/ref new").status_code == 404


def test_a_reference_and_a_did_stand_for_one_subject(broker, client):
    other = Client("other", broker.did).registration()
    taken = {**other, "client_ref": "ref client one"}
    assert broker.post("/v1/subjects", taken).get_json()["code"] == "duplicate"
    same = {**client.registration(), "client_ref": "another reference"}
    assert broker.post("/v1/subjects", same).get_json()["code"] == "duplicate"


def sponsored(client, call, value, nonce, *, days=1):
    deadline = START // 1000 + days * 86_400
    arguments = (CHAIN_ID, CONTRACTS["DidRegistry"], client.address, ED25519_ATTRIBUTE, value)
    common = {"did": client.did, "call": call, "name": "0x" + ED25519_ATTRIBUTE.hex(), "value": "0x" + value.hex()}
    if call == "setAttribute":
        typed = set_attribute_typed_data(*arguments, VALIDITY, nonce, deadline)
        common["validity"] = VALIDITY
    else:
        typed = revoke_attribute_typed_data(*arguments, nonce, deadline)
    return {**common, "deadline": deadline, "signature": "0x" + sign_typed(client.controller, typed).hex()}


def test_a_key_rotation_is_relayed_in_order_and_once(broker, client):
    new = ed25519.public_key(seed("new key"))
    calls = [sponsored(client, "setAttribute", new, 1), sponsored(client, "revokeAttribute", client.public, 2)]
    answers = broker.lines("/v1/dids/sponsored", calls)
    assert [answer["status"] for answer in answers] == ["accepted", "accepted"]
    assert broker.lines("/v1/dids/sponsored", calls) == answers
    with broker.store.read() as connection:
        assert outbox.counts(connection)["new"] == 2


def outbox_rows(broker, client):
    with broker.store.read() as connection:
        return outbox.under(connection, f"did:{client.did.rsplit(':', 1)[1]}:", outbox.STATES)


def fail(broker, *rows):
    with broker.store.write() as connection:
        for row in rows:
            outbox.mark_failed(connection, row.id, "DidRegistryExpired", 5)


def test_an_identity_is_not_held_up_by_a_call_that_failed(broker, client):
    new = ed25519.public_key(seed("new key"))
    calls = [sponsored(client, "setAttribute", new, 1), sponsored(client, "revokeAttribute", client.public, 2)]
    broker.lines("/v1/dids/sponsored", calls)
    assert broker.get(f"/v1/dids/{client.did}").get_json()["sponsored"] == {
        "block": broker.chain.height,
        "nonce": 1,
        "in_flight": 2,
        "next_nonce": 3,
    }
    fail(broker, *outbox_rows(broker, client)[1:])
    state = broker.get(f"/v1/dids/{client.did}").get_json()["sponsored"]
    assert (state["nonce"], state["in_flight"], state["next_nonce"]) == (1, 0, 1)
    again = broker.lines("/v1/dids/sponsored", calls)  # the very same calls: what failed is tried again
    assert [answer["status"] for answer in again] == ["accepted", "accepted"]
    assert [row.state for row in outbox_rows(broker, client)[1:]] == ["new", "new"]
    fail(broker, *outbox_rows(broker, client)[1:])
    broker.clock.now += 2 * 86_400_000
    late = broker.post("/v1/dids/sponsored", calls[0])
    assert (late.status_code, late.get_json()["code"]) == (409, "deadline-passed")
    fresh = [sponsored(client, "setAttribute", new, 1, days=9), sponsored(client, "revokeAttribute", new, 2, days=9)]
    assert [answer["status"] for answer in broker.lines("/v1/dids/sponsored", fresh)] == ["accepted", "accepted"]


def test_the_nonce_counts_what_another_member_relayed(broker, client):
    broker.chain.set_key(client.address, ed25519.public_key(seed("relayed elsewhere")))
    answer = broker.post("/v1/dids/sponsored", sponsored(client, "revokeAttribute", client.public, 2))
    assert answer.get_json()["status"] == "accepted"


@pytest.mark.parametrize("suite", [SM], ids=[SM.name])
def test_a_client_of_another_suite_registers_a_key_for_acts_beside_the_other(broker):
    client = broker.client("two")
    whole = client.registration()
    without = {name: value for name, value in whole.items() if name != "act_registration"}
    assert broker.post("/v1/subjects", without).get_json()["code"] == "client-suite"
    public = whole["act_registration"]["signing_key"]
    for change, code in (
        ({"signing_key": public[:-2]}, "invalid-input"),
        ({"signing_key": public[:-2] + "00"}, "invalid-input"),  # no point of the curve
        ({"suite": "sha256-ed25519/1"}, "invalid-input"),
        ({"validity": 1}, "did-signature"),
    ):
        changed = {**whole, "act_registration": {**whole["act_registration"], **change}}
        assert broker.post("/v1/subjects", changed).get_json()["code"] == code
    assert broker.get(f"/v1/subjects/{whole['client_ref']}").status_code == 404  # nothing of it was kept
    first = broker.post("/v1/subjects", whole).get_json()
    again = broker.post("/v1/subjects", whole).get_json()
    assert (first["outbox"], first["outbox_state"]) == (again["outbox"], "new")  # of the second call, which comes last
    assert broker.get(f"/v1/dids/{client.did}").get_json()["sponsored"]["in_flight"] == 2
    broker.mine()
    for of, key in client.keys:
        broker.chain.set_key(client.address, key, suite=of)
    settled = broker.post("/v1/subjects", whole).get_json()
    assert (settled["outbox"], settled["outbox_state"]) == (first["outbox"], "final")
    told = broker.get(f"/v1/dids/{client.did}").get_json()
    assert told["keys"] == {client.key: client.public.hex(), client.act_key: public}
    assert told["sponsored"]["nonce"] == 2


def test_a_broker_of_the_default_suite_takes_no_key_of_another(broker):
    whole = broker.client("two").registration()
    other = Client("two", broker.did, suite=SM).registration()
    assert broker.post("/v1/subjects", {**whole, **other}).get_json()["code"] == "client-suite"
    product = {"client_ref": "p", "product_id": "fund-1", "act_registration": other["act_registration"]}
    assert broker.post("/v1/subjects", product).get_json()["code"] == "invalid-input"


def test_a_call_in_place_of_one_that_is_on_its_way_is_told_apart(broker, client):
    first, second = (ed25519.public_key(seed(name)) for name in ("new key", "another"))
    broker.post("/v1/dids/sponsored", sponsored(client, "setAttribute", first, 1))
    answer = broker.post("/v1/dids/sponsored", sponsored(client, "setAttribute", second, 1))
    assert (answer.status_code, answer.get_json()["code"]) == (409, "did-call-in-flight")


def test_a_registration_that_came_too_late_is_signed_again(broker):
    client = Client("late", broker.did)
    first = broker.post("/v1/subjects", client.registration()).get_json()
    fail(broker, *outbox_rows(broker, client))
    repeated = broker.post("/v1/subjects", client.registration()).get_json()
    assert (repeated["outbox"], repeated["outbox_state"]) == (first["outbox"], "new")
    fail(broker, *outbox_rows(broker, client))
    broker.clock.now += 2 * 86_400_000
    assert broker.post("/v1/subjects", client.registration()).get_json()["code"] == "deadline-passed"
    again = broker.post("/v1/subjects", client.registration(days=9)).get_json()
    assert (again["status"], again["subject"], again["outbox_state"]) == ("accepted", first["subject"], "new")
    assert again["outbox"] != first["outbox"]


@pytest.mark.parametrize("on_chain", [False, True])
def test_a_registration_that_is_made_or_on_its_way_is_not_made_again(broker, on_chain):
    client = broker.enrol("twice", on_chain=on_chain)
    (row,) = outbox_rows(broker, client)
    again = broker.post("/v1/subjects", client.registration(days=9)).get_json()
    assert (again["outbox"], again["outbox_state"]) == (row.key, "final" if on_chain else "new")
    assert len(outbox_rows(broker, client)) == 1


def test_a_sponsored_call_out_of_order_is_refused(broker, client):
    new = ed25519.public_key(seed("new key"))
    answer = broker.post("/v1/dids/sponsored", sponsored(client, "setAttribute", new, 2))
    assert (answer.status_code, answer.get_json()["code"]) == (409, "did-signature")


def test_a_did_resolves_from_the_index(broker, client):
    found = broker.get(f"/v1/dids/{client.did}").get_json()
    assert found["keys"] == {client.key: client.public.hex()}
    assert client.key in found["didDocument"]["assertionMethod"]
    assert broker.get("/v1/dids/did:web:example.org").get_json()["field"] == "did"


def consent_of(broker, client, **changes):
    unsigned = consent_credential(
        credential_id="urn:uuid:0193d0c0-0000-7000-8000-000000000001",
        client=client.did,
        purpose="MARKET_RISK",
        receivers=[broker.did],
        contact="office",
        method="masked sum",
        data_kinds=["holdings"],
        notice_sha256=bytes(32),
        valid_from=broker.clock.now,
        expires=broker.clock.now + YEAR,
    )
    credential = add_proof(
        unsigned, seed=client.key_seed, verification_method=client.key, created=format_utc(broker.clock.now)
    )
    salt = seed("consent salt")
    identifier = consent_id(salt, canonical_json(credential))
    typed = grant_typed_data(CHAIN_ID, CONTRACTS["ConsentRegistry"], client.address, identifier, DEADLINE)
    return {
        "consent_id": identifier.hex(),
        "salt": salt.hex(),
        "credential": credential,
        "deadline": DEADLINE,
        "signature": "0x" + sign_typed(client.controller, typed).hex(),
        **changes,
    }


def withdrawal_of(client, identifier, deadline=DEADLINE):
    contract = CONTRACTS["ConsentRegistry"]
    typed = withdraw_typed_data(CHAIN_ID, contract, client.address, bytes.fromhex(identifier), deadline)
    signature = "0x" + sign_typed(client.controller, typed).hex()
    return {"consent_id": identifier, "deadline": deadline, "signature": signature}


def token_of(broker, client):
    challenge = broker.http.post("/v1/client/sessions/challenge", json={"did": client.did}).get_json()
    return broker.http.post("/v1/client/sessions", json=answer_to(challenge, client)).get_json()["token"]


def answer_to(challenge, client, key_seed=None):
    statement = {name: challenge[name] for name in ("version", "broker", "did", "nonce")}
    signature = ed25519.sign(key_seed or client.key_seed, canonical_json(statement))
    return {
        "did": client.did,
        "nonce": challenge["nonce"],
        "key": client.key,
        "signature": encode_base64url(signature),
    }


@both_suites
def test_a_consent_is_kept_relayed_and_withdrawn_at_once(broker, client):
    consent = consent_of(broker, client)
    answer = broker.post("/v1/consents/grant", {"consent": consent}).get_json()
    assert answer["status"] == "accepted"
    assert broker.post("/v1/consents/grant", consent).get_json() == answer
    broker.chain.consent("ConsentGranted", consent["consent_id"])
    token = token_of(broker, client)
    (shown,) = broker.get("/v1/client/consents", token=token).get_json()["consents"]
    assert (shown["purpose"], shown["on_chain"], shown["withdrawn_at"]) == ("MARKET_RISK", "granted", None)
    answer = broker.post("/v1/consents/withdraw", withdrawal_of(client, consent["consent_id"])).get_json()
    assert answer["status"] == "accepted"
    (shown,) = broker.get("/v1/client/consents", token=token).get_json()["consents"]
    assert shown["withdrawn_at"] is not None
    assert shown["on_chain"] == "granted"


def test_a_withdrawal_that_came_too_late_for_the_chain_is_relayed_again_with_a_new_signature(broker, client):
    identifier = consent_of(broker, client)["consent_id"]
    broker.post("/v1/consents/grant", consent_of(broker, client))
    key = broker.post("/v1/consents/withdraw", withdrawal_of(client, identifier)).get_json()["outbox"]
    with broker.store.write() as connection:
        first = outbox.by_key(connection, key)
        outbox.mark_failed(connection, first.id, "the deadline is over", broker.clock.now)
    again = broker.post("/v1/consents/withdraw", withdrawal_of(client, identifier, DEADLINE + 1))
    assert again.get_json()["outbox"] == key
    with broker.store.read() as connection:
        second = outbox.by_key(connection, key)
    assert (second.state, second.error) == ("new", None)
    assert second.data != first.data


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"consent_id": "00" * 32}, "consent-id"),
        ({"salt": "00" * 32}, "consent-id"),
        ({"signature": "0x" + "11" * 64 + "1b"}, None),
        ({"deadline": DEADLINE + 1}, "consent-signature"),
        ({"credential": {}}, "invalid-input"),
        ({"colour": "red"}, "invalid-input"),
    ],
)
def test_a_consent_that_the_client_did_not_give_is_not_kept(broker, client, change, code):
    problem = broker.post("/v1/consents/grant", consent_of(broker, client, **change)).get_json()
    assert problem["code"] == code or (code is None and problem["code"] in ("signature", "consent-signature"))
    assert broker.get("/v1/client/consents", token=token_of(broker, client)).get_json() == {"consents": []}


def test_a_consent_that_another_signed_is_not_kept(broker, client):
    other = broker.enrol("client two")
    consent = consent_of(broker, client)
    forged = consent_of(broker, client, signature=consent_of(broker, other)["signature"])
    assert broker.post("/v1/consents/grant", forged).get_json()["code"] == "consent-signature"
    assert broker.post("/v1/consents/grant", consent).status_code == 200
    stolen = withdrawal_of(other, consent["consent_id"])
    assert broker.post("/v1/consents/withdraw", stolen).get_json()["code"] == "consent-signature"
    assert broker.post("/v1/consents/withdraw", withdrawal_of(client, "00" * 32)).status_code == 404


@both_suites
def test_a_session_needs_a_nonce_signed_by_the_dids_key(broker, client):
    challenge = broker.http.post("/v1/client/sessions/challenge", json={"did": client.did}).get_json()
    wrong = answer_to(challenge, client, seed("another key"))
    assert broker.http.post("/v1/client/sessions", json=wrong).status_code == 401
    good = answer_to(challenge, client)
    assert broker.http.post("/v1/client/sessions", json=good).status_code == 201
    assert broker.http.post("/v1/client/sessions", json=good).status_code == 401


def test_an_idempotency_key_neither_stores_a_sessions_token_nor_gives_it_out_again(broker, client):
    challenge = broker.http.post("/v1/client/sessions/challenge", json={"did": client.did}).get_json()
    headers, good = {"Idempotency-Key": "k"}, answer_to(challenge, client)
    token = broker.http.post("/v1/client/sessions", json=good, headers=headers).get_json()["token"]
    assert broker.http.post("/v1/client/sessions", json=good, headers=headers).status_code == 401
    stored = [file.read_bytes() for file in broker.path.parent.glob(f"{broker.path.name}*")]
    assert stored
    assert not any(token.encode() in data for data in stored)


def test_a_session_expires_and_a_challenge_too(broker, client):
    token = token_of(broker, client)
    assert broker.get("/v1/client/receipts", token=token).status_code == 200
    challenge = broker.http.post("/v1/client/sessions/challenge", json={"did": client.did}).get_json()
    broker.clock.now += 31 * 60_000
    assert broker.get("/v1/client/receipts", token=token).status_code == 401
    assert broker.http.post("/v1/client/sessions", json=answer_to(challenge, client)).status_code == 401


def test_a_stranger_gets_a_nonce_that_opens_nothing(broker):
    stranger = Client("stranger", broker.did)
    challenge = broker.http.post("/v1/client/sessions/challenge", json={"did": stranger.did})
    assert challenge.status_code == 201
    assert broker.http.post("/v1/client/sessions", json=answer_to(challenge.get_json(), stranger)).status_code == 401


def test_a_client_token_opens_no_staff_route(broker, client):
    token = token_of(broker, client)
    assert broker.post("/v1/facts", {}, token=token).status_code == 403
    assert broker.get("/v1/status", token=token).status_code == 403


def submit(broker, client, count=3):
    rows = [broker.fact(client.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"]) for _ in range(count)]
    return [answer["record_id"] for answer in broker.lines("/v1/facts", rows)]


def pinned(broker):
    return PinnedKeys(broker.keys.signing_public, broker.keys.newest.checkpoint_public)


@both_suites
def test_receipts_verify_with_the_brokers_key_alone(broker, client):
    ids = submit(broker, client)
    other = broker.enrol("client two")
    submit(broker, other, 2)
    before = broker.lines("/v1/receipts", [{"record_id": ids[0]}])
    assert before[0]["problem"]["code"] == "not-anchored"
    broker.anchor()
    late = submit(broker, client, 1)
    receipts = broker.lines("/v1/receipts", [{"record_id": one} for one in ids])
    found = [verify_receipt(value, pinned(broker)) for value in receipts]
    assert [receipt.promise.seq for receipt in found] == [2, 3, 4]  # after the opening, which the broker wrote
    assert [type(receipt.following) for receipt in found] == [Successor, Successor, Absence]
    assert all("root_salt" not in json.dumps(value) for value in receipts)
    assert broker.lines("/v1/receipts", [{"record_id": late[0]}])[0]["problem"]["code"] == "not-anchored"
    broker.anchor()
    [third, fourth] = [
        verify_receipt(broker.post("/v1/receipts", {"record_id": one}).get_json(), pinned(broker))
        for one in (ids[-1], late[0])
    ]
    assert third.following.link == fourth.record.link
    assert (third.anchor.seq, fourth.anchor.seq, third.checkpoint.seq, fourth.checkpoint.seq) == (2, 3, 3, 3)


def test_a_receipt_of_nothing(broker):
    assert broker.post("/v1/receipts", {"record_id": "none"}).status_code == 404
    assert broker.post("/v1/receipts", {"ids": []}).get_json()["field"] == "ids"


def test_one_record_that_cannot_be_shown_hides_no_other_receipt(broker, client):
    """Its originals differ from what was sealed; a page that failed would hide all that follow it, for ever."""
    altered, other = submit(broker, client, 2)
    broker.anchor()
    with broker.store.write() as connection:
        connection.execute(update(record).where(record.c.record_id == altered).values(payload="{}"))
    page = broker.get("/v1/client/receipts", token=token_of(broker, client)).get_json()
    assert [receipt["promise"]["record_id"] for receipt in page["receipts"]][1:] == [other]
    [hidden] = page["not_shown"]
    assert (hidden["record_id"], hidden["seq"], hidden["code"]) == (altered, 2, "field-digest")


def test_a_client_sees_the_own_receipts_page_by_page_and_nobody_elses(broker, client):
    ids = submit(broker, client, 5)
    other = broker.enrol("client two")
    submit(broker, other)
    broker.anchor()
    submit(broker, client, 1)
    token = token_of(broker, client)
    seen, after = [], 0
    while after is not None:
        page = broker.get(f"/v1/client/receipts?after={after}&limit=2", token=token).get_json()
        seen += [verify_receipt(value, pinned(broker)).promise.record_id for value in page["receipts"]]
        after = page["next_after"]
        assert page["pending"] == 1
    assert seen[1:] == ids
    assert broker.get("/v1/client/receipts?limit=0", token=token).get_json()["field"] == "limit"


def test_a_client_sees_every_use_of_the_own_data(broker, client):
    use = {
        "task_id": "aa" * 32,
        "purpose": "MARKET_RISK",
        "consent_id": "bb" * 32,
        "parties": [broker.did],
        "input_commitment": "cc" * 48,
        "output_kind": "TOTALS",
        "result_hash": "dd" * 32,
        "started_at": "2026-11-21T09:16:38.123+08:00",
    }
    assert broker.post("/v1/facts", broker.fact(client.subject, "DATA_USE", use)).status_code == 201
    submit(broker, client)
    (shown,) = broker.get("/v1/client/data-uses", token=token_of(broker, client)).get_json()["data_uses"]
    assert shown["use"] == use


def test_the_public_log_shows_what_is_anchored_and_nothing_of_a_client(broker, client):
    assert broker.http.get("/v1/log/checkpoint").status_code == 404
    submit(broker, client, 4)
    broker.anchor()
    submit(broker, client, 2)
    checkpoint = broker.http.get("/v1/log/checkpoint")
    said = open_anchor_checkpoint(checkpoint.text, broker.did, broker.keys.signing_public)
    assert (said.seq, said.size) == (2, 5)
    bundle, row = (broker.http.get(f"/v1/log/tile/{place}/000.p/2") for place in ("entries", "0"))
    assert bundle.content_type == "application/octet-stream"
    opening, anchor = (decode_leaf(entry) for entry in decode_entries(Tile(None, 0, 2), bundle.data))
    assert isinstance(opening, OpeningLeaf)
    assert (anchor.size_after, anchor.map_root) == (5, said.map_root)
    assert row.data == opening.hash() + anchor.hash()
    assert node_hash(opening.hash(), anchor.hash()) == said.root
    public = checkpoint.data + bundle.data + row.data + broker.http.get("/v1/status-lists/1").data
    secrets = (client.did, client.address[2:], client.subject, "DUTY_NOTICE", "rights@1", "client one", "Synthetic")
    assert not any(secret.encode() in public for secret in secrets)
    assert bytes.fromhex(client.subject) not in public
    assert broker.http.get("/v1/log/tile/0/000").get_json()["code"] == "tile-not-found"
    assert broker.http.get("/v1/log/tile/0/0").get_json()["field"] == "path"


def test_a_nonce_is_for_one_did_and_stores_nothing_until_it_is_used(broker, client):
    other = broker.enrol("client two")
    size = broker.path.stat().st_size
    challenge = broker.http.post("/v1/client/sessions/challenge", json={"did": client.did}).get_json()
    stolen = {**answer_to({**challenge, "did": other.did}, other), "nonce": challenge["nonce"]}
    assert broker.http.post("/v1/client/sessions", json=stolen).status_code == 401
    forged = {**challenge, "nonce": challenge["nonce"][:-2] + "AA"}
    assert broker.http.post("/v1/client/sessions", json=answer_to(forged, client)).status_code in (401, 422)
    assert broker.path.stat().st_size == size


def test_what_the_chain_would_refuse_as_too_late_is_refused_now(broker, client):
    broker.clock.now += 2 * 86_400_000
    late = Client("late", broker.did)
    assert broker.post("/v1/subjects", late.registration()).get_json()["code"] == "deadline-passed"
    assert broker.post("/v1/consents/grant", consent_of(broker, client)).get_json()["code"] == "deadline-passed"


def test_a_client_signs_no_payload_that_is_computed_later(broker, client):
    fact = broker.fact(client.subject, "LEVEL_RESULT", compute={})
    act = {"root_salt": "00" * 32, "key": client.key, "signature": "A" * 86, "document": None, "ruleset": None}
    act |= {"known": {"count": 0, "fingerprint": "00" * 32, "nonce": "00" * 16}}
    problem = broker.post("/v1/facts", {**fact, "act": act}).get_json()
    assert (problem["field"], problem["rule"]) == ("compute", "act")


def test_a_bulk_that_broke_off_is_sent_again_and_each_line_has_its_answer(broker, monkeypatch):
    """A bad line refuses itself alone; what a locked store cut off is `failed`, and the repeat answers as before."""
    rows = [Client(f"bulk {number}", broker.did).registration() for number in range(450)]
    rows[225] = {**rows[225], "client_ref": "李\ufffd"}
    insert, calls = subjects.insert_subjects, []

    def locked(connection, new):
        calls.append(new)
        if len(calls) > 250:
            raise CouldNotCheck("store-busy", "another process holds the lock")
        insert(connection, new)

    with monkeypatch.context() as patch:
        patch.setattr(subjects, "insert_subjects", locked)
        first = broker.lines("/v1/subjects", rows)
    assert [answer["status"] for answer in first] == ["accepted"] * 200 + ["failed"] * 250  # a chunk is one transaction
    second = broker.lines("/v1/subjects", rows)
    assert second[:200] == first[:200]
    assert [number for number, answer in enumerate(second) if answer["status"] != "accepted"] == [225]
    assert second[225]["problem"]["rule"] == "replacement-character"
    assert broker.lines("/v1/subjects", rows) == second
