import hashlib

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from primitives import secp256k1
from primitives.address import check_address
from primitives.errors import InvalidInput, VerificationFailed
from tests.properties import examples

KEY = hashlib.sha256(b"test key: secp256k1").digest()
DIGEST = secp256k1.keccak256(b"hello")


def test_known_address():
    # the account of private key 1
    assert secp256k1.address_of((1).to_bytes(32)) == "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"
    assert secp256k1.address_of_public(secp256k1.public_key((1).to_bytes(32))) == (
        "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"
    )


def test_keccak_is_not_sha3():
    assert secp256k1.keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@examples(20)
@given(st.integers(1, secp256k1.CURVE_ORDER - 1), st.binary(min_size=32, max_size=32))
def test_sign_and_recover(number, digest):
    key = number.to_bytes(32)
    assert secp256k1.recover_address(digest, secp256k1.sign_digest(key, digest)) == secp256k1.address_of(key)


def test_agrees_with_eth_account():
    assert secp256k1.address_of(KEY) == Account.from_key(KEY).address.lower()
    assert secp256k1.sign_digest(KEY, DIGEST) == bytes(Account.unsafe_sign_hash(DIGEST, KEY).signature)


def test_another_digest_recovers_another_address():
    signature = secp256k1.sign_digest(KEY, DIGEST)
    assert secp256k1.recover_address(secp256k1.keccak256(b"other"), signature) != secp256k1.address_of(KEY)


def test_high_s_is_refused():
    signature = secp256k1.sign_digest(KEY, DIGEST)
    twin = secp256k1.CURVE_ORDER - int.from_bytes(signature[32:64])
    malleated = signature[:32] + twin.to_bytes(32) + bytes([27 + 28 - signature[64]])
    with pytest.raises(VerificationFailed, match="low s"):
        secp256k1.recover_address(DIGEST, malleated)


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(64) + b"\x00", bytes(64) + b"\x1d", bytes(66)])
def test_ill_formed_signature(signature):
    with pytest.raises(InvalidInput):
        secp256k1.recover_address(DIGEST, signature)


def test_signature_that_recovers_to_nothing():
    with pytest.raises(VerificationFailed):
        secp256k1.recover_address(DIGEST, bytes(64) + b"\x1b")


@pytest.mark.parametrize("key", [bytes(32), secp256k1.CURVE_ORDER.to_bytes(32), b"\x01" * 31, b"\x01" * 33])
def test_key_out_of_range(key):
    with pytest.raises(InvalidInput):
        secp256k1.address_of(key)


@pytest.mark.parametrize("text", ["0x" + "A" * 40, "0x" + "a" * 39, "a" * 40, None, "0x" + "a" * 40 + "\n"])
def test_address_has_one_spelling(text):
    with pytest.raises(InvalidInput):
        check_address(text, "owner")


def test_bad_public_key_and_digest():
    with pytest.raises(InvalidInput):
        secp256k1.address_of_public(b"\x02" + b"\xff" * 32)
    with pytest.raises(InvalidInput):
        secp256k1.sign_digest(KEY, b"short")
