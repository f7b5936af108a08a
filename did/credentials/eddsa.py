"""Data Integrity proofs with the cryptosuite `eddsa-jcs-2022` (W3C vc-di-eddsa 1.0, section 3.3).

Signed bytes: SHA-256(JCS(proof without proofValue)) || SHA-256(JCS(document without proof)).
A document carries exactly one proof; it is given as an object or as a list of one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import decode_base58btc, encode_base58btc
from primitives.errors import InvalidInput, VerificationFailed
from primitives.timestamp import parse_utc

CRYPTOSUITE = "eddsa-jcs-2022"
PROOF_TYPE = "DataIntegrityProof"
ASSERTION = "assertionMethod"


@dataclass(frozen=True)
class ProofHeader:
    """What a proof claims about itself, read but not verified.

    Attributes:
        verification_method: DID URL of the key.
        created: milliseconds; the signer's claim.
        purpose: the proof purpose.
        expires: milliseconds, when stated.
    """

    verification_method: str
    created: int
    purpose: str
    expires: int | None


def add_proof(
    document: dict[str, Any], *, seed: bytes, verification_method: str, created: str, purpose: str = ASSERTION
) -> dict[str, Any]:
    """Return a new document with a proof; the argument stays as it is.

    Args:
        document: the unsecured document.
        seed: the Ed25519 seed.
        verification_method: DID URL of its public key.
        created: an XML Schema date-time with an offset.
        purpose: the proof purpose.

    Raises:
        InvalidInput: the document has a proof already, or `created` is no date-time.
    """
    if "proof" in document:
        raise InvalidInput("proof", "unsecured", "the document has a proof already")
    parse_utc(created, "proof.created")
    proof: dict[str, Any] = {
        "type": PROOF_TYPE,
        "cryptosuite": CRYPTOSUITE,
        "created": created,
        "verificationMethod": verification_method,
        "proofPurpose": purpose,
    }
    if "@context" in document:
        proof["@context"] = document["@context"]
    signature = ed25519.sign(seed, signed_bytes(document, proof))
    return {**document, "proof": {**proof, "proofValue": encode_base58btc(signature)}}


def signed_bytes(unsecured: dict[str, Any], proof_options: dict[str, Any]) -> bytes:
    """Return the 64 bytes that are signed: hash of the proof options, then hash of the document."""
    return hashlib.sha256(canonical_json(proof_options)).digest() + hashlib.sha256(canonical_json(unsecured)).digest()


def single_proof(document: object) -> dict[str, Any]:
    """Return the one proof of a document.

    Raises:
        InvalidInput: no proof, an empty list, more than one, or one of another type or cryptosuite.
    """
    if not isinstance(document, dict):
        raise InvalidInput("credential", "object", "must be a JSON object")
    proof = document.get("proof")
    if isinstance(proof, list):
        if len(proof) != 1:
            raise InvalidInput("proof", "one-proof", f"must be exactly one proof, not {len(proof)}")
        proof = proof[0]
    if not isinstance(proof, dict):
        raise InvalidInput("proof", "one-proof", "must be exactly one proof object")
    if proof.get("type") != PROOF_TYPE or proof.get("cryptosuite") != CRYPTOSUITE:
        raise InvalidInput("proof", "cryptosuite", f"must be a {PROOF_TYPE} with {CRYPTOSUITE}")
    return proof


def as_signed(document: object) -> dict[str, Any]:
    """Return a document in the one form that its signature stands for: what it is compared, hashed and kept by.

    Two changes leave the signature whole, and whoever shows a document may make them: the proof in a list of one, and
    entries of `@context` after those that the proof repeats. Bytes as presented would let him show a consent that was
    withdrawn as one that nobody knows.

    Raises:
        InvalidInput: see `single_proof`.
    """
    proof = single_proof(document)
    signed = {**dict(_members(document)), "proof": proof}
    return signed if "@context" not in proof else {**signed, "@context": proof["@context"]}


def proof_header(document: object) -> ProofHeader:
    """Read who claims to have signed, when and for what; a caller uses it to find the key that held then.

    Raises:
        InvalidInput: not exactly one proof of ours, or a member of it is missing or ill-formed.
    """
    proof = single_proof(document)
    method, purpose = proof.get("verificationMethod"), proof.get("proofPurpose")
    if not isinstance(method, str) or not method:
        raise InvalidInput("proof.verificationMethod", "url", "must be the URL of a key")
    if not isinstance(purpose, str) or not purpose:
        raise InvalidInput("proof.proofPurpose", "text", "must name the purpose of the proof")
    created = parse_utc(proof.get("created"), "proof.created")
    expires = parse_utc(proof["expires"], "proof.expires") if "expires" in proof else None
    return ProofHeader(method, created, purpose, expires)


def verify_proof(document: object, public_key: bytes) -> ProofHeader:
    """Verify the one proof of a document with a 32-byte Ed25519 key.

    Raises:
        InvalidInput: not exactly one well-formed proof.
        VerificationFailed: check `proof-context` or `signature`.
    """
    header = proof_header(document)
    proof = single_proof(document)
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    signature = decode_base58btc(proof.get("proofValue"), "proof.proofValue", ed25519.SIGNATURE_BYTES)
    unsecured = {name: value for name, value in _members(document) if name != "proof"}
    if "@context" in options:
        _check_proof_context(unsecured.get("@context"), options["@context"])
        unsecured["@context"] = options["@context"]
    ed25519.verify(public_key, signed_bytes(unsecured, options), signature)
    return header


def _members(document: object) -> list[tuple[str, Any]]:
    return list(document.items()) if isinstance(document, dict) else []


def _check_proof_context(of_document: object, of_proof: object) -> None:
    document_contexts = of_document if isinstance(of_document, list) else [of_document]
    proof_contexts = of_proof if isinstance(of_proof, list) else [of_proof]
    if document_contexts[: len(proof_contexts)] != proof_contexts:
        raise VerificationFailed("proof-context", "the document's @context does not start with the proof's")
