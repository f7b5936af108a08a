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

POK_OPEN = "pok-open/1"
PROOF_BYTES = 3 * SCALAR_BYTES  # challenge, response of the message, response of the blinding
ENTROPY_BYTES = 32

_TYPE = "ZkProof"
_HASH = "shake128"
_ALGORITHM = "EdDSA"
_FIELDS = frozenset({"type", "suite", "proto", "hash", "ctx", "statement", "proof"})
_SIGNATURE_FIELDS = frozenset({"vm", "alg", "value"})
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
    if not isinstance(statement, dict) or set(statement) != {"C", "params"} or statement["params"] != {}:
        raise InvalidInput("statement", "fields", "must be an object with exactly C and empty params")
    commitments = statement["C"]
    if not isinstance(commitments, list) or len(commitments) != 1:
        raise InvalidInput("statement.C", "one-commitment", "must be a list of one commitment")
    return decode_multibase(commitments[0], "statement.C", POINT_BYTES)


def _check_fields(proof: object) -> dict[str, Any]:
    if not isinstance(proof, dict) or not _FIELDS <= set(proof) <= _FIELDS | {"sig"}:
        raise InvalidInput("zk_proof", "fields", f"must be an object with exactly {', '.join(sorted(_FIELDS))}")
    for name, value in (("type", _TYPE), ("suite", SUITE), ("proto", POK_OPEN), ("hash", _HASH)):
        if proof[name] != value:
            raise InvalidInput(name, "supported", f"must be {value}")
    return proof


def _check_signature(signature: object, context: ProofContext, message: bytes, key: bytes | None) -> None:
    if signature is None:
        if key is not None:
            raise VerificationFailed("proof-signature", "the proof does not carry its holder's signature")
        return
    if not isinstance(signature, dict) or set(signature) != _SIGNATURE_FIELDS:
        raise InvalidInput("sig", "fields", "must be an object with exactly vm, alg and value")
    if signature["alg"] != _ALGORITHM:
        raise InvalidInput("sig.alg", "supported", f"must be {_ALGORITHM}")
    if signature["vm"] != context.verification_method:
        raise VerificationFailed("proof-signature", "the signature names another key than the context")
    value = decode_multibase(signature["value"], "sig.value", ed25519.SIGNATURE_BYTES)
    if key is None:
        raise CouldNotCheck("holder-key-unknown", "the proof is signed, and its holder's key is not known")
    ed25519.verify(key, message, value)


def _multibase(data: bytes) -> str:
    return "u" + encode_base64url(data)
