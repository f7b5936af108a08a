"""The node reads keys with `did`, the offline verifier with `evidence`; neither imports the other: they must agree."""

from hypothesis import given
from hypothesis import strategies as st

from did.identifiers import ethr_did
from did.registry_log import DidEvent, IdentityHistory
from evidence.chain.registry_events import RegistryEvent, client_keys
from evidence.version2.state.did_changes import DidChange, KeyHistory
from primitives.ed25519 import MAX_KEYS_IN_FORCE
from primitives.eip712 import ED25519_ATTRIBUTE, attribute_name
from primitives.suites import DEFAULT, SUITES
from tests.world.keys import both_suites

IDENTITY = "0x" + "aa" * 20
SM = SUITES["sm3-sm2/1"]
NAMES = [
    ED25519_ATTRIBUTE,
    attribute_name("did/pub/Ed25519/sigAuth/hex"),
    attribute_name("did/pub/X25519/enc/hex"),
    SM.attribute,
    attribute_name("did/pub/SM2/sigAuth/hex"),
]
VALUES = [b"\x01" * 32, b"\x02" * 32, b"\x03" * 31, b"\x04" * 65, b"\x04" + b"\x05" * 64]
OWNERS = [IDENTITY, "0x" + "bb" * 20, "0x" + "00" * 20]

attributes = st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES), st.sampled_from([0, 15, 25, 10**6]))
owners = st.sampled_from(OWNERS)
changes = st.lists(st.tuples(st.integers(1, 6), attributes | owners), max_size=8)


def both(changes):
    ours, theirs, last = [], [], 0
    for position, (block, change) in enumerate(sorted(changes, key=lambda item: item[0])):
        if isinstance(change, str):
            name, args = "DIDOwnerChanged", {"owner": change}
            other = dict(args)
        else:
            name = "DIDAttributeChanged"
            attribute, value, valid_to = change
            args = {"name": attribute, "value": value, "validTo": valid_to}
            other = {"name": attribute, "value": value, "valid_to": valid_to}
        ours.append(
            DidEvent(block, position, 0, name, {**args, "identity": IDENTITY, "previousChange": last}, block * 5)
        )
        theirs.append(RegistryEvent(block, position, 0, name, {**other, "previous_change": last}))
        last = block
    return IdentityHistory.from_events(ours, did=ethr_did(1, IDENTITY), changed=last), theirs


def named(keys):
    return {name.partition("#")[2]: value for name, value in keys.items()}


@given(changes, st.integers(0, 7))
def test_the_same_keys_hold_under_the_same_names_in_the_same_order(changes, block):
    history, events = both(changes)
    found = client_keys(events, block, block * 5)
    assert list(named(history.keys_at(block, block * 5)).items()) == list(found.items())


def test_no_more_than_the_newest_keys_count():
    changes = [(1, (ED25519_ATTRIBUTE, bytes([number]) * 32, 10**6)) for number in range(MAX_KEYS_IN_FORCE + 3)]
    history, events = both(changes)
    found = client_keys(events, 1, 5)
    assert list(found) == [f"delegate-{number}" for number in range(4, MAX_KEYS_IN_FORCE + 4)]
    assert named(history.keys_at(1, 5)) == found


many = st.lists(
    st.tuples(
        st.integers(1, 6), st.tuples(st.just(ED25519_ATTRIBUTE), st.binary(min_size=32, max_size=32), st.just(20))
    ),
    max_size=MAX_KEYS_IN_FORCE + 4,
)


@given(changes, many, st.integers(0, 7))
def test_under_a_key_that_intake_takes_a_verifier_of_version_2_takes_the_act(changes, many, block):
    history, events = both([*changes, *many])
    values = [{name: value for name, value in event.args.items() if name != "previous_change"} for event in events]
    told = [
        DidChange(event.name, event.block, event.block * 5, said) for event, said in zip(events, values, strict=True)
    ]
    for suite in SUITES.values():
        counted = {key.name: key.key for key in KeyHistory(told, suite.algorithm).at(block)}
        taken = named(history.act_keys_at(block, block * 5, suite))
        assert taken.items() <= counted.items()
        assert {len(key) for key in taken.values()} <= {suite.public_key_bytes}


@both_suites
def test_keys_of_another_name_or_suite_hide_none(suite):
    """They are as long, and as many as count."""
    other = [attribute_name("did/pub/X25519/enc/hex"), *(one.attribute for one in SUITES.values() if one is not suite)]
    key = b"\xff" * suite.public_key_bytes
    changes = [(1, (suite.attribute, key, 10**6))]
    changes += [
        (2, (name, bytes([number]) * suite.public_key_bytes, 10**6))
        for name in other
        for number in range(MAX_KEYS_IN_FORCE)
    ]
    history, _ = both(changes)
    assert named(history.act_keys_at(2, 10, suite)) == named(history.keys_at(2, 10, suite)) == {"delegate-1": key}


def test_a_key_of_each_suite_signs_acts_of_that_suite_alone():
    own, other = (ED25519_ATTRIBUTE, VALUES[0], 10**6), (SM.attribute, VALUES[3], 10**6)
    history, _ = both([(1, own), (2, other)])
    assert named(history.act_keys_at(2, 10, DEFAULT)) == {"delegate-1": VALUES[0]}
    assert named(history.act_keys_at(2, 10, SM)) == {"delegate-2": VALUES[3]}
    document = history.document_at(2, 10)
    assert [method["type"] for method in document["verificationMethod"][1:]] == [
        "Ed25519VerificationKey2020",
        "Multikey",
    ]
    assert document["@context"][-1] == "https://w3id.org/security/multikey/v1"


def test_a_key_behind_as_many_that_have_expired_is_not_taken_for_acts():
    changes = [(1, (ED25519_ATTRIBUTE, bytes([0]) * 32, 10**6))]
    changes += [(1, (ED25519_ATTRIBUTE, bytes([number]) * 32, 15)) for number in range(1, MAX_KEYS_IN_FORCE + 1)]
    history, _ = both(changes)
    assert list(named(history.keys_at(6, 30))) == ["delegate-1"]
    assert history.act_keys_at(6, 30, DEFAULT) == {}
