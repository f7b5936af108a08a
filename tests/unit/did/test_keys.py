import pytest
from hypothesis import given
from hypothesis import strategies as st

from did import keys
from primitives.encoding import decode_base58btc
from primitives.errors import InvalidInput
from primitives.suites import SUITES


@given(st.binary(min_size=32, max_size=32))
def test_a_multikey_is_a_prefix_and_the_key(key):
    for encode, start, prefix in (
        (keys.encode_ed25519, "z6Mk", b"\xed\x01"),
        (keys.encode_x25519, "z6LS", b"\xec\x01"),
    ):
        text = encode(key)
        assert text.startswith(start)
        assert decode_base58btc(text, "key") == prefix + key


def test_the_multikey_of_an_sm2_key_is_of_its_compressed_form():
    """That of multicodec's `sm2-pub`."""
    suite = SUITES["sm3-sm2/1"]
    for secret in range(1, 6):
        public = suite.public_key(secret.to_bytes(32))
        data = decode_base58btc(keys.encode_sm2(public), "key")
        assert data == b"\x86\x24" + bytes([2 + public[64] % 2]) + public[1:33]
    for wrong in (b"", public[:64], public + b"\0"):
        with pytest.raises(InvalidInput):
            keys.encode_sm2(wrong)


@pytest.mark.parametrize("encode", [keys.encode_ed25519, keys.encode_x25519])
@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length(encode, length):
    with pytest.raises(InvalidInput):
        encode(bytes(length))
