import pytest
from hypothesis import given
from hypothesis import strategies as st
from py_arkworks_bls12381 import G1Point, Scalar

from primitives import curve
from primitives.errors import InvalidInput
from tests.properties import examples

scalars = st.integers(0, curve.ORDER - 1)
GENERATOR_HEX = "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
MODULUS = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB


def compressed(x):
    return bytes([x.to_bytes(48)[0] | 0x80]) + x.to_bytes(48)[1:]


def test_generator_and_order():
    assert curve.encode_point(curve.GENERATOR).hex() == GENERATOR_HEX
    last = curve.multiply(curve.GENERATOR, curve.ORDER - 1)
    assert curve.is_identity(last + curve.GENERATOR)


@examples(20)
@given(scalars.filter(bool))
def test_point_round_trip(scalar):
    point = curve.multiply(curve.GENERATOR, scalar)
    assert curve.decode_point(curve.encode_point(point), "p") == point


@given(scalars)
def test_scalar_round_trip(scalar):
    assert curve.decode_scalar(curve.encode_scalar(scalar), "s") == scalar


IDENTITY = b"\xc0" + bytes(47)
BAD_POINTS = {
    "identity": IDENTITY,
    "infinity with the sign flag": b"\xe0" + bytes(47),
    "infinity with rubbish": b"\xc0" + bytes(46) + b"\x01",
    "cleared compression flag": bytes([bytes.fromhex(GENERATOR_HEX)[0] & 0x7F]) + bytes.fromhex(GENERATOR_HEX)[1:],
    "off the curve": compressed(1),
    "outside the subgroup (x = 0)": compressed(0),
    "outside the subgroup (x = 4)": compressed(4),
    "x + p": compressed(4 + MODULUS),
    "truncated": bytes.fromhex(GENERATOR_HEX)[:-1],
    "one byte more": bytes.fromhex(GENERATOR_HEX) + b"\0",
    "empty": b"",
    "uncompressed": bytes(96),
}


@pytest.mark.parametrize("name", BAD_POINTS)
def test_bad_points_are_refused(name):
    with pytest.raises(InvalidInput) as caught:
        curve.decode_point(BAD_POINTS[name], "statement.C")
    assert caught.value.field == "statement.C"


def test_the_library_alone_would_accept_a_second_infinity():
    assert bytes(G1Point.from_compressed_bytes(BAD_POINTS["infinity with rubbish"]).to_compressed_bytes()) == IDENTITY


def test_identity_is_never_written():
    with pytest.raises(InvalidInput):
        curve.encode_point(curve.identity())


@pytest.mark.parametrize("value", [curve.ORDER, curve.ORDER + 1, 2**256 - 1])
def test_scalars_from_the_order_up_are_refused(value):
    with pytest.raises(InvalidInput):
        curve.decode_scalar(value.to_bytes(32), "z")
    with pytest.raises(InvalidInput):
        curve.encode_scalar(value)
    with pytest.raises(InvalidInput):
        curve.multiply(curve.GENERATOR, value)
    assert Scalar(curve.ORDER + 1) == Scalar(1)  # what the library alone would do


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(33)])
def test_scalar_length(data):
    with pytest.raises(InvalidInput):
        curve.decode_scalar(data, "z")


def test_negative_scalar():
    with pytest.raises(InvalidInput):
        curve.multiply(curve.GENERATOR, -1)


@examples(10)
@given(st.lists(st.tuples(scalars.filter(bool), scalars), max_size=6))
def test_msm_is_the_sum_of_products(pairs):
    points = [curve.multiply(curve.GENERATOR, base) for base, _ in pairs]
    expected = sum(base * factor for base, factor in pairs) % curve.ORDER
    assert curve.msm(points, [factor for _, factor in pairs]) == curve.multiply(curve.GENERATOR, expected)


@pytest.mark.parametrize("counts", [(1, 2), (2, 1), (4, 3), (3, 4), (0, 1)])
def test_msm_of_different_lengths_is_refused(counts):
    """The library truncates to the shorter list: a signature once verified against itself that way."""
    with pytest.raises(InvalidInput):
        curve.msm([curve.GENERATOR] * counts[0], [1] * counts[1])


def test_fixed_base_agrees_with_plain_multiplication():
    base = curve.hash_to_point(b"base", b"TEST_DST")
    table = curve.FixedBase(base)
    for scalar in (0, 1, 255, 256, 2**248, curve.ORDER - 1, 0x1234567890ABCDEF):
        assert table.multiply(scalar) == curve.multiply(base, scalar)
    with pytest.raises(InvalidInput):
        table.multiply(curve.ORDER)


def test_hash_to_curve_vector():
    """RFC 9380 appendix J.9.1, BLS12381G1_XMD:SHA-256_SSWU_RO_, message "abc"."""
    point = curve.hash_to_point(b"abc", b"QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_")
    x = 0x03567BC5EF9C690C2AB2ECDF6A96EF1C139CC0B2F284DCA0A9A7943388A49A3AEE664BA5379A7655D3C68900BE2F6903
    assert int.from_bytes(curve.encode_point(point)) & (2**381 - 1) == x
