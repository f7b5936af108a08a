import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import InvalidInput
from primitives.transcript import (
    DuplexSponge,
    deserialize_field,
    deserialize_varlen,
    field_bytes,
    serialize_field,
    serialize_varlen,
)

P = 2**255 - 19


@given(st.lists(st.binary(max_size=40), max_size=6), st.lists(st.integers(0, 50), max_size=5))
def test_absorb_and_squeeze_are_associative(parts, lengths):
    split, whole = DuplexSponge(bytes(32)), DuplexSponge(bytes(32))
    for part in parts:
        split.absorb(part)
    whole.absorb(b"".join(parts))
    assert b"".join(split.squeeze(length) for length in lengths) == whole.squeeze(sum(lengths))


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_sessions_do_not_meet(first, second):
    if first != second:
        assert DuplexSponge(first).squeeze(32) != DuplexSponge(second).squeeze(32)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_session_id_length(length):
    with pytest.raises(InvalidInput):
        DuplexSponge(bytes(length))


@given(st.binary(max_size=80), st.binary(max_size=8))
def test_varlen_round_trip(data, tail):
    assert deserialize_varlen(serialize_varlen(data) + tail) == (data, tail)


@given(st.lists(st.integers(0, P - 1), min_size=1, max_size=3), st.booleans())
def test_field_round_trip(coordinates, big):
    encoded = serialize_field(coordinates, P, big_endian=big)
    assert len(encoded) == len(coordinates) * field_bytes(P)
    assert deserialize_field(encoded + b"t", P, len(coordinates), big_endian=big) == (tuple(coordinates), b"t")


@pytest.mark.parametrize("value", [-1, P])
def test_field_range(value):
    with pytest.raises(InvalidInput):
        serialize_field([value], P)


@pytest.mark.parametrize("data", [b"", b"\1\0\0", b"\1\0\0\0"])
def test_truncated_varlen(data):
    with pytest.raises(InvalidInput):
        deserialize_varlen(data)
