import hashlib

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from node_adapter.transaction import sign_transaction
from primitives.errors import InvalidInput

KEY = hashlib.sha256(b"test key: transaction").digest()
TO = bytes(range(20))
CALL = {"nonce": 0, "gasPrice": 0, "gas": 21_000, "to": TO, "value": 0, "data": b"\x01", "chainId": 1}


@given(
    nonce=st.integers(0, 2**64 - 1),
    price=st.integers(0, 2**128),
    gas=st.integers(0, 2**64 - 1),
    to=st.sampled_from([TO, b""]),
    value=st.integers(0, 2**128),
    data=st.binary(max_size=300),
    chain=st.integers(1, 2**53),
)
def test_raw_bytes_and_hash_are_those_of_the_library(nonce, price, gas, to, value, data, chain):
    call = {"nonce": nonce, "gasPrice": price, "gas": gas, "to": to, "value": value, "data": data, "chainId": chain}
    theirs = Account.sign_transaction(call, KEY)
    assert sign_transaction(call, KEY) == (bytes(theirs.raw_transaction), bytes(theirs.hash))


def test_bytes_may_be_hex():
    as_hex = {**CALL, "to": "0x" + TO.hex(), "data": "0x01"}
    assert sign_transaction(as_hex, KEY) == sign_transaction(CALL, KEY)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nonce", -1),
        ("nonce", True),
        ("gas", "21000"),
        ("chainId", None),
        ("to", TO[:19]),
        ("to", "somebody"),
        ("data", "0xzz"),
        ("data", 7),
        ("accessList", []),
    ],
)
def test_a_member_of_another_kind_is_named(name, value):
    with pytest.raises(InvalidInput) as caught:
        sign_transaction({**CALL, name: value}, KEY)
    assert caught.value.field == f"transaction.{name}"
