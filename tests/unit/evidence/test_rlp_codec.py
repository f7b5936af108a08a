import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st

from evidence.chain.rlp_codec import MAX_DEPTH, decode_rlp, encode_rlp
from primitives.errors import InvalidInput

_strings = st.binary(max_size=70) | st.binary(min_size=1, max_size=1) | st.just(bytes(300)) | st.just(bytes(70_000))
_values = st.recursive(_strings, lambda inner: st.lists(inner, max_size=5), max_leaves=15)


@given(_values)
def test_both_ways_are_the_library_s(value):
    encoded = encode_rlp(value)
    assert encoded == rlp.encode(value)
    assert decode_rlp(encoded, "x") == value


@given(st.integers(0, 2**300))
def test_integers_have_no_leading_zero(number):
    assert encode_rlp(number) == rlp.encode(number)


@given(st.binary(max_size=12) | st.tuples(st.sampled_from(range(0x80, 0x100)), st.binary(max_size=70)))
def test_what_the_library_refuses_is_refused(data):
    if isinstance(data, tuple):
        data = bytes([data[0]]) + data[1]
    try:
        expected = rlp.decode(data, strict=True)
    except rlp.exceptions.DecodingError:
        with pytest.raises(InvalidInput):
            decode_rlp(data, "x")
    else:
        assert decode_rlp(data, "x") == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81\x05",  # a byte that is its own encoding
        b"\xb8\x01\x80",  # a long form of a short length
        b"\xb9\x00\x40" + bytes(64),  # a length with a leading zero
        b"\xb8",
        b"\xbf" + b"\xff" * 8,
        b"\xf8\x01\x80",
        b"\xc2\x83\x01",  # a member beyond the end of its list
        b"\xc3\x82\x01\x02\x00",
        b"\x80\x80",
    ],
)
def test_every_other_spelling_is_refused(data):
    with pytest.raises(InvalidInput) as caught:
        decode_rlp(data, "block.header")
    assert (caught.value.field, caught.value.rule) == ("block.header", "rlp")


def test_a_member_cannot_reach_beyond_its_list():
    with pytest.raises(InvalidInput):
        decode_rlp(b"\xc2\xc1\x83abc", "x")
    with pytest.raises(InvalidInput):
        decode_rlp(b"\xc4\xc1\x82ab", "x")


def test_nesting_is_bounded():
    def nest(depth):
        value = []
        for _ in range(depth - 1):
            value = [value]
        return encode_rlp(value)

    decode_rlp(nest(MAX_DEPTH), "x")
    with pytest.raises(InvalidInput):
        decode_rlp(nest(MAX_DEPTH + 1), "x")
    with pytest.raises(InvalidInput):
        decode_rlp(b"\xc1" * 100_000, "x")


@pytest.mark.parametrize("value", [-1, True, "text", None, {}, [b"", "text"]])
def test_what_rlp_does_not_have_is_not_written(value):
    with pytest.raises(InvalidInput):
        encode_rlp(value)
