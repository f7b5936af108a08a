"""Transactions that eth-account signs are the standard's, byte for byte, by an RLP and a recovery of our own."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.chain.rlp_codec import decode_rlp, encode_rlp
from node_adapter.chain.transactions import sign_transaction
from primitives.errors import InvalidInput
from primitives.secp256k1 import address_of, keccak256, recover_address
from tests.properties import examples

KEY = hashlib.sha256(b"test key: transaction").digest()
TO = bytes(range(20))
CALL = {"nonce": 0, "gasPrice": 0, "gas": 21_000, "to": TO, "value": 0, "data": b"\x01", "chainId": 1}
FEES = {"maxFeePerGas": 7, "maxPriorityFeePerGas": 3}


def number(value):
    return value.to_bytes((value.bit_length() + 7) // 8)


numbers = st.integers(0, 2**64 - 1)


@examples(30)
@given(
    nonce=numbers, price=numbers, gas=numbers, value=numbers, data=st.binary(max_size=300), chain=st.integers(1, 2**53)
)
@pytest.mark.parametrize("to", [TO, b""])
def test_a_legacy_transaction_is_eip_155(to, nonce, price, gas, value, data, chain):
    call = {"nonce": nonce, "gasPrice": price, "gas": gas, "to": to, "value": value, "data": data, "chainId": chain}
    raw, tx_hash = sign_transaction(call, KEY)
    assert tx_hash == keccak256(raw)
    *body, v, r, s = decode_rlp(raw, "raw")
    assert body == [number(nonce), number(price), number(gas), to, number(value), data]
    digest = keccak256(encode_rlp([*body, number(chain), b"", b""]))
    assert signer_of(digest, r, s, int.from_bytes(v) - 35 - 2 * chain) == address_of(KEY)


@examples(30)
@given(nonce=numbers, gas=numbers, data=st.binary(max_size=300), chain=st.integers(1, 2**53))
def test_a_transaction_with_fees_is_eip_1559(nonce, gas, data, chain):
    call = {"nonce": nonce, "gas": gas, "to": TO, "value": 0, "data": data, "chainId": chain, **FEES}
    raw, tx_hash = sign_transaction(call, KEY)
    assert (raw[0], tx_hash) == (2, keccak256(raw))
    *body, parity, r, s = decode_rlp(raw[1:], "raw")
    assert body == [number(chain), number(nonce), b"\x03", b"\x07", number(gas), TO, b"", data, []]
    assert signer_of(keccak256(b"\x02" + encode_rlp(body)), r, s, int.from_bytes(parity)) == address_of(KEY)


def signer_of(digest, r, s, parity):
    return recover_address(digest, r.rjust(32, b"\0") + s.rjust(32, b"\0") + bytes([27 + parity]))


def test_the_same_transaction_gives_the_same_bytes():
    assert sign_transaction(dict(reversed(CALL.items())), KEY) == sign_transaction(CALL, KEY)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nonce", -1),
        ("nonce", True),
        ("gas", "21000"),
        ("chainId", None),
        ("to", TO[:19]),
        ("to", "0x" + TO.hex()),
        ("to", "somebody"),
        ("data", "0xzz"),
        ("data", 7),
        ("accessList", []),
        ("maxFeePerGas", 1),
    ],
)
def test_a_member_of_another_kind_is_refused(name, value):
    with pytest.raises(InvalidInput) as caught:
        sign_transaction({**CALL, name: value}, KEY)
    assert caught.value.field.startswith("transaction")


@pytest.mark.parametrize("name", CALL)
def test_a_missing_member_is_refused(name):
    with pytest.raises(InvalidInput, match=name):
        sign_transaction({other: value for other, value in CALL.items() if other != name}, KEY)
