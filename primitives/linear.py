"""Sigma proofs of linear relations over BLS12-381 G1: draft-irtf-cfrg-sigma-protocols (August 2026).

Suite `sigma-proofs_Shake128_BLS12381`. A relation is a list of equations; each says that a sum of known points
(`image`) equals a sum of secret scalars times known points (`terms`). Element 0 is the group's generator.

Proof, in the numbers used below:
 1. The prover commits to nonces: commitment = map(nonces).
 2. Both derive the challenge from the session id, the serialised relation (every point in it) and the commitment.
 3. response = nonces + challenge * witness.
 4. compact form: challenge || response; the verifier recomputes commitment = map(response) - challenge * image.
    batchable form: commitment || response; the verifier checks map(response) = commitment + challenge * image.
The form belongs into the tag: a proof of one form, re-encoded in the other, must not verify under the same tag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from primitives import curve
from primitives.curve import ORDER, POINT_BYTES, SCALAR_BYTES, FixedBase, Point
from primitives.errors import InvalidInput, VerificationFailed
from primitives.transcript import CHALLENGE_EXTRA_BYTES, DuplexSponge, decode_uint, derive_session_id

CIPHERSUITE = "sigma-proofs_Shake128_BLS12381"
COMPACT = "CMPT"
BATCHABLE = "DSFS"

_INDEX_BYTES = 4
_MAX_SIZE = 128  # equations, terms and elements of one relation: more is a parsing bomb, not a statement of ours


@dataclass(frozen=True)
class Equation:
    """Sum of coefficient * element over `image` = sum of coefficient * scalar * element over `terms`.

    Attributes:
        image: pairs (element index, coefficient).
        terms: triples (scalar index, element index, coefficient).
    """

    image: tuple[tuple[int, int], ...]
    terms: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class LinearRelation:
    """A statement. Build it and call `validate` before anything rests on it; proving and verifying do.

    Attributes:
        elements: the points; the first is the generator.
        equations: the equations.
        fast: fixed-base tables of elements, by index; they change nothing but speed.
    """

    elements: tuple[Point, ...]
    equations: tuple[Equation, ...]
    fast: Mapping[int, FixedBase] = field(default_factory=dict, compare=False)

    @property
    def scalar_count(self) -> int:
        """How many secret scalars the terms name."""
        return 1 + max((index for equation in self.equations for index, _, _ in equation.terms), default=-1)

    def validate(self) -> None:
        """Check that the statement says something: instance validation of the draft.

        Raises:
            InvalidInput: field `relation`, with the rule.
        """
        self._check_shape()
        self._check_references()
        if self.elements[0] != curve.GENERATOR:
            raise _bad("generator", "element 0 must be the generator")
        if any(curve.is_identity(element) for element in self.elements):
            raise _bad("identity", "an element is the identity")
        if any(curve.is_identity(point) for point in self.image()):
            raise _bad("trivial", "an equation's image is the identity")
        if any(self._is_free(index) for index in range(self.scalar_count)):
            raise _bad("free-scalar", "a scalar is bound by no equation")

    def image(self) -> list[Point]:
        """Return the left-hand side of each equation."""
        return [self._sum([(element, coefficient) for element, coefficient in e.image]) for e in self.equations]

    def evaluate(self, scalars: Sequence[int]) -> list[Point]:
        """Return the right-hand side of each equation for given scalars."""
        if len(scalars) != self.scalar_count:
            raise _bad("scalars", f"takes {self.scalar_count} scalars, not {len(scalars)}")
        return [
            self._sum([(element, coefficient * scalars[index] % ORDER) for index, element, coefficient in e.terms])
            for e in self.equations
        ]

    def serialize(self) -> bytes:
        """Return the bytes that enter the challenge: equations, coefficients and every point but the generator."""
        parts = [_index(len(self.equations))]
        for equation in self.equations:
            parts.append(_index(len(equation.image)))
            parts += [_index(element) + curve.encode_scalar(c % ORDER) for element, c in equation.image]
            parts.append(_index(len(equation.terms)))
            parts += [_index(s) + _index(element) + curve.encode_scalar(c % ORDER) for s, element, c in equation.terms]
        return b"".join(parts + [curve.encode_point(element) for element in self.elements[1:]])

    def _check_shape(self) -> None:
        sizes = [len(self.equations), len(self.elements)]
        sizes += [len(part) for equation in self.equations for part in (equation.image, equation.terms)]
        if not all(0 < size <= _MAX_SIZE for size in sizes):
            raise _bad("size", f"equations, images, terms and elements must be 1 to {_MAX_SIZE} each")

    def _check_references(self) -> None:
        named = {element for equation in self.equations for element, _ in equation.image}
        named |= {element for equation in self.equations for _, element, _ in equation.terms}
        if not named <= set(range(len(self.elements))):
            raise _bad("element-index", "an equation names an element that is not there")
        if not named >= set(range(1, len(self.elements))):
            raise _bad("unused-element", "an element is in no equation")
        scalars = {index for equation in self.equations for index, _, _ in equation.terms}
        if scalars != set(range(len(scalars))):
            raise _bad("scalar-index", "the scalars must be numbered from 0 without gaps")

    def _is_free(self, scalar: int) -> bool:
        columns = (
            self._sum([(element, coefficient) for index, element, coefficient in e.terms if index == scalar])
            for e in self.equations
        )
        return all(curve.is_identity(column) for column in columns)

    def _sum(self, entries: list[tuple[int, int]]) -> Point:
        total = curve.identity()
        slow: list[tuple[Point, int]] = []
        for element, factor in entries:
            if factor == 1:  # most coefficients are
                total = total + self.elements[element]
            elif element in self.fast:
                total = total + self.fast[element].multiply(factor % ORDER)
            else:
                slow.append((self.elements[element], factor % ORDER))
        return total + curve.msm([point for point, _ in slow], [factor for _, factor in slow]) if slow else total


def prove_compact(tag: bytes, relation: LinearRelation, witness: Sequence[int], nonces: Sequence[int]) -> bytes:
    """Return challenge || response. The nonces must be fresh and uniform: twice the same ones give the witness away."""
    challenge, _, response = _prove(tag, relation, witness, nonces)
    return b"".join(map(curve.encode_scalar, [challenge, *response]))


def prove_batchable(tag: bytes, relation: LinearRelation, witness: Sequence[int], nonces: Sequence[int]) -> bytes:
    """Return commitment || response; see `prove_compact` for the nonces."""
    _, commitment, response = _prove(tag, relation, witness, nonces)
    return commitment + b"".join(map(curve.encode_scalar, response))


def verify_compact(tag: bytes, relation: LinearRelation, proof: bytes) -> None:
    """Verify challenge || response.

    Raises:
        InvalidInput: the relation or the proof is ill-formed.
        VerificationFailed: check `zk-proof`.
    """
    relation.validate()
    challenge, *response = _scalars(proof, 1 + relation.scalar_count)
    mapped, image = relation.evaluate(response), relation.image()
    negated = (ORDER - challenge) % ORDER
    commitment = [left + curve.multiply(right, negated) for left, right in zip(mapped, image, strict=True)]  # (4)
    if any(curve.is_identity(point) for point in commitment):
        raise _refuted()
    if challenge != derive_challenge(tag, relation, b"".join(map(curve.encode_point, commitment))):
        raise _refuted()


def verify_batchable(tag: bytes, relation: LinearRelation, proof: bytes) -> None:
    """Verify commitment || response; raises as `verify_compact` does."""
    relation.validate()
    size = POINT_BYTES * len(relation.equations)
    commitment_bytes, response_bytes = proof[:size], proof[size:]
    response = _scalars(response_bytes, relation.scalar_count)
    commitment = [
        curve.decode_point(commitment_bytes[start : start + POINT_BYTES], "proof")
        for start in range(0, size, POINT_BYTES)
    ]
    challenge = derive_challenge(tag, relation, commitment_bytes)
    mapped, image = relation.evaluate(response), relation.image()
    for left, announced, right in zip(mapped, commitment, image, strict=True):
        if left != announced + curve.multiply(right, challenge):  # (4)
            raise _refuted()


def derive_challenge(tag: bytes, relation: LinearRelation, commitment: bytes) -> int:
    """Return the challenge of a tag, a relation and the serialised commitment."""
    sponge = DuplexSponge(derive_session_id(tag))  # (2)
    sponge.absorb(relation.serialize())
    sponge.absorb(commitment)
    return decode_uint(sponge.squeeze(SCALAR_BYTES + CHALLENGE_EXTRA_BYTES), ORDER)


def _prove(
    tag: bytes, relation: LinearRelation, witness: Sequence[int], nonces: Sequence[int]
) -> tuple[int, bytes, list[int]]:
    relation.validate()
    if relation.evaluate(witness) != relation.image():
        raise InvalidInput("witness", "witness", "does not satisfy the relation")
    if not any(nonces):
        raise InvalidInput("nonces", "nonces", "must not all be zero")
    commitment = b"".join(map(curve.encode_point, relation.evaluate(nonces)))  # (1)
    challenge = derive_challenge(tag, relation, commitment)
    response = [(nonce + challenge * secret) % ORDER for nonce, secret in zip(nonces, witness, strict=True)]  # (3)
    return challenge, commitment, response


def _scalars(data: bytes, count: int) -> list[int]:
    if len(data) != count * SCALAR_BYTES:
        raise InvalidInput("proof", "length", f"must hold {count} scalars of {SCALAR_BYTES} bytes after its points")
    return [
        curve.decode_scalar(data[start : start + SCALAR_BYTES], "proof") for start in range(0, len(data), SCALAR_BYTES)
    ]


def _index(number: int) -> bytes:
    return number.to_bytes(_INDEX_BYTES, "little")


def _bad(rule: str, detail: str) -> InvalidInput:
    return InvalidInput("relation", rule, detail)


def _refuted() -> VerificationFailed:
    return VerificationFailed("zk-proof", "the zero-knowledge proof does not verify")
