"""IdentityCredential: a broker attests that a commitment hides the certificate number it saw for this client.

The number itself is nowhere in it: only the client, who knows the blinding, can prove what it commits to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from did.credentials.claims import DateTime, DidText
from did.credentials.credential import Credential
from did.credentials.credential_type import Attestation, Attested, AttestedClient, Basis, CredentialType
from primitives.encoding import decode_base64url, decode_hex, encode_base64url
from primitives.errors import InvalidInput, Refused
from primitives.shapes import Base64Url, Constant, Schema, Shape
from primitives.timestamp import format_utc, parse_time

NAME = "IdentityCredential"
COMMITMENT_SCHEME = "bonafides-zk-1"  # the suite of docs/spec/zero-knowledge.md
COMMITMENT_BYTES = 48
VALID_MS = 365 * 86_400_000
_VERIFICATION = "ID_VERIFY"


@dataclass(frozen=True)
class _Commitment(Shape[bytes]):
    """The 48 bytes of a compressed point as multibase base64url, not yet checked to be one."""

    def read(self, value: object, where: str) -> bytes:
        """Return the bytes."""
        if not isinstance(value, str) or not value.startswith("u"):
            raise InvalidInput(where, "multibase", "must be multibase base64url (prefix u)")
        return decode_base64url(value[1:], where, COMMITMENT_BYTES)

    def json_schema(self) -> Schema:
        """Return its schema."""
        return Base64Url(COMMITMENT_BYTES, "u").json_schema()

    def describe(self) -> str:
        """Return what it is."""
        return Base64Url(COMMITMENT_BYTES, "u").describe()


_CLAIMS: dict[str, Shape[Any]] = {
    "commitmentScheme": Constant(COMMITMENT_SCHEME, rule="scheme"),
    "certificateCommitment": _Commitment(),
    "id": DidText(),
    "verifiedAt": DateTime(),
}


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
    return TYPE.unsecured(
        Attested(_claims(commitment, verified_at), valid_until),
        credential_id=credential_id,
        issuer=issuer,
        subject=subject,
        valid_from=valid_from,
        status=status,
    )


def read_identity(credential: Credential) -> IdentityClaims:
    """Read the claims of a credential of this type.

    Raises:
        InvalidInput: another type or scheme, more than one subject, an unknown or an ill-formed claim.
    """
    claims = TYPE.claims_of(credential)
    return IdentityClaims(
        subject=claims["id"], commitment=claims["certificateCommitment"], verified_at=claims["verifiedAt"]
    )


def _claims(commitment: bytes, verified_at: int) -> dict[str, Any]:
    return {
        "certificateCommitment": "u" + encode_base64url(commitment),
        "commitmentScheme": COMMITMENT_SCHEME,
        "verifiedAt": format_utc(verified_at),
    }


def _attest(client: AttestedClient) -> Attested:
    """Attest the commitment of the newest verification whose document is valid now, and no longer than that is."""
    found = client.recorded(_VERIFICATION)
    if not found:
        raise Refused("no-verified-identity", "subject: no identity verification is recorded")
    for verification in reversed(found):
        values = verification.payload
        end = client.now_ms + VALID_MS
        if values["valid_to"] is not None:  # null: a document without an end
            end = min(end, parse_time(values["valid_to"], "valid_to"))
        if end > client.now_ms:
            commitment = decode_hex(values["id_commitment"], "id_commitment", COMMITMENT_BYTES)
            return Attested(_claims(commitment, verification.occurred_at), end)
    raise Refused("identity-document-expired", "subject: every document by which it was verified has expired")


TYPE = CredentialType(
    name=NAME,
    words="the commitment to the certificate number that the broker saw",
    about="a client: a DID of this chain that is no member's",
    basis=Basis.BROKER_OF_CLIENT,
    claims=_CLAIMS,
    read=read_identity,
    attestation=Attestation(_attest, lasts_from_issue=True),
)
