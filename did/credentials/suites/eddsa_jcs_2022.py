"""Data Integrity proofs with the cryptosuite `eddsa-jcs-2022` (W3C vc-di-eddsa 1.0, section 3.3).

Signed bytes: SHA-256(JCS(proof without proofValue)) || SHA-256(JCS(document without proof)). Keys are Ed25519.
"""

from __future__ import annotations

import hashlib
from typing import Any

from did.credentials.suite import Document, ProofOptions, Suite
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import decode_base58btc, encode_base58btc
from primitives.errors import VerificationFailed

_PROOF_TYPE, _CRYPTOSUITE = "DataIntegrityProof", "eddsa-jcs-2022"


def signed_bytes(unsecured: Document, proof_options: Document) -> bytes:
    """Return the 64 bytes that are signed: hash of the proof options, then hash of the document."""
    return hashlib.sha256(canonical_json(proof_options)).digest() + hashlib.sha256(canonical_json(unsecured)).digest()


def _create(unsecured: Document, options: ProofOptions, seed: bytes) -> dict[str, Any]:
    proof: dict[str, Any] = {
        "type": _PROOF_TYPE,
        "cryptosuite": _CRYPTOSUITE,
        "created": options.created,
        "verificationMethod": options.verification_method,
        "proofPurpose": options.purpose,
    }
    if "@context" in unsecured:
        proof["@context"] = unsecured["@context"]
    return {**proof, "proofValue": encode_base58btc(ed25519.sign(seed, signed_bytes(unsecured, proof)))}


def _verify(unsecured: Document, proof: Document, public_key: bytes) -> None:
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    signature = decode_base58btc(proof.get("proofValue"), "proof.proofValue", ed25519.SIGNATURE_BYTES)
    if "@context" in options:
        _check_proof_context(unsecured.get("@context"), options["@context"])
        unsecured = {**unsecured, "@context": options["@context"]}
    ed25519.verify(public_key, signed_bytes(unsecured, options), signature)


def _check_proof_context(of_document: object, of_proof: object) -> None:
    document_contexts = of_document if isinstance(of_document, list) else [of_document]
    proof_contexts = of_proof if isinstance(of_proof, list) else [of_proof]
    if document_contexts[: len(proof_contexts)] != proof_contexts:
        raise VerificationFailed("proof-context", "the document's @context does not start with the proof's")


def _as_signed(unsecured: Document, proof: Document) -> dict[str, Any]:
    """Two changes leave the signature whole, and whoever shows a document may make them.

    They are the proof in a list of one, and entries of `@context` after those that the proof repeats. Bytes as
    presented would let him show a consent that was withdrawn as one that nobody knows.
    """
    signed = {**unsecured, "proof": dict(proof)}
    return signed if "@context" not in proof else {**signed, "@context": proof["@context"]}


SUITE = Suite(_PROOF_TYPE, _CRYPTOSUITE, create=_create, verify=_verify, as_signed=_as_signed)
