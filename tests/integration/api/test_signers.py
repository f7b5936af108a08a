"""A good signature by the wrong party, at each place of the HTTP interface that takes one (docs/signatures.md)."""

import pytest

from node_adapter.peers.messages import sign_message
from node_adapter.workflows.replay.orders import KIND as ORDER
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.eip712 import ED25519_ATTRIBUTE, set_attribute_typed_data, sign_typed
from primitives.encoding import encode_base64url
from primitives.timestamp import format_time
from tests.integration.api.test_clients import answer_to, consent_of
from tests.integration.api.test_credentials import challenge, north, prove, south
from tests.integration.api.test_facts import first_steps, level_draft
from tests.world.broker import Broker
from tests.world.chain import CHAIN_ID, CONTRACTS, VALIDITY
from tests.world.clock import START
from tests.world.keys import keystore_of, next_keys, seed

__all__ = ["north", "south"]
DEADLINE = START // 1000 + 86_400


@pytest.fixture
def other(broker):
    return broker.enrol("client two")


@pytest.fixture
def signers(broker, client, other):
    """The Ed25519 keys of everybody but the client: each of them signs well, and none may sign for him."""
    return {
        "another client": other.key_seed,
        "the broker": keystore_of("north").newest.signing_seed,
        "another member": keystore_of("south").newest.signing_seed,
        "the regulator": keystore_of("regulator").newest.signing_seed,
        "a stranger": seed("a stranger"),
    }


WRONG = ["another client", "the broker", "another member", "the regulator", "a stranger"]


@pytest.mark.parametrize("who", WRONG)
def test_an_act_is_signed_by_its_client_alone(broker, client, signers, who):
    first_steps(broker, client)
    fact = client.act(level_draft(broker, client), broker.clock.now, key_seed=signers[who])
    assert broker.post("/v1/facts", fact).get_json()["code"] == "act-signature"


@pytest.mark.parametrize("who", ["another client", "the broker"])
def test_an_act_names_a_key_of_its_client(broker, client, other, signers, who):
    first_steps(broker, client)
    fact = client.act(level_draft(broker, client), broker.clock.now, key_seed=signers[who])
    fact["act"]["key"] = other.key if who == "another client" else f"{broker.did}#signing"
    assert broker.post("/v1/facts", fact).get_json()["code"] == "act-key-invalid"


def test_a_revoked_key_signs_no_act_and_opens_no_session(broker, client):
    first_steps(broker, client)
    fact = client.act(level_draft(broker, client), broker.clock.now)
    opened = broker.http.post("/v1/client/sessions/challenge", json={"did": client.did}).get_json()
    broker.chain.set_key(client.address, client.public, 0)
    assert broker.post("/v1/facts", fact).get_json()["code"] == "act-key-invalid"
    assert broker.http.post("/v1/client/sessions", json=answer_to(opened, client)).status_code == 401


@pytest.mark.parametrize("who", WRONG)
def test_a_session_is_opened_by_its_client_alone(broker, client, signers, who):
    opened = broker.http.post("/v1/client/sessions/challenge", json={"did": client.did}).get_json()
    answer = broker.http.post("/v1/client/sessions", json=answer_to(opened, client, signers[who]))
    assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthenticated")


def test_a_member_has_no_clients_session(broker):
    keys = keystore_of("north").newest
    opened = broker.http.post("/v1/client/sessions/challenge", json={"did": broker.did}).get_json()
    statement = {name: opened[name] for name in ("version", "broker", "did", "nonce")}
    signature = encode_base64url(ed25519.sign(keys.signing_seed, canonical_json(statement)))
    body = {"did": broker.did, "nonce": opened["nonce"], "key": f"{broker.did}#signing", "signature": signature}
    assert broker.http.post("/v1/client/sessions", json=body).status_code == 401


@pytest.mark.parametrize("who", WRONG)
def test_a_proof_is_signed_by_its_holder_alone(north, south, client, signers, who):
    proof = prove(client, challenge(south, client), south.clock.now, key_seed=signers[who])
    assert south.post("/v1/proofs/verify", proof).get_json()["code"] == "signature"


def test_a_member_is_no_holder(north, south, client):
    given = south.post("/v1/proofs/challenges", {"holder": north.did, "purpose": "open-account"}).get_json()
    keys = keystore_of("north").newest
    who = {"holder": north.did, "verification_method": f"{north.did}#signing", "key_seed": keys.signing_seed}
    assert south.post("/v1/proofs/verify", prove(client, given, south.clock.now, **who)).get_json()["code"] == "key"


CONTROLLERS = {
    "another client": lambda other: other.controller,
    "the client's signing key": lambda _: seed("client one key"),
    "the compliance key": lambda _: keystore_of("north").newest.compliance_key,
    "a stranger": lambda _: seed("a stranger"),
}


@pytest.mark.parametrize("who", CONTROLLERS)
def test_a_registry_call_is_signed_by_the_owner_alone(broker, client, other, who):
    new = ed25519.public_key(seed("new key"))
    typed = set_attribute_typed_data(
        CHAIN_ID, CONTRACTS["DidRegistry"], client.address, ED25519_ATTRIBUTE, new, VALIDITY, 1, DEADLINE
    )
    call = {
        "did": client.did,
        "call": "setAttribute",
        "name": "0x" + ED25519_ATTRIBUTE.hex(),
        "value": "0x" + new.hex(),
        "validity": VALIDITY,
        "deadline": DEADLINE,
        "signature": "0x" + sign_typed(CONTROLLERS[who](other), typed).hex(),
    }
    assert broker.post("/v1/dids/sponsored", call).get_json()["code"] == "did-signature"


@pytest.mark.parametrize("who", WRONG)
def test_a_consent_is_signed_by_its_client_alone(broker, client, signers, who):
    client.key_seed = signers[who]
    assert broker.post("/v1/consents/grant", consent_of(broker, client)).get_json()["code"] == "signature"


@pytest.mark.parametrize("path", ["/v1/facts", "/v1/subjects", "/v1/dids/sponsored", "/v1/consents/grant"])
def test_a_suspended_member_takes_and_relays_nothing(broker, client, chain, path):
    chain.suspend("north")
    assert broker.post(path, {}).get_json()["code"] in ("member-suspended", "invalid-input")
    assert broker.post("/v1/consents/grant", consent_of(broker, client)).get_json()["code"] == "member-suspended"
    assert broker.post("/v1/credentials/issue", {"subject": client.subject}).get_json()["code"] == "member-suspended"


class TestMessages:
    """What members say to each other, and on the chain's word alone."""

    @pytest.fixture
    def regulator(self, tmp_path, chain, broker):
        regulator = Broker(tmp_path / "regulator", chain, "regulator", "regulator", clock=broker.clock)
        yield regulator
        regulator.store.dispose()

    def order(self, sender, broker, client):
        body = {"id": "order-1", "did": client.did, "case": "CASE-1", "ordered_at": format_time(broker.clock.now)}
        return sign_message(sender.node, broker.keys.address, ORDER, body)

    def send(self, broker, message):
        return broker.http.post("/v1/peer/messages", json=message).get_json()

    def test_by_a_key_that_has_ended(self, broker, client, regulator, chain):
        message = self.order(regulator, broker, client)
        chain.rotate("regulator", next_keys("regulator"))
        assert self.send(broker, message)["code"] == "signature"

    @pytest.mark.parametrize("who", ["client one key", "south signing", "a stranger"])
    def test_by_another_key_in_a_members_name(self, broker, client, regulator, who):
        message = self.order(regulator, broker, client)
        unsigned = {name: value for name, value in message.items() if name != "signature"}
        forged = {**unsigned, "signature": encode_base64url(ed25519.sign(seed(who), canonical_json(unsigned)))}
        assert self.send(broker, forged)["code"] == "signature"

    def test_in_the_name_of_who_is_no_member(self, broker, client, regulator):
        message = {**self.order(regulator, broker, client), "sender": client.address}
        assert self.send(broker, message)["code"] == "member-unknown"
