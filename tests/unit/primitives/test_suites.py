"""Every suite keeps one contract; official examples hold each to its standard."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from primitives.suite import SIGNATURE_BYTES
from primitives.suites import DEFAULT, SUITES, require_alg, sm3_sm2, suite_named, suite_of_algorithm
from tests.properties import examples

SM = SUITES["sm3-sm2/1"]
SECRETS = st.binary(min_size=32, max_size=32).filter(lambda secret: 0 < int.from_bytes(secret) < sm3_sm2.ORDER - 1)
NAMES = st.sampled_from(sorted(SUITES))
each = pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)


def test_the_suites_are_those_of_the_specification():
    assert {name: (suite.alg, suite.algorithm, suite.public_key_bytes) for name, suite in SUITES.items()} == {
        "sha256-ed25519/1": ("Ed25519", 1, 32),
        "sm3-sm2/1": ("SM2", 2, 65),
    }
    assert DEFAULT.name == "sha256-ed25519/1"


def test_a_suite_is_found_by_its_name_and_by_its_algorithm():
    for name, suite in SUITES.items():
        assert suite_named(name) is suite is suite_of_algorithm(suite.algorithm)
        require_alg(suite, suite.alg, "alg")
    for find in (lambda: suite_named("sha256-ed25519/2"), lambda: suite_of_algorithm(3)):
        with pytest.raises(InvalidInput) as caught:
            find()
        assert caught.value.rule == "unknown"
    with pytest.raises(InvalidInput, match="must be SM2"):
        require_alg(SM, "Ed25519", "alg")


@pytest.mark.parametrize(
    ("message", "digest"),
    [  # GB/T 32905-2016, A.1 and A.2
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_by_its_standard(message, digest):
    assert SM.hash(message).hex() == digest


@pytest.mark.parametrize(
    ("key", "message", "code"),
    [  # GM/T 0042-2015, D.3
        (
            bytes(range(1, 33)),
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq" * 2,
            "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a",
        ),
        (bytes(range(1, 38)), b"\xcd" * 50, "220bf579ded555393f0159f66c99877822a3ecf610d1552154b41d44b94db3ae"),
    ],
)
def test_hmac_sm3_by_its_standard(key, message, code):
    assert SM.hmac(key, message).hex() == code


def test_sm2_by_its_standard():
    """GB/T 32918.5-2017, A.2: the curve of the standard, signer id 1234567812345678."""
    secret = bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
    public = bytes.fromhex(
        "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
        "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
    )
    signature = bytes.fromhex(
        "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
        "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
    )
    assert SM.public_key(secret) == public
    SM.verify(public, b"message digest", signature)
    with pytest.raises(VerificationFailed):
        SM.verify(public, b"message digests", signature)


@each
@given(key=st.binary(max_size=200), message=st.binary(max_size=200))
def test_hmac_is_rfc_2104_over_the_suite_s_own_hash(suite, key, message):
    block = (suite.hash(key) if len(key) > 64 else key).ljust(64, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C))
    assert suite.hmac(key, message) == suite.hash(outer + suite.hash(inner + message))
    assert suite.tagged_hmac(key, "a/tag", message) == suite.hmac(key, b"\x05a/tag" + message)


@given(key=st.one_of(st.binary(max_size=200), st.sampled_from([bytes(63), bytes(64), bytes(65)])), message=st.binary())
def test_hmac_sha_256_is_the_standard_library_s(key, message):
    assert DEFAULT.hmac(key, message) == hmac.digest(key, message, "sha256")


def test_sha_256_is_the_standard_library_s():
    assert DEFAULT.hash(b"abc") == hashlib.sha256(b"abc").digest()


@examples(25)
@given(NAMES, SECRETS, st.binary(max_size=60), st.integers(0, 8 * SIGNATURE_BYTES - 1))
def test_a_signature_holds_and_no_bit_of_it_may_change(name, secret, message, bit):
    suite = SUITES[name]
    public, signature = suite.public_key(secret), bytearray(suite.sign(secret, message))
    suite.check_public_key(public, "key")
    assert len(signature) == SIGNATURE_BYTES
    suite.verify(public, message, bytes(signature))
    signature[bit // 8] ^= 1 << bit % 8
    for altered, said in ((signature, message), (suite.sign(secret, message), message + b"x")):
        with pytest.raises(VerificationFailed, match="signature"):
            suite.verify(public, said, bytes(altered))


@examples(25)
@given(SECRETS, st.binary(max_size=60))
def test_what_one_suite_signs_or_hashes_never_holds_under_another(secret, message):
    for signer in SUITES.values():
        signature = signer.sign(secret, message)
        for other in SUITES.values():
            if other is signer:
                continue
            for public in (signer.public_key(secret), other.public_key(secret)):
                with pytest.raises(VerificationFailed):
                    other.verify(public, message, signature)
            assert signer.hash(message) != other.hash(message)
            assert signer.hmac(secret, message) != other.hmac(secret, message)
            assert not other.is_key(signer.public_key(secret))


@each
@pytest.mark.parametrize("length", [0, 63, 65, 70])
def test_a_signature_has_one_length(suite, length):
    secret = bytes(31) + b"\x07"
    signature = suite.sign(secret, b"x").ljust(length, b"\0")[:length]
    with pytest.raises(VerificationFailed):
        suite.verify(suite.public_key(secret), b"x", signature)


@each
def test_what_is_no_public_key(suite):
    public = suite.public_key(bytes(31) + b"\x07")
    with pytest.raises(InvalidInput) as caught:
        suite.check_public_key(public[:-1], "key")
    assert caught.value.rule == "length"
    for other in (bytes(len(public)), b"\xff" * len(public), b"\x06" + public[1:]):
        assert not suite.is_key(other)
        with pytest.raises(InvalidInput) as caught:
            suite.check_public_key(other, "key")
        assert caught.value.rule == "point"
        with pytest.raises(VerificationFailed, match="key"):
            suite.verify(other, b"x", suite.sign(bytes(31) + b"\x07", b"x"))


PRIME = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF  # GB/T 32918.5
CURVE_B = 0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93


def test_a_coordinate_of_an_sm2_key_has_one_spelling():
    """The first point with a small x: x and x + p are the same number of the field, and one of them is a key."""
    for x in range(100):
        square = (x**3 - 3 * x + CURVE_B) % PRIME
        y = pow(square, (PRIME + 1) // 4, PRIME)
        if y * y % PRIME == square:
            break
    assert SM.is_key(b"\x04" + x.to_bytes(32) + y.to_bytes(32))
    assert not SM.is_key(b"\x04" + (x + PRIME).to_bytes(32) + y.to_bytes(32))
    assert not SM.is_key(b"\x04" + (x + 1).to_bytes(32) + y.to_bytes(32))


SECRET = bytes(31) + b"\x07"
N = sm3_sm2.ORDER


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("change", [lambda _: 0, lambda _: N, lambda number: number + N, lambda _: 2**256 - 1])
def test_r_and_s_lie_below_the_order(half, change):
    signature = SM.sign(SECRET, b"x")
    numbers = [int.from_bytes(signature[:32]), int.from_bytes(signature[32:])]
    numbers[half] = min(change(numbers[half]), 2**256 - 1)
    with pytest.raises(VerificationFailed, match="below the group's order"):
        SM.verify(SM.public_key(SECRET), b"x", b"".join(number.to_bytes(32) for number in numbers))


def test_a_signature_in_der_is_none():
    signature = SM.sign(SECRET, b"x")
    der = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
    with pytest.raises(VerificationFailed):
        SM.verify(SM.public_key(SECRET), b"x", der)


@pytest.mark.parametrize("value", [0, N - 1, N, 2**256 - 1])
def test_what_is_no_secret_of_sm2(value):
    """With the order less one, the library would look for a signature for ever."""
    with pytest.raises(InvalidInput) as caught:
        SM.sign(value.to_bytes(32), b"x")
    assert caught.value.rule == "range"
    with pytest.raises(InvalidInput):
        SM.public_key(b"short")


def test_without_its_library_sm2_is_named_and_could_not_be_checked(monkeypatch):
    signature, public = SM.sign(SECRET, b"x"), SM.public_key(SECRET)
    sm3_sm2._private.cache_clear()
    monkeypatch.setattr(sm3_sm2, "ec", None)
    for call in (
        lambda: SM.sign(SECRET, b"x"),
        lambda: SM.public_key(SECRET),
        lambda: SM.verify(public, b"x", signature),
        lambda: SM.is_key(public),
    ):
        with pytest.raises(CouldNotCheck, match="tongsuopy") as caught:
            call()
        assert caught.value.code == "suite-not-installed"
    assert suite_named("sm3-sm2/1") is SM
    assert SM.hash(b"abc").hex().startswith("66c7f0f4")
