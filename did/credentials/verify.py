"""Verify a credential: data model, the one proof, the issuer's key, its period, its status.

Steps, each tagged below:
 1. The document is a credential of the data model.
 2. It carries exactly one proof, by its issuer, for the purpose assertionMethod.
 3. The key is the one that held when the proof was made (the caller's resolver knows; `eddsa.proof_header` tells when).
 4. The signature verifies.
 5. Now is inside its period, and not after the proof's expiry.
 6. Its status bit is not set. A status that cannot be read is CouldNotCheck, never "valid".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from did.credentials.eddsa import ASSERTION, ProofHeader, proof_header, verify_proof
from did.credentials.model import Credential, read_credential
from primitives.errors import CouldNotCheck, VerificationFailed

KeyResolver = Callable[[str], bytes]
StatusReader = Callable[[dict[str, Any]], bool]


@dataclass(frozen=True)
class VerifiedCredential:
    """A credential whose six checks hold. Only `verify_credential` makes one."""

    document: dict[str, Any]
    credential: Credential
    proof: ProofHeader

    @property
    def issuer(self) -> str:
        """The issuer's URL."""
        return self.credential.issuer

    @property
    def subject(self) -> dict[str, Any]:
        """The claims about the first subject."""
        return self.credential.subjects[0]


def verify_credential(
    document: object, resolve_key: KeyResolver, now_ms: int, status: StatusReader | None = None
) -> VerifiedCredential:
    """Verify a credential.

    Args:
        document: the parsed JSON.
        resolve_key: returns the 32-byte Ed25519 key of a verification method as it held at signing; raises
            VerificationFailed when none did, CouldNotCheck when that is unknown.
        now_ms: the time to check the period against.
        status: says of a status entry whether its bit is set; raises CouldNotCheck when the list cannot be read.

    Raises:
        InvalidInput: not a credential, or not exactly one proof.
        VerificationFailed: checks `issuer`, `proof-purpose`, `signature`, `not-yet-valid`, `expired`, `status`.
        CouldNotCheck: the key or the status could not be read.
    """
    credential = read_credential(document)  # (1)
    header = proof_header(document)  # (2)
    if header.verification_method.partition("#")[0] != credential.issuer:
        raise VerificationFailed("issuer", "the proof is by a key of somebody else than the issuer")
    if header.purpose != ASSERTION:
        raise VerificationFailed("proof-purpose", f"the proof is for {header.purpose}, not {ASSERTION}")
    verify_proof(document, resolve_key(header.verification_method))  # (3) (4)
    _check_period(credential, header, now_ms)  # (5)
    _check_status(credential, status)  # (6)
    return VerifiedCredential(dict(document) if isinstance(document, dict) else {}, credential, header)


def _check_period(credential: Credential, header: ProofHeader, now_ms: int) -> None:
    if credential.valid_from is not None and now_ms < credential.valid_from:
        raise VerificationFailed("not-yet-valid", "the credential's validFrom is later than now")
    ends = [end for end in (credential.valid_until, header.expires) if end is not None]
    if any(now_ms > end for end in ends):
        raise VerificationFailed("expired", "the credential's validUntil or its proof's expiry has passed")


def _check_status(credential: Credential, status: StatusReader | None) -> None:
    for entry in credential.statuses:
        if status is None:
            raise CouldNotCheck("status-unknown", "the credential names a status list, and none can be read")
        if status(entry):
            raise VerificationFailed("status", f"the credential's status {entry.get('statusPurpose', '')} is set")
