"""A broker's new keys are followed by proof: a bundle under a pinned member's word, and nothing that is forged."""

import json
from pathlib import Path

import pytest

from bonafides.cli.main import main
from bonafides.wallet.pinned import pin_broker, pinned_keys
from bonafides.wallet.promises import add_promise
from bonafides.wallet.store import PASSWORD_VARIABLE
from bonafides.wallet.successors import follow_keys
from evidence.version2.state.member_keys import MemberKeySet
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from primitives.errors import InvalidInput, Refused, VerificationFailed
from scripts.vectors.synthetic_consortium import Broker, seed
from scripts.vectors.version2.claims import keys_of
from tests.unit.bonafides.conftest import BROKER, PASSWORD

VECTORS = Path(__file__).parents[2] / "vectors" / "evidence-2"
STOLEN = seed("a key of nobody's")


@pytest.fixture
def other(house):
    """Another client of the broker: a bundle of any history shows the broker's keys."""
    house.anchor()
    made = house.broker.client("zoe")
    house.broker.record(made, "LEVEL_RESULT", {"band": "C1", "total": 12})
    house.anchor()
    return made


def proof(broker, client, **more):
    """A bundle, the trust file of its block and the key of its signer."""
    before = [leaf.seq for leaf in broker.leaves[1:]]
    bundle, header = broker.bundle(client, before=before, **more)
    return bundle, broker.world.trust(header), ed25519.public_key(broker.world.members["regulator"].secret)


def follow(identities, bundle, trust, signer):
    with identities.changing():
        return follow_keys(identities, bundle, [trust], {signer})[1]


def test_new_keys_are_followed_and_what_they_promise_is_taken(identities, house, other):
    first = house.keys
    house.broker.rotate()
    house.record()
    house.anchor()
    with pytest.raises(VerificationFailed), identities.changing():
        add_promise(identities, house.promise())
    assert follow(identities, *proof(house.broker, other)) == [first, house.keys]
    with identities.changing():
        assert add_promise(identities, house.promise())["status"] == "kept"


def test_keys_that_stand_in_the_registry_alone_are_followed(identities, house, other, monkeypatch):
    first, before = house.keys, house.broker.member
    house.broker.rotate()
    new = house.keys
    monkeypatch.setattr(Broker, "member", property(lambda _: before))  # the newest leaf names the keys that sign
    assert follow(identities, *proof(house.broker, other)) == [first, new]


def test_each_key_of_the_shown_anchors_is_pinned_in_their_order_and_again_is_the_same(identities, house, other):
    keys = [house.keys]
    for _ in range(2):
        house.broker.rotate()
        house.others("ann")
        house.anchor()
        keys.append(house.keys)
    shown = proof(house.broker, other)
    assert follow(identities, *shown) == follow(identities, *shown) == keys


def forged(broker, bundle, change):
    """A bundle that whoever stole the broker's key bends and signs again."""
    document = json.loads(bundle)
    change(document)
    del document["signature"]
    value = encode_base64url(ed25519.sign(broker.member.secret, canonical_json(document)))
    return canonical_json({**document, "signature": {"key": f"{broker.did}#signing", "alg": "Ed25519", "value": value}})


def member_of(document):
    return next(one for one in document["members"] if one["member"] == document["broker"])


def in_the_registry(document):
    member_of(document)["keys"]["signing"] = ed25519.public_key(STOLEN).hex()


def in_a_leaf(document):
    document["keys"][0]["signing"] = ed25519.public_key(STOLEN).hex()


def in_a_leaf_that_names_them(document):
    keys = {**document["keys"][0], "signing": ed25519.public_key(STOLEN).hex()}
    parts = [bytes.fromhex(keys[name]) for name in ("signing", "checkpoint", "agreement")]
    document["keys"].append(keys)
    document["log"]["anchors"][-1]["keys_digest"] = MemberKeySet(1, *parts, keys["compliance"]).digest().hex()


@pytest.mark.parametrize(
    ("change", "check"),
    [(in_the_registry, "member-keys"), (in_a_leaf, "member-keys"), (in_a_leaf_that_names_them, "log-head")],
)
def test_a_forged_successor_is_refused_and_pins_nothing(identities, house, other, change, check):
    before = pinned_keys(identities, BROKER)
    bundle, trust, signer = proof(house.broker, other)
    with pytest.raises(VerificationFailed) as caught:
        follow(identities, forged(house.broker, bundle, change), trust, signer)
    assert caught.value.check == check
    assert pinned_keys(identities, BROKER) == before


def test_a_block_that_no_pinned_member_signed_for_proves_no_key(identities, house, other):
    before = pinned_keys(identities, BROKER)
    house.broker.rotate()
    bundle, trust, _ = proof(house.broker, other)
    with pytest.raises(VerificationFailed) as caught:
        follow(identities, bundle, trust, ed25519.public_key(STOLEN))
    assert caught.value.check == "trust"
    assert pinned_keys(identities, BROKER) == before


def test_of_a_broker_of_which_no_key_is_pinned_there_is_none_to_succeed(identities, house, other):
    south = Broker(house.broker.world, "south")
    client = south.client("ann")
    south.record(client, "LEVEL_RESULT", {"band": "C1", "total": 12})
    south.anchor()
    with pytest.raises(Refused) as caught:
        follow(identities, *proof(south, client))
    assert caught.value.code == "wallet-broker-unknown"
    with pytest.raises(InvalidInput):
        follow(identities, b"{}", *proof(house.broker, other)[1:])


def test_the_command_takes_new_keys_by_word_or_by_proof(identities, house, other, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    house.broker.rotate()
    house.others("ann")
    house.anchor()
    bundle, trust, signer = proof(house.broker, other)
    (tmp_path / "b.json").write_bytes(bundle)
    (tmp_path / "t.json").write_bytes(trust)
    shown = ("--bundle", str(tmp_path / "b.json"), "--trust", str(tmp_path / "t.json"), "--trust-key", signer.hex())
    command = ("wallet", "broker-key", "--wallet", str(tmp_path / "wallet"))
    for words in ((), shown[:4], ("--broker", BROKER), (*shown, "--key", "ab" * 32)):
        with pytest.raises(SystemExit) as ended:
            main([*command, *words])
        assert (ended.value.code, "one-of" in capsys.readouterr().err) == (2, True)
    with pytest.raises(SystemExit) as ended:
        main([*command, *shown])
    out = capsys.readouterr()
    assert out.err == ""
    told = json.loads(out.out)
    assert (ended.value.code, told["broker"]) == (0, BROKER)
    assert told["keys"][-1]["signing"] == keys_of(house.broker).signing.hex()


def test_keys_of_another_suite_are_followed_too(identities):
    """The worked bundle of a broker of SM2 that changed its keys, under the word of a regulator of SM2."""
    vector = json.loads((VECTORS / "bundle-sm.json").read_text("utf-8"))
    first, second = json.loads(vector["bundle"])["keys"]
    with identities.changing():
        pin_broker(identities, json.loads(vector["bundle"])["broker"], first["signing"], first["checkpoint"])
    pinned = follow(identities, vector["bundle"].encode(), vector["trust"].encode(), bytes.fromhex(vector["trust_key"]))
    assert {(pair.signing.hex(), pair.checkpoint.hex()) for pair in pinned} == {
        (keys["signing"], keys["checkpoint"]) for keys in (first, second)
    }
    assert {len(pair.signing) for pair in pinned} == {65}
