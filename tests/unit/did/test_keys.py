import pytest
from hypothesis import given
from hypothesis import strategies as st

from did import keys
from primitives.errors import InvalidInput


@given(st.binary(min_size=32, max_size=32))
def test_ed25519_round_trip(key):
    text = keys.encode_ed25519(key)
    assert text.startswith("z6Mk")
    assert keys.decode_ed25519(text, "key") == key


@given(st.binary(min_size=32, max_size=32))
def test_secp256k1_round_trip(tail):
    text = keys.encode_secp256k1(b"\x02" + tail)
    assert text.startswith("zQ3s")
    assert keys.decode_secp256k1(text, "key") == b"\x02" + tail


def test_kinds_do_not_mix():
    with pytest.raises(InvalidInput):
        keys.decode_ed25519(keys.encode_secp256k1(bytes(33)), "key")
    with pytest.raises(InvalidInput):
        keys.decode_secp256k1(keys.encode_ed25519(bytes(32)), "key")
    with pytest.raises(InvalidInput):
        keys.encode_ed25519(bytes(31))
    with pytest.raises(InvalidInput):
        keys.decode_ed25519("z6Mk", "key")
