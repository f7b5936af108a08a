"""A key rotated: whatever becomes of the calls, the wallet signs with a key that holds and finds its way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonafides.wallet.keys import Identities, new_identity
from bonafides.wallet.rotation import learn, rotate, state_of_resolution
from bonafides.wallet.session import answer_challenge
from bonafides.wallet.store import WalletStore
from did.registry_log import DidEvent, IdentityHistory
from primitives import eip712
from primitives.errors import InvalidInput, Refused
from primitives.suites import DEFAULT, SUITES
from tests.properties import examples
from tests.unit.bonafides.conftest import BROKER, CHAIN, NETWORK, NOW, entropy_from

SM = SUITES["sm3-sm2/1"]
VALID = 2**40


class Registry:
    """The DidRegistry: takes a sponsored call when it is signed with the next nonce, and says how things stand."""

    def __init__(self, identity):
        self.identity, self.nonce, self.events = identity, 0, []
        for line in identity.lines:  # the registration
            self._set(line.suite.attribute, line.keys[0].public, VALID)

    def _set(self, name, key, valid_to):
        block = len(self.events) + 1
        args = {
            "identity": self.identity.address,
            "name": "0x" + name.hex(),
            "value": "0x" + key.hex(),
            "validTo": valid_to,
            "previousChange": block - 1,
        }
        self.events.append(DidEvent(block, 0, 0, "DIDAttributeChanged", args, NOW // 1000))
        self.nonce += 1

    def relay(self, call):
        name, value = (bytes.fromhex(call[part][2:]) for part in ("name", "value"))
        common = (CHAIN, NETWORK.did_registry, self.identity.address, name, value)
        if call["call"] == "setAttribute":
            typed = eip712.set_attribute_typed_data(*common, call["validity"], self.nonce, call["deadline"])
        else:
            typed = eip712.revoke_attribute_typed_data(*common, self.nonce, call["deadline"])
        if eip712.recover_typed(typed, bytes.fromhex(call["signature"][2:])) != self.identity.address:
            return False
        self._set(name, value, VALID if call["call"] == "setAttribute" else 0)
        return True

    @property
    def keys(self):
        history = IdentityHistory.from_events(self.events, did=self.identity.did)
        held = [history.keys_at(len(self.events), NOW // 1000, line.suite) for line in self.identity.lines]
        return {name: key for keys in held for name, key in keys.items()}

    def state(self):
        return {
            "block": len(self.events),
            "keys": {method: key.hex() for method, key in self.keys.items()},
            "nonce": self.nonce,
        }


@pytest.fixture
def registry(identity):
    return Registry(identity)


def again(identities, identity):
    with identities.changing():
        return rotate(identities, identity.did, NOW)


def see(identities, registry):
    with identities.changing():
        return learn(identities, registry.identity.did, registry.state())


def test_the_new_key_signs_when_it_was_seen_on_the_chain(identities, identity, registry):
    for turn in range(1, 4):
        old = identities.by_did(identity.did).key
        rotated, calls = again(identities, identity)
        assert [call["call"] for call in calls] == ["setAttribute", "revokeAttribute"]
        assert identities.by_did(identity.did).key == old
        assert all(registry.relay(call) for call in calls)
        learned = see(identities, registry)
        assert registry.keys == {learned.key_id(learned.key): learned.key.public}
        assert learned.key_id(learned.key) == rotated.key_id(rotated.lines[0].pending)  # as the wallet presumed
        assert (learned.lines[0].pending, len(learned.lines[0].keys)) == (None, turn + 1)
        assert [key.revoked for key in learned.lines[0].keys] == [True] * turn + [False]


def test_a_client_of_another_suite_changes_both_keys(identities):
    with identities.changing():
        made = new_identity(identities, client_ref="sm", broker=BROKER, network=NETWORK, suite=SM)
    registry = Registry(made)
    for _ in range(3):
        rotated, calls = again(identities, made)
        assert [(call["call"], call["name"]) for call in calls] == [
            (kind, "0x" + line.suite.attribute.hex())
            for line in made.lines
            for kind in ("setAttribute", "revokeAttribute")
        ]
        presumed = {rotated.key_id(line.pending): line.pending.public for line in rotated.lines}
        assert all(registry.relay(call) for call in calls)
        learned = see(identities, registry)
        assert registry.keys == presumed == {learned.key_id(key): key.public for key in (learned.key, learned.act_key)}
        assert (learned.key.suite, learned.act_key.suite) == (DEFAULT, SM)


def test_of_two_keys_one_that_was_not_changed_is_changed_later(identities):
    """What came through is not asked for again; neither suite begins anew before both are done."""
    with identities.changing():
        made = new_identity(identities, client_ref="sm", broker=BROKER, network=NETWORK, suite=SM)
    registry = Registry(made)
    _, calls = again(identities, made)
    assert registry.relay(calls[0])
    see(identities, registry)
    _, left = again(identities, made)
    assert [(call["call"], call["value"]) for call in left] == [
        (call["call"], call["value"]) for call in (calls[1], calls[2], calls[3])
    ]
    assert all(registry.relay(call) for call in left)
    assert set(registry.keys.values()) == {
        key.public for key in (see(identities, registry).key, see(identities, registry).act_key)
    }
    assert len(again(identities, made)[1]) == 4


def test_a_rotation_that_nobody_relayed_is_made_again_for_the_same_key(identities, identity, registry):
    _, lost = again(identities, identity)
    _, calls = again(identities, identity)
    assert [call["value"] for call in calls] == [call["value"] for call in lost]
    assert identities.by_did(identity.did).key == identity.key
    assert see(identities, registry).key == identity.key
    assert all(registry.relay(call) for call in calls)
    assert see(identities, registry).key.public.hex() == calls[0]["value"][2:]


def test_a_rotation_that_was_half_relayed_is_finished(identities, identity, registry):
    _, (set_new, _lost) = again(identities, identity)
    assert registry.relay(set_new)
    learned = see(identities, registry)
    assert learned.key.public.hex() == set_new["value"][2:]
    _, calls = again(identities, identity)
    assert [call["call"] for call in calls] == ["revokeAttribute"]
    assert registry.relay(calls[0])
    assert list(registry.keys.values()) == [see(identities, registry).key.public]
    assert len(again(identities, identity)[1]) == 2  # and now a new one may begin


def test_a_wallet_that_counted_by_itself_finds_its_way_back(identities, identity, registry):
    """What an earlier version kept after a rotation that nobody relayed."""
    value = identity.to_json()
    first = value["keys"][0]
    value |= {"keys": [{**first, "revoked": True}, {"seed": "22" * 32, "number": 2, "revoked": False}], "nonce": 3}
    del value["pending"], value["block"]
    with identities.changing():
        identities.save(type(identity).from_json({**value, "key_events": 3}))
    assert identities.by_did(identity.did).key.number == 2
    learned = see(identities, registry)
    assert (learned.key.public, learned.nonce, learned.lines[0].pending.seed.hex()) == (
        identity.key.public,
        1,
        "22" * 32,
    )
    _, calls = again(identities, identity)
    assert all(registry.relay(call) for call in calls)
    assert see(identities, registry).key.seed.hex() == "22" * 32


def test_news_of_an_earlier_block_is_none(identities, identity, registry):
    before = registry.state()
    _, calls = again(identities, identity)
    assert all(registry.relay(call) for call in calls)
    learned = see(identities, registry)
    with identities.changing():
        assert learn(identities, identity.did, before) == learned


def test_before_the_registration_is_on_the_chain_the_first_key_is_presumed(identities, identity):
    with identities.changing():
        learned = learn(identities, identity.did, {"block": 4, "keys": {}, "nonce": 0})
    assert (learned.key, learned.nonce) == (identity.key, 1)


def test_a_challenge_tells_it_too_and_is_answered_with_the_key_that_holds(identities, identity, registry):
    _, calls = again(identities, identity)
    assert all(registry.relay(call) for call in calls)
    challenge = {"broker": BROKER, "did": identity.did, "nonce": "n", "identity": registry.state()}
    with identities.changing():
        answer = answer_challenge(identities, challenge)
    assert answer["key"] == f"{identity.did}#delegate-2"


@pytest.mark.parametrize(
    "change",
    [
        {"keys": []},
        {"keys": {"did:x#delegate-1": "00" * 32}},
        {"keys": {"DID#delegate-0": "00" * 32}},
        {"keys": {"DID#delegate-1": "00"}},
        {"block": -1},
        {"block": True},
        {"nonce": "1"},
        {"nonce": None},
    ],
)
def test_a_state_is_read_strictly(identities, identity, change):
    keys = change.get("keys")
    if isinstance(keys, dict):
        change = {"keys": {method.replace("DID", identity.did): key for method, key in keys.items()}}
    with identities.changing(), pytest.raises(InvalidInput):
        learn(identities, identity.did, {"block": 1, "keys": {}, "nonce": 1, **change})


def test_a_state_of_a_stranger_is_refused(identities):
    with identities.changing(), pytest.raises(Refused):
        learn(identities, BROKER[:-40] + "11" * 20, {"block": 1, "keys": {}, "nonce": 1})
    for value in ({}, {"didDocument": {}}, {"didDocument": [], "sponsored": {}}):
        with pytest.raises(InvalidInput):
            state_of_resolution(value)


@pytest.fixture(scope="module")
def wallet(tmp_path_factory):
    opened = WalletStore.create(tmp_path_factory.mktemp("wallets") / "w", "a test password", entropy_from(b"rotation"))
    yield Identities(opened)
    opened.close()


_numbers = iter(range(10**6))
STEPS = st.lists(st.sampled_from(["rotate", "relay", "relay old", "learn", "learn old"]), max_size=12)


@examples(60)
@given(STEPS)
def test_no_order_of_losses_and_news_wedges_an_identity(wallet, steps):
    with wallet.changing():
        identity = new_identity(wallet, client_ref=f"c-{next(_numbers)}", broker=BROKER, network=NETWORK)
    registry = Registry(identity)
    made, states = [], [registry.state()]
    for step in steps:
        if step == "rotate":
            made += again(wallet, identity)[1]
        elif step == "relay" and made:
            registry.relay(made[-1])
        elif step == "relay old" and made:
            registry.relay(made[len(made) // 2])
        elif step.startswith("learn"):
            states.append(registry.state())
            with wallet.changing():
                learned = learn(wallet, identity.did, states[-1 if step == "learn" else len(states) // 2])
            if step == "learn":
                assert learned.key.public in registry.keys.values()
    see(wallet, registry)
    for call in again(wallet, identity)[1]:
        assert registry.relay(call)
    final = see(wallet, registry)
    assert registry.keys == {final.key_id(final.key): final.key.public}
