"""Who may issue which credential, decided from one block of the chain. A signature proves who, never that he may.

    broker-of-client   a member of role broker, about a client
    broker-of-list     a member of role broker, about its own credentials
    client-itself      the client, about itself

Each credential type says which of these is its basis (`did.credentials.types`).
A broker must be active now, and must have been when the credential was issued. The chain does not say whose client a
pairwise DID is, so "its own client" is bounded here to "no member, and not the issuer itself"; the issuing node asks
its own list of clients, and a node that verifies asks its own (`node_adapter.workflows.identity.verify_credentials`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from did.credentials.credential import BASE_TYPE, Credential
from did.credentials.credential_type import Basis, CredentialType
from did.credentials.proofs import ProofHeader
from did.credentials.registry import TYPES
from did.identifiers import Did, parse_did
from did.member_log import MemberHistory, Term
from primitives.errors import VerificationFailed

CHECK = "issuer-right"
BROKER = "broker"
CLOCK_SKEW_MS = 300_000  # how far a member's clock may lie before the time of the block that gave it its key


@dataclass(frozen=True)
class ChainSnapshot:
    """What one block of the chain says of those who may issue.

    Attributes:
        chain_id: the chain.
        block: the block's number.
        block_time: its time in seconds.
        members: every member's history, by address, none of it later than the block.
        client_keys: by the DID of a client, its Ed25519 keys in force at the block, by verification method.
    """

    chain_id: int
    block: int
    block_time: int
    members: Mapping[str, MemberHistory]
    client_keys: Mapping[str, Mapping[str, bytes]]


@dataclass(frozen=True)
class IssuerRight:
    """Why an issuer may, and as of which block that was decided.

    Attributes:
        kind: the type of the credential.
        basis: on what the right rests.
        issuer: the issuer's DID.
        member: the member's name; None for a client.
        role_at_issue: the member's role when it issued; None for a client.
        role_now: the member's role at `block`; None for a client.
        key: the verification method.
        key_in_force: whether the key holds at `block`.
        witnessed_block: where the issue was anchored, when the key has ended since.
        block: the block of the decision.
    """

    kind: str
    basis: Basis
    issuer: str
    member: str | None
    role_at_issue: str | None
    role_now: str | None
    key: str
    key_in_force: bool
    witnessed_block: int | None
    block: int


def type_of(credential: Credential) -> CredentialType[Any]:
    """Return the one type that a credential is of.

    Raises:
        VerificationFailed: check `issuer-right`; no type of this product, or more than one.
    """
    kinds = credential.types - {BASE_TYPE}
    found = TYPES.get(next(iter(kinds))) if len(kinds) == 1 else None
    if found is None:
        shown = ", ".join(sorted(kinds)) or "no kind"
        raise VerificationFailed(CHECK, f"of {shown}: it is not known who may issue that")
    return found


def issuing_broker(
    credential: Credential, type_: CredentialType[Any], header: ProofHeader, chain: ChainSnapshot
) -> MemberHistory:
    """Return the member that issued a credential of a broker's type, which may do so at the snapshot's block.

    Raises:
        InvalidInput: issuer or subject is no DID of this network's method.
        VerificationFailed: check `issuer-right`, or `key` when the proof names another key than the member's.
    """
    kind = type_.name
    issuer = _did_here(credential.issuer, "issuer", chain)
    member = chain.members.get(issuer.address)
    if member is None:
        raise VerificationFailed(CHECK, f"{issuer} is no member of the consortium; a {kind} is issued by a broker")
    _require_broker(member.now, kind, f"{issuer} ({member.name}) is suspended by the consortium")
    if header.verification_method not in {issuer.url(term.ed25519_fragment) for term in member.terms}:
        raise VerificationFailed("key", f"{header.verification_method} is not the signing key of {issuer}")
    if type_.basis is Basis.BROKER_OF_CLIENT:
        if len(credential.subjects) != 1:
            raise VerificationFailed(CHECK, f"a {kind} is about one client, not {len(credential.subjects)}")
        about = _did_here(credential.subjects[0].get("id"), "credentialSubject.id", chain)
        if about.address in chain.members:
            raise VerificationFailed(CHECK, f"{about} is a member of the consortium, no client of a broker")
    return member


def consenting_client(credential: Credential, header: ProofHeader, chain: ChainSnapshot) -> bytes:
    """Return the key by which a client states its own consent.

    Raises:
        InvalidInput: the issuer is no DID of this network's method.
        VerificationFailed: check `issuer-right`, or `key` when the client has no such key at the block.
    """
    issuer = _did_here(credential.issuer, "issuer", chain)
    if any(subject.get("id") != issuer.text for subject in credential.subjects):
        raise VerificationFailed(CHECK, "only the client itself consents: issuer and subject must be one")
    if issuer.address in chain.members:
        raise VerificationFailed(CHECK, f"{issuer} is a member of the consortium; a consent is a client's")
    found = chain.client_keys.get(issuer.text, {}).get(header.verification_method)
    if found is None:
        raise VerificationFailed("key", f"{header.verification_method} is no valid key at block {chain.block}")
    return found


def term_of_claimed_issue(member: MemberHistory, kind: str, key: bytes, created_ms: int) -> Term:
    """Return the term in which a key that is in force says that it issued: the member's own word.

    Raises:
        VerificationFailed: check `issuer-right`; the member was no active broker then, or had another key.
    """
    for term in reversed(member.terms):
        if term.ed25519 == key and (term.covers_time(created_ms) or term.covers_time(created_ms + CLOCK_SKEW_MS)):
            return _require_broker(term, kind, "")
    raise VerificationFailed(CHECK, f"{member.name} was no active member with this key when the proof says it was made")


def term_of_witnessed_issue(member: MemberHistory, kind: str, key: bytes, block: int) -> Term:
    """Return the term in which a key that has ended is known to have issued: a block, not a claim.

    Raises:
        VerificationFailed: check `issuer-right`; the key did not hold through that block.
    """
    for term in reversed(member.terms):
        if term.ed25519 == key and term.covers_block(block):
            return _require_broker(term, kind, "")
    raise VerificationFailed(CHECK, f"the key of {member.name} that signed did not hold at block {block}")


def _require_broker(term: Term | None, kind: str, without: str) -> Term:
    if term is None:
        raise VerificationFailed(CHECK, without)
    if term.role != BROKER:
        raise VerificationFailed(CHECK, f"{term.name} has the role {term.role}; a {kind} is issued by a broker")
    return term


def _did_here(text: object, field: str, chain: ChainSnapshot) -> Did:
    did = parse_did(text, field)
    if did.chain_id != chain.chain_id:
        raise VerificationFailed(CHECK, f"{did} is of another chain than this network's")
    return did
