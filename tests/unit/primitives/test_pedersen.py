import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py_ecc.bls.g2_primitives import G1_to_pubkey
from py_ecc.bls.hash_to_curve import hash_to_G1
from py_ecc.optimized_bls12_381 import G1, add, multiply

from primitives import curve, pedersen
from primitives.errors import InvalidInput
from tests.properties import examples

scalars = st.integers(0, curve.ORDER - 1)
blindings = st.integers(1, curve.ORDER - 1)


def test_py_ecc_computes_the_same_commitment():
    """An independent implementation: its hash to the curve, its arithmetic, its encoding."""
    message, blinding = 123456789, curve.ORDER - 2
    base = hash_to_G1(pedersen.BLINDING_LABEL, pedersen.SUITE_DST, hashlib.sha256)
    expected = G1_to_pubkey(add(multiply(G1, message), multiply(base, blinding)))
    assert pedersen.commit(message, blinding) == bytes(expected)


def test_generators_come_from_their_labels():
    dst = b"BONAFIDES-ZK-V1_BLS12381G1_XMD:SHA-256_SSWU_RO_GEN_"
    assert pedersen.blinding_base().point == curve.hash_to_point(b"pedersen/blind", dst)
    assert pedersen.message_base().point == curve.GENERATOR
    assert pedersen.vector_generator(3) == curve.hash_to_point(b"pedersen/vector/\0\0\0\3", dst)


def test_generators_are_all_different():
    points = [curve.encode_point(pedersen.vector_generator(index)) for index in range(pedersen.MAX_VECTOR)]
    points += [curve.encode_point(base().point) for base in (pedersen.message_base, pedersen.blinding_base)]
    assert len(set(points)) == pedersen.MAX_VECTOR + 2


@examples(20)
@given(scalars, blindings, scalars, blindings)
def test_commitments_add_up(m1, r1, m2, r2):
    total = (r1 + r2) % curve.ORDER
    if total:
        expected = pedersen.commit((m1 + m2) % curve.ORDER, total)
        assert pedersen.add([pedersen.commit(m1, r1), pedersen.commit(m2, r2)]) == expected


@examples(20)
@given(st.lists(st.tuples(scalars, scalars), min_size=1, max_size=5), blindings, blindings)
def test_vector_commitments_add_up(pairs, r1, r2):
    total = (r1 + r2) % curve.ORDER
    if total:
        sums = [(a + b) % curve.ORDER for a, b in pairs]
        parts = [pedersen.vector_commit([a for a, _ in pairs], r1), pedersen.vector_commit([b for _, b in pairs], r2)]
        assert pedersen.add(parts) == pedersen.vector_commit(sums, total)


def test_vectors_differ_by_place():
    assert pedersen.vector_commit([1, 2], 7) != pedersen.vector_commit([2, 1], 7)
    assert pedersen.vector_commit([5], 7) != pedersen.commit(5, 7)


@pytest.mark.parametrize("blinding", [0, -1, curve.ORDER])
def test_there_is_no_unblinded_commitment(blinding):
    with pytest.raises(InvalidInput) as caught:
        pedersen.commit(5, blinding)
    assert caught.value.field == "blinding"
    with pytest.raises(InvalidInput):
        pedersen.vector_commit([5], blinding)


def test_blinding_hides_a_low_entropy_message():
    """Without blinding the number is found by trying candidates; with it the same trial finds nothing."""
    number = "11010519491231002X"
    candidates = [number[:14] + serial for serial in ("0010", "001X", "002X", "0034")]
    message = pedersen.certificate_message(pedersen.RESIDENT_ID, number)
    unblinded = curve.encode_point(curve.multiply(curve.GENERATOR, message))
    guesses = set()
    for candidate in candidates:
        try:
            guess = pedersen.certificate_message(pedersen.RESIDENT_ID, candidate)
        except InvalidInput:
            continue
        guesses.add(curve.encode_point(curve.multiply(curve.GENERATOR, guess)))
    assert unblinded in guesses
    assert pedersen.commit(message, 0x1234567) not in guesses


@pytest.mark.parametrize("values", [[], [curve.ORDER], [-1], [0] * (pedersen.MAX_VECTOR + 1)])
def test_bad_vectors(values):
    with pytest.raises(InvalidInput):
        pedersen.vector_commit(values, 1)


def test_add_refuses_nothing_and_rubbish_and_cancelling():
    point = pedersen.commit(1, 2)
    opposite = curve.encode_point(curve.multiply(curve.decode_point(point, "p"), curve.ORDER - 1))
    for points in ([], [bytes(48)], [point, opposite]):
        with pytest.raises(InvalidInput):
            pedersen.add(points)


def test_generator_index():
    with pytest.raises(InvalidInput):
        pedersen.vector_generator(-1)


class TestCertificateNumbers:
    def test_the_standard_example(self):
        """GB 11643 gives 11010519491231002X."""
        assert 0 < pedersen.certificate_message("resident-id", "11010519491231002X") < curve.ORDER

    def test_kind_and_number_are_both_bound(self):
        first = pedersen.certificate_message("passport", "E12345678")
        assert first != pedersen.certificate_message("passport", "E12345679")
        assert pedersen.certificate_message("taiwan-permit", "12345678") != pedersen.certificate_message(
            "passport", "12345678"
        )
        assert first == pedersen.certificate_message("passport", "E12345678")

    @pytest.mark.parametrize(
        ("number", "rule"),
        [
            ("110105194912310021", "check-digit"),
            ("11010519491231002x", "certificate-number"),
            ("01010519491231002X", "certificate-number"),
            ("1101051949123100", "certificate-number"),
            (" 11010519491231002X", "certificate-number"),
            ("１１010519491231002X", "certificate-number"),
            ("11010519490231002X", "birth-date"),
            ("110105194913310021", "birth-date"),
            ("", "certificate-number"),
        ],
    )
    def test_refused_numbers(self, number, rule):
        with pytest.raises(InvalidInput) as caught:
            pedersen.certificate_message("resident-id", number)
        assert (caught.value.field, caught.value.rule) == ("number", rule)
        assert not number or number not in str(caught.value)

    @given(st.integers(0, 9), st.integers(0, 16))
    def test_any_wrong_digit_is_caught(self, digit, place):
        good = "11010519491231002X"
        changed = good[:place] + str(digit) + good[place + 1 :]
        if changed != good:
            with pytest.raises(InvalidInput):
                pedersen.certificate_message("resident-id", changed)

    @pytest.mark.parametrize(
        ("kind", "number"),
        [
            ("", "X"),
            ("unknown", "12345"),
            ("passport", "e12345678"),
            ("passport", "E1"),
            ("hk-macao-permit", "A12345678"),
        ],
    )
    def test_other_kinds(self, kind, number):
        with pytest.raises(InvalidInput):
            pedersen.certificate_message(kind, number)
