"""Credentials and proofs between two brokers, each with a node of its own."""

import threading

import pytest

from api.app import create_app
from did.credentials.proofs import add_proof
from node_adapter.node import Node
from primitives.context import ProofContext
from primitives.encoding import decode_base64url
from primitives.errors import CouldNotCheck
from primitives.pedersen import certificate_message, commit
from primitives.relations import prove_opening
from primitives.timestamp import format_time, parse_time, parse_utc
from tests.world.broker import Broker
from tests.world.keys import both_suites, keystore_of, seed
from tests.world.payloads import PAYLOADS

NORTH_URL, SOUTH_URL = "http://127.0.0.1:8080", "http://127.0.0.1:8081"
BLINDING = 123_456_789
MESSAGE = certificate_message("passport", "E12345678")
COMMITMENT = commit(MESSAGE, BLINDING)


@pytest.fixture
def north(broker, client):
    """North knows the client: identified, assessed."""
    payloads = {**PAYLOADS, "ID_VERIFY": {**PAYLOADS["ID_VERIFY"], "id_commitment": COMMITMENT.hex()}}
    rows = [broker.fact(client.subject, type_, payload) for type_, payload in payloads.items()]
    rows.append(broker.fact(client.subject, "LEVEL_RESULT", compute={}))
    assert all(answer["status"] == "accepted" for answer in broker.lines("/v1/facts", rows))
    return broker


@pytest.fixture
def south(tmp_path, chain, north):
    """South reads north's public documents through north's own application."""
    south = Broker(tmp_path / "south", chain, "south", clock=north.clock, peers={north.keys.address: NORTH_URL})

    def fetch(url):
        assert url.startswith(NORTH_URL)
        answer = north.http.get(url.removeprefix(NORTH_URL))
        if answer.status_code >= 500:
            raise CouldNotCheck("peer-failed", url)
        return answer.get_json()

    south.node = Node(**{**_fields(south.node), "fetch": fetch})
    south.app = create_app(south.node)
    south.http = south.app.test_client()
    yield south
    south.store.dispose()


def _fields(node):
    return {name: getattr(node, name) for name in Node.__dataclass_fields__}


def issue(broker, client, **more):
    answer = broker.post("/v1/credentials/issue", {"subject": client.subject, **more})
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()


def verify(broker, credential):
    return broker.post("/v1/credentials/verify", credential).get_json()


@both_suites
def test_another_broker_verifies_a_level_and_sees_its_revocation(north, south, client):
    credential = issue(north, client)
    assert credential["credentialSubject"]["riskLevel"] == "C4"
    verdict = verify(south, credential)
    assert (verdict["status"], verdict["issuer"], verdict["subject"]["id"]) == ("verified", north.did, client.did)
    assert north.post(f"/v1/credentials/{credential['id']}/revoke", {}).get_json()["status"] == "revoked"
    for broker in (north, south):
        problem = verify(broker, credential)
        assert (problem["code"], problem["status"]) == ("status", 422)


def identified(broker, client, days, at=None):
    valid_to = None if days is None else format_time(broker.clock.now_ms() + days * 86_400_000)
    payload = {**PAYLOADS["ID_VERIFY"], "id_commitment": COMMITMENT.hex(), "valid_to": valid_to}
    (answer,) = broker.lines("/v1/facts", [broker.fact(client.subject, "ID_VERIFY", payload, at=at)])
    return answer


def identity_of(broker, client):
    return broker.post("/v1/credentials/issue", {"subject": client.subject, "type": "IdentityCredential"})


def test_an_expired_document_is_kept_with_a_finding_and_attests_nothing(broker, client):
    answer = identified(broker, client, -6 * 365)
    assert (answer["status"], [finding["code"] for finding in answer["findings"]]) == ("accepted", ["DOCUMENT_EXPIRED"])
    gate = broker.post("/v1/gates", {"subject": client.subject, "act": "BIZ_APPLY"}).get_json()
    assert (gate["allowed"], gate["code"]) == (False, "NOT_IDENTIFIED")
    refused = identity_of(broker, client)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "identity-document-expired")


def test_an_identity_credential_ends_with_the_document(broker, client):
    answer = identified(broker, client, 30)
    assert answer["findings"] == []
    first = identity_of(broker, client).get_json()
    end = broker.clock.now_ms() + 30 * 86_400_000
    assert 0 <= end - parse_utc(first["validUntil"], "validUntil") < 1000
    broker.clock.sleep(86_400)
    assert identity_of(broker, client).get_json() == first
    broker.clock.sleep(30 * 86_400)
    assert identity_of(broker, client).get_json()["code"] == "identity-document-expired"
    identified(broker, client, None)
    second = identity_of(broker, client).get_json()
    assert parse_utc(second["validUntil"], "validUntil") // 1000 == broker.clock.now_ms() // 1000 + 365 * 86_400
    broker.clock.sleep(366 * 86_400)  # what has run out is issued anew, not handed out again
    third = identity_of(broker, client).get_json()
    assert third["id"] != second["id"]
    assert parse_utc(third["validUntil"], "validUntil") > broker.clock.now_ms()


def test_the_same_level_is_attested_once_and_anew_after_a_revocation(north, client):
    first = issue(north, client)
    assert issue(north, client) == first
    north.post(f"/v1/credentials/{first['id']}/revoke", {})
    second = issue(north, client)
    assert second["id"] != first["id"]
    assert second["credentialStatus"]["statusListIndex"] == "1"


def test_no_level_no_credential(broker):
    stranger = broker.enrol("nobody yet")
    for subject, code in ((stranger.subject, "no-valid-level"), ("ab" * 32, "subject-not-found")):
        assert broker.post("/v1/credentials/issue", {"subject": subject}).get_json()["code"] == code
    body = {"subject": stranger.subject, "type": "IdentityCredential"}
    assert broker.post("/v1/credentials/issue", body).get_json()["code"] == "no-verified-identity"
    problem = broker.post("/v1/credentials/issue", {"subject": stranger.subject, "type": "X"}).get_json()
    assert (problem["field"], problem["rule"]) == ("type", "one-of")


def test_revoking_what_was_never_issued(north):
    assert north.post("/v1/credentials/urn:uuid:none/revoke", {}).status_code == 404


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"credentialSubject": {"id": "did:ethr:0x7a69:0x" + "11" * 20, "riskLevel": "C5"}}, "signature"),
        ({"validUntil": "2099-01-01T00:00:00Z"}, "signature"),
        ({"proof": []}, "invalid-input"),
        ({"issuer": "did:ethr:0x7a69:0x" + "11" * 20}, "issuer"),
    ],
)
def test_a_changed_credential_does_not_verify(north, south, client, change, code):
    assert verify(south, {**issue(north, client), **change})["code"] == code


def test_a_credential_by_a_stranger_or_a_suspended_member(north, south, client):
    credential = issue(north, client)
    stranger = keystore_of("stranger")
    did = f"did:ethr:0x7a69:{stranger.address}"
    unsigned = {name: value for name, value in credential.items() if name != "proof"} | {"issuer": did}
    forged = add_proof(
        unsigned,
        seed=stranger.newest.signing_seed,
        verification_method=f"{did}#signing",
        created=credential["proof"]["created"],
    )
    assert verify(south, forged)["code"] == "issuer-right"
    north.chain.suspend("north")
    problem = verify(south, credential)
    assert (problem["status"], problem["code"]) == (422, "issuer-right")
    assert "suspended" in problem["detail"]


def test_a_status_that_cannot_be_read_is_never_valid(north, south, client):
    credential = issue(north, client)

    def unreachable(url):
        raise CouldNotCheck("peer-unreachable", url)

    south.node = Node(**{**_fields(south.node), "fetch": unreachable})
    south.http = create_app(south.node).test_client()
    assert verify(south, credential)["status"] == 503


def test_a_status_list_is_read_only_where_our_settings_point(north, south, client):
    credential = issue(north, client)
    south.node.settings.peers.clear()
    assert verify(south, credential)["code"] == "status-unknown"


def challenge(verifier, client, purpose="open-account"):
    answer = verifier.post("/v1/proofs/challenges", {"holder": client.did, "purpose": purpose})
    assert answer.status_code == 201
    return answer.get_json()


def prove(client, challenge, now, *, blinding=BLINDING, commitment=COMMITMENT, key_seed=None, **changes):
    context = ProofContext(
        **{
            "chain_id": 31_337,
            "audience": challenge["audience"],
            "holder": client.did,
            "verification_method": client.key,
            "nonce": decode_base64url(challenge["nonce"], "nonce"),
            "purpose": challenge["purpose"],
            "issued_at": now,
            "expires_at": parse_time(challenge["expires_at"], "expires_at"),
            **changes,
        }
    )
    return prove_opening(context, commitment, MESSAGE, blinding, seed("zk"), key_seed or client.key_seed)


@both_suites
def test_another_broker_verifies_that_the_client_knows_the_number(north, south, client):
    credential = issue(north, client, type="IdentityCredential")
    proof = prove(client, challenge(south, client), south.clock.now)
    verdict = south.post("/v1/proofs/verify", {"proof": proof, "credential": credential}).get_json()
    assert verdict["status"] == "verified"
    assert verdict["commitment"] == COMMITMENT.hex()
    assert verdict["credential"] == credential["id"]
    alone = prove(client, challenge(south, client), south.clock.now)
    assert south.post("/v1/proofs/verify", alone).get_json()["credential"] is None


def test_a_replayed_proof_is_refused(south, client):
    proof = prove(client, challenge(south, client), south.clock.now)
    assert south.post("/v1/proofs/verify", proof).status_code == 200
    again = south.post("/v1/proofs/verify", proof)
    assert (again.status_code, again.get_json()["code"]) == (409, "proof-replayed")


def test_a_proof_for_another_verifier_is_refused(north, south, client):
    proof = prove(client, challenge(south, client), south.clock.now)
    assert north.post("/v1/proofs/verify", proof).get_json()["code"] == "proof-nonce-unknown"


def test_an_expired_challenge_is_refused(south, client):
    proof = prove(client, challenge(south, client), south.clock.now)
    south.clock.now += 300_000
    assert south.post("/v1/proofs/verify", proof).get_json()["code"] == "proof-expired"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"purpose": "marketing"}, "proof-context"),
        ({"holder": "did:ethr:0x7a69:0x" + "11" * 20}, "proof-context"),
        ({"chain_id": 1}, "proof-context"),
        ({"key_seed": seed("another key")}, "signature"),
        ({"verification_method": "did:ethr:0x7a69:0x" + "11" * 20 + "#delegate-1"}, "key"),
    ],
)
def test_a_proof_in_another_context_is_refused_and_costs_the_nonce(south, client, changes, code):
    given = challenge(south, client)
    assert south.post("/v1/proofs/verify", prove(client, given, south.clock.now, **changes)).get_json()["code"] == code
    honest = prove(client, given, south.clock.now)
    assert south.post("/v1/proofs/verify", honest).get_json()["code"] == "proof-replayed"


def test_a_proof_of_another_commitment_than_the_attested_one(north, south, client):
    credential = issue(north, client, type="IdentityCredential")
    other = commit(MESSAGE, BLINDING + 1)
    proof = prove(client, challenge(south, client), south.clock.now, blinding=BLINDING + 1, commitment=other)
    answer = south.post("/v1/proofs/verify", {"proof": proof, "credential": credential}).get_json()
    assert answer["code"] == "commitment"


def test_a_credential_about_somebody_else_does_not_help(north, south, client, chain):
    credential = issue(north, client, type="IdentityCredential")
    other = north.enrol("client two")
    proof = prove(other, challenge(south, other), south.clock.now)
    answer = south.post("/v1/proofs/verify", {"proof": proof, "credential": credential}).get_json()
    assert answer["code"] == "holder"


def test_of_two_at_the_same_instant_one_proof_is_accepted(south, client):
    south.store.dispose()
    proof = prove(client, challenge(south, client), south.clock.now)
    codes = []

    def send():
        answer = south.app.test_client().post(
            "/v1/proofs/verify", json=proof, headers={"Authorization": "Bearer token of broker-system"}
        )
        codes.append(answer.status_code)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes)[0] == 200
    assert set(codes) - {200} <= {409, 503}
    assert codes.count(200) == 1
