"""Recovery in plain integers, against the library that the node recovers with."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.chain.recovery import BASE, FIELD, ORDER, recover_signer
from primitives.errors import VerificationFailed
from primitives.secp256k1 import address_of, recover_address, sign_digest

SECRETS = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32))
DIGESTS = st.binary(min_size=32, max_size=32)


def parts(signature):
    return int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64] - 27


@settings(max_examples=40)
@given(SECRETS, DIGESTS)
def test_who_signed_is_recovered_from_either_spelling(secret, digest):
    r, s, odd = parts(sign_digest(secret, digest))
    assert recover_signer(digest, r, s, odd) == recover_signer(digest, r, ORDER - s, 1 - odd) == address_of(secret)


@settings(max_examples=40)
@given(DIGESTS, st.integers(1, ORDER - 1), st.integers(1, ORDER // 2), st.sampled_from([0, 1]))
def test_any_other_signature_recovers_to_what_the_library_says(digest, r, s, odd):
    try:
        expected = recover_address(digest, r.to_bytes(32) + s.to_bytes(32) + bytes([27 + odd]))
    except VerificationFailed:
        with pytest.raises(VerificationFailed):
            recover_signer(digest, r, s, odd)
    else:
        assert recover_signer(digest, r, s, odd) == expected


@pytest.mark.parametrize(
    ("r", "s", "odd"), [(0, 1, 0), (1, 0, 0), (ORDER, 1, 0), (1, ORDER, 0), (1, 1, 2), (1, 1, 255), (5, 1, 0)]
)
def test_what_is_out_of_range_or_on_no_curve_is_refused(r, s, odd):
    with pytest.raises(VerificationFailed):
        recover_signer(bytes(32), r, s, odd)


def test_a_signature_of_the_point_at_infinity_is_refused():
    """s * R = z * G: the key would be the point at infinity."""
    with pytest.raises(VerificationFailed, match="no key"):
        recover_signer((1).to_bytes(32), BASE[0], 1, BASE[1] % 2)
    assert (BASE[1] ** 2 - BASE[0] ** 3 - 7) % FIELD == 0
