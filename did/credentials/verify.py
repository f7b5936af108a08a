"""Verify a credential: data model, the one proof, the issuer's right and key, its period, its status.

Steps, each tagged below:
 1. The document is a credential of the data model, and of one type that this product knows.
 2. It carries exactly one proof, by its issuer, for the purpose assertionMethod.
 3. The issuer may issue this type at the snapshot's block (`did.credentials.issuers`).
 4. The signature verifies with a key of the issuer.
 5. The issuer was entitled when it issued. While its key is in force, `created` says when; once the key has ended,
    whoever stole it writes `created` too, so only a witness says when: the digest's record, anchored before the end.
 6. The claims are what the reader of this type accepts (`did.credentials.types`).
 7. Now is inside its period, and not after the proof's expiry.
 8. Its status bit is not set. A status that cannot be read is CouldNotCheck, never "valid".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from did.credentials import issuers
from did.credentials.credential import Credential
from did.credentials.credential_type import Basis, CredentialType
from did.credentials.issuers import ChainSnapshot, IssuerRight
from did.credentials.model import read_credential
from did.credentials.proofs import ASSERTION, ProofHeader, as_signed, proof_header, verify_proof
from did.member_log import MemberHistory
from primitives.canonical import canonical_json
from primitives.errors import CouldNotCheck, VerificationFailed
from primitives.timestamp import CLOCK_LEEWAY_MS

StatusReader = Callable[[dict[str, Any]], bool]
Witness = Callable[[bytes], int]

UNWITNESSED = "issue-unwitnessed"
_MAX_ENDED_KEYS = 64


@dataclass(frozen=True)
class VerifiedCredential:
    """A credential whose eight checks hold, as it was signed. Only `verify_credential` makes one."""

    document: dict[str, Any]
    credential: Credential
    proof: ProofHeader
    type: CredentialType[Any]
    right: IssuerRight

    @property
    def issuer(self) -> str:
        """The issuer's URL."""
        return self.credential.issuer

    @property
    def subject(self) -> dict[str, Any]:
        """The claims about the first subject."""
        return self.credential.subjects[0]


def verify_credential(
    document: object,
    chain: ChainSnapshot,
    now_ms: int,
    *,
    status: StatusReader | None = None,
    witness: Witness | None = None,
) -> VerifiedCredential:
    """Verify a credential.

    Args:
        document: the parsed JSON.
        chain: what one block says of members and of the client keys that matter here.
        now_ms: the time to check the period against.
        status: says of a status entry whether its bit is set; raises CouldNotCheck when the list cannot be read.
        witness: returns the block in which the record of a credential's digest was anchored; raises VerificationFailed
            when none was, CouldNotCheck when that is unknown. It is asked only about a key that has ended.

    Raises:
        InvalidInput: not a credential, not exactly one proof, or a claim is ill-formed.
        VerificationFailed: checks `issuer`, `proof-purpose`, `issuer-right`, `key`, `signature`, `issue-unwitnessed`,
            `not-yet-valid`, `expired`, `status`.
        CouldNotCheck: the witness or the status could not be read.
    """
    credential = read_credential(document)
    type_ = issuers.type_of(credential)  # (1)
    header = proof_header(document)  # (2)
    if header.verification_method.partition("#")[0] != credential.issuer:
        raise VerificationFailed("issuer", "the proof is by a key of somebody else than the issuer")
    if header.purpose != ASSERTION:
        raise VerificationFailed("proof-purpose", f"the proof is for {header.purpose}, not {ASSERTION}")
    if type_.basis is Basis.CLIENT_ITSELF:
        verify_proof(document, issuers.consenting_client(credential, header, chain))  # (3) (4) (5)
        right = _right(type_, header, chain)
    else:
        member = issuers.issuing_broker(credential, type_, header, chain)  # (3)
        right = _by_member(document, type_, header, chain, member, witness)  # (4) (5)
    type_.read(credential)  # (6)
    _check_period(credential, header, now_ms)  # (7)
    _check_status(credential, status)  # (8)
    return VerifiedCredential(as_signed(document), credential, header, type_, right)


def credential_digest(document: object) -> bytes:
    """Return SHA-256 of the RFC 8785 bytes of a credential as it was signed, its proof an object."""
    return hashlib.sha256(canonical_json(as_signed(document))).digest()


def _by_member(
    document: object,
    type_: CredentialType[Any],
    header: ProofHeader,
    chain: ChainSnapshot,
    member: MemberHistory,
    witness: Witness | None,
) -> IssuerRight:
    present = member.terms[-1].ed25519  # the open term's: issuing_broker has asked for it
    signer = _signer(document, member, present)
    if signer == present:
        term = issuers.term_of_claimed_issue(member, type_.name, present, header.created)
        return _right(type_, header, chain, name=member.name, role_then=term.role, role_now=member.terms[-1].role)
    if witness is None:
        raise VerificationFailed(UNWITNESSED, "the key that signed has ended, and nothing shows that it signed before")
    block = witness(credential_digest(document))
    term = issuers.term_of_witnessed_issue(member, type_.name, signer, block)
    return _right(
        type_, header, chain, name=member.name, role_then=term.role, role_now=member.terms[-1].role, witnessed=block
    )


def _signer(document: object, member: MemberHistory, present: bytes) -> bytes:
    """Return which of the member's keys verifies the proof: the present one, else the last that has ended."""
    try:
        verify_proof(document, present)
    except VerificationFailed as error:
        ended = dict.fromkeys(term.ed25519 for term in reversed(member.terms) if term.ed25519 != present)
        for key in list(ended)[:_MAX_ENDED_KEYS]:
            try:
                verify_proof(document, key)
            except VerificationFailed:
                continue
            return key
        raise error from None
    return present


def _right(
    type_: CredentialType[Any],
    header: ProofHeader,
    chain: ChainSnapshot,
    *,
    name: str | None = None,
    role_then: str | None = None,
    role_now: str | None = None,
    witnessed: int | None = None,
) -> IssuerRight:
    return IssuerRight(
        kind=type_.name,
        basis=type_.basis,
        issuer=header.verification_method.partition("#")[0],
        member=name,
        role_at_issue=role_then,
        role_now=role_now,
        key=header.verification_method,
        key_in_force=witnessed is None,
        witnessed_block=witnessed,
        block=chain.block,
    )


def _check_period(credential: Credential, header: ProofHeader, now_ms: int) -> None:
    if credential.valid_from is not None and now_ms + CLOCK_LEEWAY_MS < credential.valid_from:
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
