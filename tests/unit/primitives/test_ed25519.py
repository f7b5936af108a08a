import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from primitives import ed25519, edwards
from primitives.errors import VerificationFailed
from tests.properties import examples

RFC_8032 = [  # section 7.1, tests 1, 2, 3: seed, public key, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(
    ("seed", "public", "message", "signature"), [tuple(map(bytes.fromhex, row)) for row in RFC_8032]
)
def test_rfc_8032(seed, public, message, signature):
    assert ed25519.public_key(seed) == public
    assert ed25519.sign(seed, message) == signature
    ed25519.verify(public, message, signature)


@examples(25)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=60), st.integers(0, 511))
def test_any_flipped_bit_fails(seed, message, bit):
    public, signature = ed25519.public_key(seed), bytearray(ed25519.sign(seed, message))
    ed25519.verify(public, message, bytes(signature))
    signature[bit // 8] ^= 1 << bit % 8
    with pytest.raises(VerificationFailed):
        ed25519.verify(public, message, bytes(signature))
    with pytest.raises(VerificationFailed):
        ed25519.verify(public, message + b"x", ed25519.sign(seed, message))


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(33), b"\xff" * 32])
def test_what_is_no_key(public):
    with pytest.raises(VerificationFailed) as caught:
        ed25519.verify(public, b"", bytes(64))
    assert caught.value.check == "signature"


@pytest.mark.parametrize("length", [0, 63, 65])
def test_signature_length(length):
    public = ed25519.public_key(bytes(32))
    with pytest.raises(VerificationFailed):
        ed25519.verify(public, b"", bytes(length))


def test_s_plus_order_is_refused():
    """RFC 8032 section 5.1.7: S must be below the group's order, or each signature has a twin."""
    order = 2**252 + 27742317777372353535851937790883648493
    signature = ed25519.sign(bytes(32), b"m")
    twin = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    with pytest.raises(VerificationFailed):
        ed25519.verify(ed25519.public_key(bytes(32)), b"m", twin)


@pytest.mark.parametrize(
    "public",
    [
        "01" + "00" * 31,
        "00" * 32,
        "00" * 31 + "80",
        "ec" + "ff" * 30 + "7f",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "ee" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "ff",
    ],
)
def test_a_key_under_which_anybody_can_sign_signs_nothing(public):
    forged = bytes([1]) + bytes(63)  # R is the identity and S is 0: right under such a key for many messages
    for number in range(32):
        with pytest.raises(VerificationFailed):
            ed25519.verify(bytes.fromhex(public), b"message %d" % number, forged)


# -- cofactor: derived here, since the cases of public collections differ in what they expect

BASE = edwards.decode_point((4 * pow(5, -1, edwards.P) % edwards.P).to_bytes(32, "little"))
TORSION = edwards.decode_point(
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
)  # order 8
NEUTRAL = bytes([1]) + bytes(31)


def encoded(point):
    inverse = pow(point[2], -1, edwards.P)
    x, y = point[0] * inverse % edwards.P, point[1] * inverse % edwards.P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def signed(secret, public, cancels, *, r_torsion=0):
    """A signature by the textbook under (secret)B + torsion, for the first message whose torsion cancels, or not."""
    for number in range(1000):
        message, r = b"message %d" % number, 77 + number
        point = edwards.multiply(r, BASE)
        if r_torsion:
            point = edwards.add(point, edwards.multiply(r_torsion, TORSION))
        big_r = encoded(point)
        k = int.from_bytes(hashlib.sha512(big_r + public + message).digest(), "little") % edwards.ORDER
        if ((k + r_torsion) % 8 == 0) == cancels:
            return message, big_r + ((r + k * secret) % edwards.ORDER).to_bytes(32, "little")
    raise AssertionError("none of a thousand")


def accepted_by_the_library(public, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def test_the_arithmetic_is_that_of_the_library():
    for name in range(5):
        seed = hashlib.sha256(b"%d" % name).digest()
        scalar = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
        scalar = scalar & (2**254 - 8) | 2**254
        assert encoded(edwards.multiply(scalar, BASE)) == ed25519.public_key(seed)
    assert encoded(edwards.multiply(8, TORSION)) == NEUTRAL != encoded(edwards.multiply(4, TORSION))
    assert edwards.is_of_prime_order(BASE)
    assert not edwards.is_of_prime_order(TORSION)
    assert not edwards.is_of_prime_order(edwards.decode_point(NEUTRAL))


@pytest.mark.parametrize("r_torsion", [0, 1])
def test_a_key_of_mixed_order_signs_nothing_though_the_library_would_take_it(r_torsion):
    public = encoded(edwards.add(edwards.multiply(5, BASE), TORSION))
    message, signature = signed(5, public, cancels=True, r_torsion=r_torsion)
    assert accepted_by_the_library(public, message, signature)
    with pytest.raises(VerificationFailed, match="not of prime order"):
        ed25519.verify(public, message, signature)


def test_verification_is_cofactorless():
    """A sound key, and an R with a part of small order: only who multiplies by the cofactor would take it."""
    public = encoded(edwards.multiply(5, BASE))
    message, r = b"m", 77
    big_r = encoded(edwards.add(edwards.multiply(r, BASE), TORSION))
    k = int.from_bytes(hashlib.sha512(big_r + public + message).digest(), "little")
    signature = big_r + ((r + k * 5) % edwards.ORDER).to_bytes(32, "little")
    assert not accepted_by_the_library(public, message, signature)
    with pytest.raises(VerificationFailed, match="does not verify"):
        ed25519.verify(public, message, signature)
    sound = encoded(edwards.multiply(r, BASE))
    k = int.from_bytes(hashlib.sha512(sound + public + message).digest(), "little")
    ed25519.verify(public, message, sound + ((r + k * 5) % edwards.ORDER).to_bytes(32, "little"))


@pytest.mark.parametrize(
    "data", [b"", bytes(31), b"\xff" * 32, (edwards.P + 1).to_bytes(32, "little"), b"\2" + bytes(31)]
)
def test_what_is_no_point(data):
    assert edwards.decode_point(data) is None
    negative_zero = NEUTRAL[:31] + b"\x80"
    assert edwards.decode_point(negative_zero) is None
