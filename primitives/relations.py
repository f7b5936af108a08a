"""The proofs that the product offers, each a table of one linear relation and its wire form.

`pok-open/1`: I know message and blinding of the commitment C. One equation, C = message * G + blinding * H, compact
form. Specified byte by byte in docs/spec/zero-knowledge.md.

With the holder's key given, the proof also carries its Ed25519 signature: the challenge binds the holder's DID, but
only the signature shows that whoever holds the DID's key made it, and not just somebody who knows the opening.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from primitives import ed25519, linear, pedersen
from primitives.context import SUITE, ExpectedContext, ProofContext, decode_multibase
from primitives.curve import ORDER, POINT_BYTES, SCALAR_BYTES, decode_point
from primitives.digest import tagged_hmac, tagged_sha256
from primitives.encoding import encode_base64url
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from primitives.shapes import Anything, Base64Url, Constant, Fields, ListOf

POK_OPEN = "pok-open/1"
PROOF_BYTES = 3 * SCALAR_BYTES  # challenge, response of the message, response of the blinding
ENTROPY_BYTES = 32

_TYPE = "ZkProof"
_HASH = "shake128"
_ALGORITHM = "EdDSA"
_STATEMENT = Fields({"C": ListOf(Base64Url(POINT_BYTES, "u"), 1, 1), "params": Fields({})})
_SIGNATURE = Fields({"vm": Anything(), "alg": Constant(_ALGORITHM), "value": Base64Url(ed25519.SIGNATURE_BYTES, "u")})
_PROOF = Fields(
    {
        "type": Constant(_TYPE),
        "suite": Constant(SUITE),
        "proto": Constant(POK_OPEN),
        "hash": Constant(_HASH),
        "ctx": Anything(),
        "statement": Anything(),
        "proof": Anything(),
    },
    {"sig": Anything()},
)
_NONCE_TAG = "bonafides/zk/1/nonce/{index}/{half}"
_SIGNATURE_TAG = "bonafides/zk/1/proof-signature"


@dataclass(frozen=True)
class OpeningStatement:
    """What a verified `pok-open/1` says: the holder of this context knows the opening of this commitment."""

    commitment: bytes
    context: ProofContext


def prove_opening(
    context: ProofContext,
    commitment: bytes,
    message: int,
    blinding: int,
    entropy: bytes,
    holder_seed: bytes | None = None,
) -> dict[str, Any]:
    """Return the wire form of a proof that the caller can open a commitment.

    Args:
        context: what the proof is bound to.
        commitment: the 48 bytes.
        message: the committed scalar.
        blinding: its blinding.
        entropy: at least 32 fresh random bytes; never the same twice.
        holder_seed: the Ed25519 seed of `context.verification_method`; when given, the proof is signed too.

    Raises:
        InvalidInput: the opening is not one of this commitment, or the entropy is too short.
    """
    if len(entropy) < ENTROPY_BYTES:
        raise InvalidInput("entropy", "length", f"must be at least {ENTROPY_BYTES} bytes")
    if pedersen.commit(message, blinding) != commitment:
        raise InvalidInput("commitment", "witness", "is not what this message and blinding commit to")
    statement = _statement(commitment)
    tag = context.tag(POK_OPEN, linear.COMPACT, linear.CIPHERSUITE, statement)
    secret = message.to_bytes(SCALAR_BYTES) + blinding.to_bytes(SCALAR_BYTES) + tag
    nonces = [_nonce(entropy, secret, index) for index in range(2)]
    proof = linear.prove_compact(tag, opening_relation(commitment), [message, blinding], nonces)
    wire: dict[str, Any] = {
        "type": _TYPE,
        "suite": SUITE,
        "proto": POK_OPEN,
        "hash": _HASH,
        "ctx": context.to_json(),
        "statement": statement,
        "proof": _multibase(proof),
    }
    if holder_seed is None:
        return wire
    signature = ed25519.sign(holder_seed, signed_bytes(tag, proof))
    return {
        **wire,
        "sig": {"vm": context.verification_method, "alg": _ALGORITHM, "value": _multibase(signature)},
    }


def verify_opening(proof: object, *, expected: ExpectedContext, holder_key: bytes | None = None) -> OpeningStatement:
    """Verify the wire form of a `pok-open/1`.

    Steps: (1) parse, (2) the context is the one asked for, (3) the proof holds, (4) so does the holder's signature.

    Args:
        proof: the parsed JSON.
        expected: what the verifier asks for.
        holder_key: the Ed25519 key of the proof's verification method; when given, a signature is required.

    Raises:
        InvalidInput: ill-formed: unknown or missing fields, bytes that are no points or scalars.
        VerificationFailed: checks `proof-context`, `proof-expired`, `proof-not-yet-valid`, `zk-proof`,
            `proof-signature`, `signature`.
        CouldNotCheck: the proof is signed and no key is given.
    """
    wire = _check_fields(proof)  # (1)
    context = ProofContext.from_json(wire["ctx"])
    commitment = _commitment(wire["statement"])
    body = decode_multibase(wire["proof"], "proof", PROOF_BYTES)
    expected.check(context)  # (2)
    tag = context.tag(POK_OPEN, linear.COMPACT, linear.CIPHERSUITE, _statement(commitment))
    linear.verify_compact(tag, opening_relation(commitment), body)  # (3)
    _check_signature(wire.get("sig"), context, signed_bytes(tag, body), holder_key)  # (4)
    return OpeningStatement(commitment, context)


def proof_context(proof: object) -> ProofContext:
    """Read the context that a proof claims, without verifying it: a verifier finds nonce and key by it.

    Raises:
        InvalidInput: ill-formed.
    """
    return ProofContext.from_json(_check_fields(proof)["ctx"])


def opening_relation(commitment: bytes) -> linear.LinearRelation:
    """Return the statement of `pok-open/1` about a commitment: C = message * G + blinding * H."""
    point = decode_point(commitment, "statement.C")
    bases = {0: pedersen.message_base(), 1: pedersen.blinding_base()}
    return linear.LinearRelation(
        elements=(bases[0].point, bases[1].point, point),
        equations=(linear.Equation(image=((2, 1),), terms=((0, 0, 1), (1, 1, 1))),),
        fast=bases,
    )


def signed_bytes(tag: bytes, body: bytes) -> bytes:
    """Return the 32 bytes that the holder signs. The tag binds suite, protocol, context and statement."""
    return tagged_sha256(_SIGNATURE_TAG, tag, body)


def _nonce(entropy: bytes, secret: bytes, index: int) -> int:
    # Hedged: a weak entropy source alone does not repeat a nonce under another context or witness.
    halves = [tagged_hmac(entropy, _NONCE_TAG.format(index=index, half=half), secret) for half in (0, 1)]
    return int.from_bytes(b"".join(halves)) % ORDER


def _statement(commitment: bytes) -> dict[str, Any]:
    return {"C": [_multibase(commitment)], "params": {}}


def _commitment(statement: object) -> bytes:
    commitment: bytes = _STATEMENT.read(statement, "statement")["C"][0]
    return commitment


def _check_fields(proof: object) -> dict[str, Any]:
    return _PROOF.read(proof, "zk_proof")


def _check_signature(signature: object, context: ProofContext, message: bytes, key: bytes | None) -> None:
    if signature is None:
        if key is not None:
            raise VerificationFailed("proof-signature", "the proof does not carry its holder's signature")
        return
    signed = _SIGNATURE.read(signature, "sig")
    if signed["vm"] != context.verification_method:
        raise VerificationFailed("proof-signature", "the signature names another key than the context")
    if key is None:
        raise CouldNotCheck("holder-key-unknown", "the proof is signed, and its holder's key is not known")
    ed25519.verify(key, message, signed["value"])


def _multibase(data: bytes) -> str:
    return "u" + encode_base64url(data)
