import pytest

from primitives import curve
from primitives.curve import GENERATOR, ORDER
from primitives.errors import InvalidInput, VerificationFailed
from primitives.linear import (
    Equation,
    LinearRelation,
    prove_batchable,
    prove_compact,
    verify_batchable,
    verify_compact,
)

H = curve.hash_to_point(b"h", b"TEST_DST")
X, Y = curve.multiply(GENERATOR, 5), curve.multiply(H, 5)
DLEQ = LinearRelation((GENERATOR, H, X, Y), (Equation(((2, 1),), ((0, 0, 1),)), Equation(((3, 1),), ((0, 1, 1),))))
TAG = b"test"


@pytest.mark.parametrize(("prove", "verify"), [(prove_compact, verify_compact), (prove_batchable, verify_batchable)])
def test_prove_and_verify(prove, verify):
    proof = prove(TAG, DLEQ, [5], [77])
    verify(TAG, DLEQ, proof)
    other = LinearRelation((GENERATOR, H, X, curve.multiply(H, 6)), DLEQ.equations)
    with pytest.raises(VerificationFailed):
        verify(TAG, other, proof)
    with pytest.raises(VerificationFailed):
        verify(b"other", DLEQ, proof)


def test_coefficients():
    """2X + 3Y = 10 G + 15 H, with coefficients on both sides."""
    relation = LinearRelation((GENERATOR, H, X, Y), (Equation(((2, 2), (3, 3)), ((0, 0, 2), (0, 1, 3))),))
    verify_compact(TAG, relation, prove_compact(TAG, relation, [5], [9]))


def test_prover_refuses_a_false_witness_and_dead_nonces():
    with pytest.raises(InvalidInput):
        prove_compact(TAG, DLEQ, [6], [77])
    with pytest.raises(InvalidInput):
        prove_compact(TAG, DLEQ, [5], [0])
    with pytest.raises(InvalidInput):
        prove_compact(TAG, DLEQ, [5, 5], [77])
    with pytest.raises(InvalidInput):
        prove_compact(TAG, DLEQ, [5], [ORDER * 2, 1])


def test_batchable_refuses_bad_commitments():
    proof = prove_batchable(TAG, DLEQ, [5], [77])
    for first in (b"\xc0" + bytes(47), b"\x80" + bytes(47), bytes(48)):
        with pytest.raises(InvalidInput):
            verify_batchable(TAG, DLEQ, first + proof[48:])


one = ((0, 0, 1),)
INVALID = {
    "size": [
        LinearRelation((GENERATOR,), ()),
        LinearRelation((GENERATOR, X), (Equation((), one),)),
        LinearRelation((GENERATOR, X), (Equation(((1, 1),), ()),)),
        LinearRelation((GENERATOR, X), (Equation(((1, 1),), one * 129),)),
    ],
    "element-index": [LinearRelation((GENERATOR, X), (Equation(((2, 1),), one),))],
    "unused-element": [LinearRelation((GENERATOR, X, Y), (Equation(((1, 1),), one),))],
    "scalar-index": [LinearRelation((GENERATOR, X), (Equation(((1, 1),), ((1, 0, 1),)),))],
    "generator": [LinearRelation((H, Y), (Equation(((1, 1),), one),))],
    "identity": [LinearRelation((GENERATOR, curve.identity()), (Equation(((0, 1),), ((0, 1, 1),)),))],
    "trivial": [LinearRelation((GENERATOR, X), (Equation(((1, 1), (1, ORDER - 1)), one),))],
    "free-scalar": [LinearRelation((GENERATOR, X), (Equation(((1, 1),), ((0, 0, 1), (1, 0, 1), (1, 0, ORDER - 1))),))],
}


@pytest.mark.parametrize(("rule", "relation"), [(rule, item) for rule, items in INVALID.items() for item in items])
def test_statements_that_say_nothing(rule, relation):
    with pytest.raises(InvalidInput) as caught:
        relation.validate()
    assert caught.value.rule == rule
    with pytest.raises(InvalidInput):
        verify_compact(TAG, relation, bytes(64))
    with pytest.raises(InvalidInput):
        verify_batchable(TAG, relation, bytes(80))


def test_tables_change_nothing():
    fast = LinearRelation(DLEQ.elements, DLEQ.equations, {0: curve.FixedBase(GENERATOR), 1: curve.FixedBase(H)})
    assert fast == DLEQ
    assert prove_compact(TAG, fast, [5], [77]) == prove_compact(TAG, DLEQ, [5], [77])
    verify_compact(TAG, fast, prove_compact(TAG, DLEQ, [5], [77]))
