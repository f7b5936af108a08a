"""IdentityCredential: a broker attests that a commitment hides the certificate number it saw for this client.

The number itself is nowhere in it: only the client, who knows the blinding, can prove what it commits to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from did.credentials import claims
from did.credentials.model import Credential
from did.identifiers import parse_did
from primitives.encoding import decode_base64url, encode_base64url
from primitives.errors import InvalidInput
from primitives.timestamp import format_utc, parse_utc

TYPE = "IdentityCredential"
COMMITMENT_SCHEME = "bonafides-zk-1"  # the suite of docs/spec/zero-knowledge.md
COMMITMENT_BYTES = 48
_CLAIMS = frozenset({"id", "certificateCommitment", "commitmentScheme", "verifiedAt"})


@dataclass(frozen=True)
class IdentityClaims:
    """What the credential says.

    Attributes:
        subject: the client's DID.
        commitment: the 48-byte compressed point, not yet checked to be one.
        verified_at: milliseconds; when the broker saw the certificate.
    """

    subject: str
    commitment: bytes
    verified_at: int


def identity_credential(
    *,
    credential_id: str,
    issuer: str,
    subject: str,
    commitment: bytes,
    verified_at: int,
    valid_from: int,
    valid_until: int,
    status: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the unsecured credential; times are in milliseconds, `status` is a status-list entry."""
    if len(commitment) != COMMITMENT_BYTES:
        raise InvalidInput("commitment", "length", f"must be {COMMITMENT_BYTES} bytes")
    document = claims.credential_body(
        credential_id=credential_id,
        kind=TYPE,
        issuer=parse_did(issuer, "issuer").text,
        subject={
            "id": parse_did(subject, "subject").text,
            "certificateCommitment": "u" + encode_base64url(commitment),
            "commitmentScheme": COMMITMENT_SCHEME,
            "verifiedAt": format_utc(verified_at),
        },
        valid_from=valid_from,
        valid_until=valid_until,
    )
    return document if status is None else {**document, "credentialStatus": status}


def read_identity(credential: Credential) -> IdentityClaims:
    """Read the claims of a credential of this type.

    Raises:
        InvalidInput: another type or scheme, more than one subject, an unknown or an ill-formed claim.
    """
    if TYPE not in credential.types:
        raise InvalidInput("type", "credential-type", f"must include {TYPE}")
    subject = claims.only_subject(credential.subjects, _CLAIMS)
    if subject.get("commitmentScheme") != COMMITMENT_SCHEME:
        raise InvalidInput("credentialSubject.commitmentScheme", "scheme", f"must be {COMMITMENT_SCHEME}")
    field = "credentialSubject.certificateCommitment"
    encoded = subject.get("certificateCommitment")
    if not isinstance(encoded, str) or not encoded.startswith("u"):
        raise InvalidInput(field, "multibase", "must be multibase base64url (prefix u)")
    return IdentityClaims(
        subject=parse_did(subject.get("id"), "credentialSubject.id").text,
        commitment=decode_base64url(encoded[1:], field, COMMITMENT_BYTES),
        verified_at=parse_utc(subject.get("verifiedAt"), "credentialSubject.verifiedAt"),
    )
