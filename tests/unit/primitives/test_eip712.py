import copy
import hashlib
import json

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from primitives import eip712
from primitives.errors import InvalidInput
from primitives.secp256k1 import keccak256

KEY = hashlib.sha256(b"test key: eip712").digest()
CONTRACT = "0x" + "11" * 20
IDENTITY = "0x" + "22" * 20
OTHER = "0x" + "33" * 20
ID32 = bytes(range(32))
CHAIN = 0x4F24

CASES = {
    "ChangeOwner": eip712.change_owner_typed_data(CHAIN, CONTRACT, IDENTITY, OTHER, 1, 2000),
    "SetAttribute": eip712.set_attribute_typed_data(
        CHAIN, CONTRACT, IDENTITY, eip712.ED25519_ATTRIBUTE, b"\x05" * 32, 86400, 0, 2000
    ),
    "RevokeAttribute": eip712.revoke_attribute_typed_data(
        CHAIN, CONTRACT, IDENTITY, eip712.ED25519_ATTRIBUTE, b"\x05" * 32, 0, 2000
    ),
    "Grant": eip712.grant_typed_data(CHAIN, CONTRACT, IDENTITY, ID32, 2000),
    "Withdraw": eip712.withdraw_typed_data(CHAIN, CONTRACT, IDENTITY, ID32, 2000),
    "Approve": eip712.approve_typed_data(CHAIN, CONTRACT, ID32, ID32),
}


@pytest.mark.parametrize("name", CASES)
def test_sign_and_recover(name):
    signature = eip712.sign_typed(KEY, CASES[name])
    assert eip712.recover_typed(CASES[name], signature) == eip712.address_of(KEY)
    assert signature == bytes(Account.sign_typed_data(KEY, full_message=CASES[name]).signature)


@pytest.mark.parametrize("name", CASES)
def test_every_field_is_bound(name):
    digest = eip712.typed_digest(CASES[name])
    for part in ("domain", "message"):
        for field, value in CASES[name][part].items():
            changed = copy.deepcopy(CASES[name])
            changed[part][field] = _another(value)
            assert eip712.typed_digest(changed) != digest, f"{part}.{field}"


def _another(value):
    if isinstance(value, int):
        return value + 1
    if value.startswith("0x"):
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    return value + "x"


def test_typed_data_is_plain_json():
    for typed in CASES.values():
        assert eip712.typed_digest(json.loads(json.dumps(typed))) == eip712.typed_digest(typed)


@given(
    value=st.binary(max_size=100),
    name=st.binary(min_size=32, max_size=32),
    numbers=st.tuples(*[st.integers(0, 2**256 - 1)] * 3),
    chain=st.integers(0, 2**256 - 1),
)
def test_digest_is_that_of_the_library(value, name, numbers, chain):
    typed = eip712.set_attribute_typed_data(chain, CONTRACT, IDENTITY, name, value, *numbers)
    message = encode_typed_data(full_message=typed)
    assert eip712.typed_digest(typed) == keccak256(b"\x19" + message.version + message.header + message.body)


def test_digest_by_hand():
    """EIP-712 written out for Approve, so that the library is not its own witness."""
    domain_type = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    domain = keccak256(
        keccak256(domain_type)
        + keccak256(b"Bonafides TaskRegistry")
        + keccak256(b"1")
        + CHAIN.to_bytes(32)
        + bytes(12)
        + bytes.fromhex(CONTRACT[2:])
    )
    struct = keccak256(keccak256(b"Approve(bytes32 taskId,bytes32 specHash)") + ID32 + ID32)
    assert eip712.typed_digest(CASES["Approve"]) == keccak256(b"\x19\x01" + domain + struct)


def test_digest_by_hand_with_dynamic_bytes():
    kind = b"SetAttribute(address identity,bytes32 name,bytes value,uint256 validity,uint256 nonce,uint256 deadline)"
    struct = keccak256(
        keccak256(kind)
        + bytes(12)
        + bytes.fromhex(IDENTITY[2:])
        + b"did/pub/Ed25519/veriKey/hex\0\0\0\0\0"
        + keccak256(b"\x05" * 32)
        + (86400).to_bytes(32)
        + (0).to_bytes(32)
        + (2000).to_bytes(32)
    )
    domain_type = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    domain = keccak256(
        keccak256(domain_type)
        + keccak256(b"Bonafides DidRegistry")
        + keccak256(b"1")
        + CHAIN.to_bytes(32)
        + bytes(12)
        + bytes.fromhex(CONTRACT[2:])
    )
    assert eip712.typed_digest(CASES["SetAttribute"]) == keccak256(b"\x19\x01" + domain + struct)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ((CHAIN, "0x" + "AB" * 20, IDENTITY, ID32, 1), "contract"),
        ((CHAIN, CONTRACT, "somebody", ID32, 1), "identity"),
        ((CHAIN, CONTRACT, IDENTITY, ID32[:31], 1), "consentId"),
        ((CHAIN, CONTRACT, IDENTITY, ID32, -1), "deadline"),
        ((CHAIN, CONTRACT, IDENTITY, ID32, 2**256), "deadline"),
        ((CHAIN, CONTRACT, IDENTITY, ID32, True), "deadline"),
        (("1", CONTRACT, IDENTITY, ID32, 1), "chain_id"),
    ],
)
def test_bad_arguments_are_named(arguments, field):
    with pytest.raises(InvalidInput) as caught:
        eip712.grant_typed_data(*arguments)
    assert caught.value.field == field


def test_value_must_be_bytes():
    with pytest.raises(InvalidInput):
        eip712.revoke_attribute_typed_data(CHAIN, CONTRACT, IDENTITY, eip712.ED25519_ATTRIBUTE, "0x05", 0, 1)


@pytest.mark.parametrize("name", ["", "x" * 33, "did/pub/é", "a\0b"])
def test_attribute_name_rules(name):
    with pytest.raises(InvalidInput):
        eip712.attribute_name(name)


_GRANT = CASES["Grant"]


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"types": {}},
        {**_GRANT, "primaryType": "Nothing"},
        {**_GRANT, "primaryType": ["Grant"]},
        {**_GRANT, "domain": None},
        {**_GRANT, "message": {**_GRANT["message"], "more": 1}},
        {**_GRANT, "message": {"identity": IDENTITY}},
        {**_GRANT, "message": {**_GRANT["message"], "deadline": "2000"}},
        {**_GRANT, "message": {**_GRANT["message"], "consentId": "0x00"}},
        {**_GRANT, "message": {**_GRANT["message"], "consentId": 7}},
        {**_GRANT, "types": {**_GRANT["types"], "Grant": [{"name": "identity", "type": "Person"}]}},
        {**_GRANT, "types": {**_GRANT["types"], "Grant": "address identity"}},
    ],
)
def test_ill_formed_typed_data(typed):
    with pytest.raises(InvalidInput):
        eip712.typed_digest(typed)
