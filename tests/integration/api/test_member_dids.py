"""Anybody can resolve an issuer: its DID document holds the keys that MemberRegistry held at a block."""

from did.credentials.contexts import CREDENTIALS_V1
from did.keys import encode_ed25519
from tests.world.keys import keystore_of, next_keys


def resolve(broker, did, query=""):
    return broker.get(f"/v1/members/{did}{query}", role=None)


def methods(answer):
    return {method["id"]: method for method in answer.get_json()["didDocument"]["verificationMethod"]}


def test_the_document_of_a_member_names_its_signing_key_to_anybody(broker):
    document = resolve(broker, broker.did).get_json()["didDocument"]
    signing = f"{broker.did}#signing"
    method = {entry["id"]: entry for entry in document["verificationMethod"]}[signing]
    assert method["publicKeyMultibase"] == encode_ed25519(keystore_of("north").signing_public)
    assert signing in document["assertionMethod"]
    assert signing not in document["authentication"]
    assert document["keyAgreement"] == [f"{broker.did}#agreement"]
    assert broker.get(f"/v1/dids/{broker.did}").get_json()["didDocument"] == document


def test_the_document_at_a_block_has_the_keys_of_that_block(broker):
    before = broker.chain.height
    broker.rotate()
    signing = f"{broker.did}#signing"
    old, new = keystore_of("north").signing_public, next_keys("north").signing_public
    shown = [methods(resolve(broker, broker.did, query))[signing] for query in (f"?block={before}", "")]
    assert [one["publicKeyMultibase"] for one in shown] == [encode_ed25519(old), encode_ed25519(new)]


def test_a_suspended_member_and_one_before_its_admission_have_no_key(broker, chain):
    assert set(methods(resolve(broker, broker.did, "?block=1"))) == {f"{broker.did}#controller"}
    chain.suspend("north")
    assert set(methods(resolve(broker, broker.did))) == {f"{broker.did}#controller"}


def test_the_document_says_where_the_members_node_is(broker, chain):
    assert "service" not in resolve(broker, broker.did).get_json()["didDocument"]
    chain.set_endpoint("north", "https://old.example")
    chain.set_endpoint("north", "https://old.example", held=False)
    chain.set_endpoint("north", "https://new.example")
    assert resolve(broker, broker.did).get_json()["didDocument"]["service"] == [
        {"id": f"{broker.did}#service-3", "type": "BonafidesNode", "serviceEndpoint": "https://new.example"}
    ]


def test_no_client_is_resolved_for_strangers(broker, client):
    assert resolve(broker, client.did).get_json()["code"] == "member-unknown"
    assert resolve(broker, "did:ethr:0x1:0x" + "11" * 20).get_json()["code"] == "invalid-input"
    assert resolve(broker, broker.did, "?block=999").get_json()["code"] == "block-unknown"
    assert resolve(broker, broker.did, "?block=x").get_json()["rule"] == "range"


def test_the_context_of_our_credentials_is_served_to_anybody(broker):
    answer = broker.get("/v1/contexts/credentials-v1", role=None)
    assert answer.content_type == "application/ld+json"
    assert answer.data == CREDENTIALS_V1.content()
