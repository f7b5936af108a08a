import pytest
from hypothesis import given
from hypothesis import strategies as st

from did import keys
from primitives.encoding import decode_base58btc
from primitives.errors import InvalidInput


@given(st.binary(min_size=32, max_size=32))
def test_a_multikey_is_a_prefix_and_the_key(key):
    for encode, start, prefix in (
        (keys.encode_ed25519, "z6Mk", b"\xed\x01"),
        (keys.encode_x25519, "z6LS", b"\xec\x01"),
    ):
        text = encode(key)
        assert text.startswith(start)
        assert decode_base58btc(text, "key") == prefix + key


@pytest.mark.parametrize("encode", [keys.encode_ed25519, keys.encode_x25519])
@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length(encode, length):
    with pytest.raises(InvalidInput):
        encode(bytes(length))
