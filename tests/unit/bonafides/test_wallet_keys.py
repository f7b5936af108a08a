import json

import pytest

from bonafides.wallet.keys import Network, bind, new_identity, registration
from primitives import eip712
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from primitives.pedersen import commit
from primitives.suites import SUITES
from tests.unit.bonafides.conftest import BROKER, CHAIN, NETWORK, NOW, PID

SM = SUITES["sm3-sm2/1"]


def new(identities, **changes):
    arguments = {"client_ref": "c-2", "broker": BROKER, "network": NETWORK, **changes}
    with identities.changing():
        return new_identity(identities, **arguments)


def test_a_registration_is_signed_by_the_controller(identity):
    made = registration(identity, NOW)
    body = made["registration"]
    typed = eip712.set_attribute_typed_data(
        CHAIN,
        NETWORK.did_registry,
        identity.address,
        eip712.ED25519_ATTRIBUTE,
        bytes.fromhex(body["signing_key"]),
        body["validity"],
        0,
        body["deadline"],
    )
    assert eip712.recover_typed(typed, bytes.fromhex(body["signature"][2:])) == identity.address
    assert made["did"] == f"did:ethr:0x{CHAIN:x}:{identity.address}"
    assert body["deadline"] > NOW // 1000


def test_a_client_of_another_suite_registers_two_keys_each_for_its_nonce(identities):
    made = new(identities, suite=SM)
    body = registration(made, NOW)
    assert body["act_registration"]["suite"] == SM.name
    for nonce, (suite, stated) in enumerate(
        ((SUITES["sha256-ed25519/1"], body["registration"]), (SM, body["act_registration"]))
    ):
        public = bytes.fromhex(stated["signing_key"])
        suite.check_public_key(public, "key")
        terms = (suite.attribute, public, stated["validity"], nonce, stated["deadline"])
        typed = eip712.set_attribute_typed_data(CHAIN, NETWORK.did_registry, made.address, *terms)
        assert eip712.recover_typed(typed, bytes.fromhex(stated["signature"][2:])) == made.address
    assert (made.suite, made.nonce, made.key_id(made.act_key)) == (SM, 2, f"{made.did}#delegate-2")
    assert type(made).from_json(json.loads(json.dumps(made.to_json()))) == made


def test_an_identity_takes_another_suite_until_a_broker_knows_it(identities):
    made = new(identities)
    other = new(identities, suite=SM)
    assert (other.did, other.key, other.suite, other.nonce) == (made.did, made.key, SM, 2)
    assert new(identities, suite=SM) == other
    assert new(identities) == made
    new(identities, suite=SM)
    with identities.changing():
        known = bind(identities, made.did, PID)
    with pytest.raises(Refused) as caught:
        new(identities)
    assert caught.value.code == "wallet-identity-exists"
    assert new(identities, suite=SM) == known


def test_clients_and_brokers_share_no_key(identities, identity):
    other_client = new(identities)
    other_broker = new(identities, client_ref="c-1", broker=BROKER[:-2] + "00")
    found = [identity, other_client, other_broker]
    assert len({item.did for item in found}) == 3
    assert len({item.key.public for item in found}) == 3
    assert [item.did for item in identities.all()] == [other_broker.did, identity.did, other_client.did]


def test_an_identity_is_made_once_and_of_its_own_chain(identities, identity):
    assert new(identities, client_ref="c-1") == identity  # to sign its registration again
    assert new(identities, client_ref="c-1", certificate={"kind": "passport", "number": "TEST00001"}) == identity
    other_network = Network(CHAIN, "0x" + "d2" * 20, "0x" + "c1" * 20)
    for change in ({"certificate": {"kind": "passport", "number": "TEST00002"}}, {"network": other_network}):
        with pytest.raises(Refused) as caught:
            new(identities, client_ref="c-1", **change)
        assert caught.value.code == "wallet-identity-exists"
    for broker in ("", 8, "did:key:z6Mk", BROKER.replace(f"{CHAIN:#x}", "0x1")):
        with pytest.raises(InvalidInput):
            new(identities, broker=broker)
    for certificate in ({"kind": "passport"}, "x", {"kind": "passport", "number": 5}, {"kind": "x", "number": "1"}):
        with pytest.raises(InvalidInput):
            new(identities, certificate=certificate)
    with pytest.raises(InvalidInput):
        new(identities, client_ref="")


def test_the_commitment_opens(identity):
    opening = identity.opening
    assert opening.commitment == commit(opening.message, opening.blinding)
    assert "TEST00001" not in repr(identity)
    assert identity.controller.hex() not in repr(identity)


def test_a_subject_is_bound_once(identities, identity):
    with identities.changing():
        assert bind(identities, identity.did, PID).subject == PID
        with pytest.raises(Refused) as caught:
            bind(identities, identity.did, "00" * 32)
    assert caught.value.code == "wallet-bound"
    assert identities.by_subject(BROKER, PID).did == identity.did
    for find in (lambda: identities.by_did("did:ethr:0x1:0x"), lambda: identities.by_subject(BROKER, "00" * 32)):
        with pytest.raises(Refused) as foreign:
            find()
        assert foreign.value.code == "wallet-foreign"


def test_a_network_file_is_read_strictly(tmp_path):
    file = tmp_path / "network.json"
    file.write_text(json.dumps(NETWORK.to_json()), encoding="utf-8")
    assert Network.load(file) == NETWORK
    for broken in ("[]", '{"chain_id": 1}', '{"chain_id": 0, "contracts": {}}', '{"chain_id": 1, "contracts": {}}'):
        file.write_text(broken, encoding="utf-8")
        with pytest.raises(InvalidInput):
            Network.load(file)
    with pytest.raises(CouldNotCheck):
        Network.load(tmp_path / "none")
