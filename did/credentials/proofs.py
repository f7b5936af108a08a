"""Proofs of documents, by whatever suite they are: made, read, verified (W3C Data Integrity 1.0).

A document carries exactly one proof; it is given as an object or as a list of one. What a proof says of itself finds
its suite (`did.credentials.registry`), which does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from did.credentials.registry import ISSUING, SUITES
from did.credentials.suite import Document, ProofOptions, Suite
from primitives.errors import InvalidInput
from primitives.timestamp import parse_utc

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
    document: Document,
    *,
    seed: bytes,
    verification_method: str,
    created: str,
    purpose: str = ASSERTION,
    suite: Suite = ISSUING,
) -> dict[str, Any]:
    """Return a new document with a proof; the argument stays as it is.

    Args:
        document: the unsecured document.
        seed: the secret key; the suite that this version issues with takes an Ed25519 seed.
        verification_method: DID URL of its public key.
        created: an XML Schema date-time with an offset.
        purpose: the proof purpose.
        suite: the suite of the proof.

    Raises:
        InvalidInput: the document has a proof already, or `created` is no date-time.
    """
    if "proof" in document:
        raise InvalidInput("proof", "unsecured", "the document has a proof already")
    parse_utc(created, "proof.created")
    return {**document, "proof": suite.create(document, ProofOptions(verification_method, created, purpose), seed)}


def single_proof(document: object) -> dict[str, Any]:
    """Return the one proof of a document.

    Raises:
        InvalidInput: no proof, an empty list, more than one, or one of another type or cryptosuite.
    """
    return _secured(document)[2]


def as_signed(document: object) -> dict[str, Any]:
    """Return a document in the one form that its signature stands for: what it is compared, hashed and kept by.

    Raises:
        InvalidInput: see `single_proof`.
    """
    suite, unsecured, proof = _secured(document)
    return suite.as_signed(unsecured, proof)


def derive(document: object, shown: Sequence[str]) -> dict[str, Any]:
    """Return a document that shows only a part of another, and verifies.

    Args:
        document: the secured document.
        shown: JSON pointers (RFC 6901) of what is shown.

    Raises:
        InvalidInput: see `single_proof`.
        Refused: `suite-cannot-derive`, the signature stands for the whole.
    """
    suite, unsecured, proof = _secured(document)
    return suite.derive({**unsecured, "proof": proof}, shown)


def proof_header(document: object) -> ProofHeader:
    """Read who claims to have signed, when and for what; a caller uses it to find the key that held then.

    Raises:
        InvalidInput: not exactly one proof of a known suite, or a member of it is missing or ill-formed.
    """
    return _header(single_proof(document))


def verify_proof(document: object, public_key: bytes) -> ProofHeader:
    """Verify the one proof of a document with a public key.

    Raises:
        InvalidInput: not exactly one well-formed proof.
        VerificationFailed: check `proof-context` or `signature`.
    """
    suite, unsecured, proof = _secured(document)
    header = _header(proof)
    suite.verify(unsecured, proof, public_key)
    return header


def _secured(document: object) -> tuple[Suite, dict[str, Any], dict[str, Any]]:
    """Return the suite of the one proof of a document, the document without it, and the proof."""
    if not isinstance(document, dict):
        raise InvalidInput("credential", "object", "must be a JSON object")
    unsecured = dict(document)
    proof = unsecured.pop("proof", None)
    if isinstance(proof, list):
        if len(proof) != 1:
            raise InvalidInput("proof", "one-proof", f"must be exactly one proof, not {len(proof)}")
        proof = proof[0]
    if not isinstance(proof, dict):
        raise InvalidInput("proof", "one-proof", "must be exactly one proof object")
    for suite in SUITES.values():
        if (proof.get("type"), proof.get("cryptosuite")) == (suite.proof_type, suite.cryptosuite):
            return suite, unsecured, proof
    known = " or ".join(suite.label for suite in SUITES.values())
    raise InvalidInput("proof", "cryptosuite", f"must be a {known}")


def _header(proof: Document) -> ProofHeader:
    method, purpose = proof.get("verificationMethod"), proof.get("proofPurpose")
    if not isinstance(method, str) or not method:
        raise InvalidInput("proof.verificationMethod", "url", "must be the URL of a key")
    if not isinstance(purpose, str) or not purpose:
        raise InvalidInput("proof.proofPurpose", "text", "must name the purpose of the proof")
    created = parse_utc(proof.get("created"), "proof.created")
    expires = parse_utc(proof["expires"], "proof.expires") if "expires" in proof else None
    return ProofHeader(method, created, purpose, expires)
