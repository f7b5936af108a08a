import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from did.identifiers import ethr_did
from did.keys import encode_ed25519
from did.registry_log import DidEvent, IdentityHistory, check_previous_changes
from primitives.eip712 import ED25519_ATTRIBUTE, attribute_name
from primitives.errors import InvalidInput, VerificationFailed

IDENTITY = "0x" + "aa" * 20
DID = ethr_did(0x4F24, IDENTITY)
KEY1, KEY2 = (hashlib.sha256(text).digest() for text in (b"key one", b"key two"))
FOR_EVER = 2**62


def attribute(block, value, valid_to, previous, *, tx=0, log=0, name=ED25519_ATTRIBUTE):
    args = {"identity": IDENTITY, "name": name, "value": value, "validTo": valid_to, "previousChange": previous}
    return DidEvent(block, tx, log, "DIDAttributeChanged", args, block * 10)


def owner(block, address, previous, *, tx=0, log=0):
    args = {"identity": IDENTITY, "owner": address, "previousChange": previous}
    return DidEvent(block, tx, log, "DIDOwnerChanged", args, block * 10)


def delegate(block, kind, address, valid_to, previous):
    args = {
        "identity": IDENTITY,
        "delegateType": kind,
        "delegate": address,
        "validTo": valid_to,
        "previousChange": previous,
    }
    return DidEvent(block, 0, 0, "DIDDelegateChanged", args, block * 10)


def history(*events, changed=None):
    return IdentityHistory.from_events(events, did=DID, changed=changed)


def test_unregistered_identity_owns_itself():
    empty = history(changed=0)
    assert empty.owner_at(100) == IDENTITY
    assert empty.keys_at(100, 0) == {}
    assert empty.version_at(100) == 0
    document = empty.document_at(100, 0)
    assert document["id"] == DID.text
    assert document["verificationMethod"] == [
        {
            "id": f"{DID.text}#controller",
            "type": "EcdsaSecp256k1RecoveryMethod2020",
            "controller": DID.text,
            "blockchainAccountId": f"eip155:20260:{IDENTITY}",
        }
    ]


def test_rotation_keeps_old_blocks_readable():
    log = history(
        attribute(5, KEY1, FOR_EVER, 0),
        attribute(9, KEY2, FOR_EVER, 5, log=0),
        attribute(9, KEY1, 0, 9, log=1),
    )
    assert log.keys_at(4, 40) == {}
    assert log.keys_at(5, 50) == {DID.url("delegate-1"): KEY1}
    assert log.keys_at(8, 80) == {DID.url("delegate-1"): KEY1}
    assert log.keys_at(9, 90) == {DID.url("delegate-2"): KEY2}
    assert log.version_at(8) == 5


def test_a_key_set_again_takes_a_new_number_because_revocations_count():
    log = history(attribute(1, KEY1, FOR_EVER, 0), attribute(2, KEY1, 0, 1), attribute(3, KEY1, FOR_EVER, 2))
    assert log.keys_at(3, 30) == {DID.url("delegate-3"): KEY1}


def test_expiry_follows_the_block_time():
    log = history(attribute(1, KEY1, 1000, 0))
    assert log.keys_at(2, 999) == {DID.url("delegate-1"): KEY1}
    assert log.keys_at(2, 1000) == {}


def test_expired_keys_still_count():
    log = history(attribute(1, KEY1, 5, 0), attribute(2, KEY2, FOR_EVER, 1))
    assert log.keys_at(2, 1000) == {DID.url("delegate-2"): KEY2}


def test_order_within_a_block_is_transaction_then_log():
    log = history(
        attribute(9, KEY1, 0, 5, tx=2, log=0),
        attribute(5, KEY1, FOR_EVER, 0),
        attribute(9, KEY1, FOR_EVER, 9, tx=3, log=0),
    )
    assert log.keys_at(9, 90) == {DID.url("delegate-3"): KEY1}


def test_owner_change():
    log = history(owner(5, "0x" + "BB" * 20, 0), attribute(6, KEY1, FOR_EVER, 5))
    assert log.owner_at(4) == IDENTITY
    assert log.owner_at(5) == "0x" + "bb" * 20
    assert log.document_at(6, 60)["verificationMethod"][0]["blockchainAccountId"].endswith("bb" * 20)
    assert log.keys_at(6, 60) == {DID.url("delegate-1"): KEY1}


def test_deactivation_is_for_good():
    log = history(
        attribute(1, KEY1, FOR_EVER, 0),
        owner(5, "0x" + "00" * 20, 1),
        attribute(6, KEY2, FOR_EVER, 5),
        owner(7, IDENTITY, 6),
    )
    assert not log.deactivated_at(4)
    assert log.keys_at(4, 40) == {DID.url("delegate-1"): KEY1}
    for block in (5, 6, 7):
        assert log.deactivated_at(block)
        assert log.keys_at(block, 60) == {}
        assert log.document_at(block, 60)["verificationMethod"] == []
    assert log.version_at(7) == 5


def test_document_shows_keys_and_delegates():
    log = history(
        attribute(1, KEY1, FOR_EVER, 0),
        delegate(2, attribute_name("veriKey"), "0x" + "cc" * 20, FOR_EVER, 1),
        delegate(3, attribute_name("sigAuth"), "0x" + "dd" * 20, FOR_EVER, 2),
        attribute(4, KEY2, FOR_EVER, 3, name=attribute_name("did/pub/Ed25519/sigAuth/hex")),
        attribute(5, b"\x01" * 32, FOR_EVER, 4, name=attribute_name("did/pub/X25519/enc/hex")),
        attribute(6, b"http://x", FOR_EVER, 5, name=attribute_name("did/svc/Hub")),
    )
    document = log.document_at(6, 60)
    ids = [method["id"].partition("#")[2] for method in document["verificationMethod"]]
    assert ids == ["controller", "delegate-1", "delegate-2", "delegate-3", "delegate-4"]
    assert document["verificationMethod"][1]["publicKeyMultibase"] == encode_ed25519(KEY1)
    assert document["verificationMethod"][2]["blockchainAccountId"].endswith("cc" * 20)
    assert [m.partition("#")[2] for m in document["authentication"]] == ["controller", "delegate-3", "delegate-4"]
    assert len(document["assertionMethod"]) == 5
    assert log.keys_at(6, 60) == {DID.url("delegate-1"): KEY1}  # a sigAuth key signs nothing for a client


def test_hex_arguments_are_read_as_bytes():
    event = attribute(1, "0x" + KEY1.hex(), FOR_EVER, 0, name="0x" + ED25519_ATTRIBUTE.hex())
    assert history(event).keys_at(1, 10) == {DID.url("delegate-1"): KEY1}


@pytest.mark.parametrize("value", ["zz", "0xzz", 5, None])
def test_arguments_that_are_no_bytes(value):
    with pytest.raises(InvalidInput):
        history(attribute(1, value, FOR_EVER, 0)).keys_at(1, 10)


def test_foreign_event_names_are_skipped():
    foreign = DidEvent(3, 0, 0, "VersionCounted", {"identity": IDENTITY})
    assert history(foreign, attribute(5, KEY1, FOR_EVER, 0)).version_at(9) == 5


def test_a_key_of_the_wrong_length_is_no_key():
    assert history(attribute(1, KEY1[:31], FOR_EVER, 0)).keys_at(1, 10) == {}


class TestMissingEvents:
    """A hidden rotation must be seen."""

    def test_a_hole_in_the_middle(self):
        with pytest.raises(VerificationFailed) as caught:
            history(attribute(5, KEY1, FOR_EVER, 0), attribute(9, KEY2, FOR_EVER, 7))
        assert caught.value.check == "registry-history"

    def test_the_first_event_is_missing(self):
        with pytest.raises(VerificationFailed):
            history(attribute(9, KEY2, FOR_EVER, 5))

    def test_the_last_event_is_missing(self):
        with pytest.raises(VerificationFailed):
            history(attribute(5, KEY1, FOR_EVER, 0), changed=9)

    def test_all_events_are_missing(self):
        with pytest.raises(VerificationFailed):
            history(changed=9)

    def test_an_event_twice(self):
        with pytest.raises(InvalidInput):
            history(attribute(5, KEY1, FOR_EVER, 0), attribute(5, KEY1, FOR_EVER, 5))

    def test_an_event_of_another_identity(self):
        other = DidEvent(
            5, 0, 0, "DIDOwnerChanged", {"identity": "0x" + "ee" * 20, "owner": IDENTITY, "previousChange": 0}
        )
        with pytest.raises(InvalidInput):
            history(other)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.data())
def test_dropping_a_whole_block_is_always_seen(blocks, data):
    events, last = [], 0
    for index, block in enumerate(sorted(blocks)):
        events.append(attribute(block, KEY1, FOR_EVER, last, tx=index))
        last = block
    check_previous_changes(events, last)
    dropped = data.draw(st.sampled_from(sorted(set(blocks))))
    with pytest.raises(VerificationFailed):
        check_previous_changes([event for event in events if event.block != dropped], last)


def test_did_as_text():
    assert IdentityHistory.from_events([], did=DID.text).did == DID
