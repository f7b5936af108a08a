"""ConsentCredential: the client itself states to what it consents, and signs it with its own key.

What PIPL asks to be told is in it: the purpose, who receives the data and how to reach them, how it is used, which
kinds of data, and until when; `noticeSha256` binds the text that the client was shown.
The chain sees only `consent_id`, a salted hash that says nothing; salt and credential show later what it stood for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from did.credentials.claims import DidText, MachineCode, PlainText, Several, checked_claims, credential_body
from did.credentials.credential import Credential
from did.credentials.credential_type import Basis, CredentialType, Ending
from did.identifiers import parse_did
from primitives.digest import tagged_sha256
from primitives.errors import InvalidInput, VerificationFailed
from primitives.shapes import Bytes
from primitives.timestamp import CLOCK_LEEWAY_MS

NAME = "ConsentCredential"
SALT_BYTES = 32
_CONSENT_ID_TAG = "bonafides/consent/1/id"
_NOTICE_BYTES = 32


def _members(receivers: tuple[str, ...], where: str) -> tuple[str, ...]:
    return tuple(parse_did(receiver, where).text for receiver in receivers)


_CLAIMS = {
    "receivers": Several(PlainText()).then(_members),
    "id": DidText(),
    "purpose": MachineCode(),
    "contact": PlainText(),
    "method": PlainText(),
    "dataKinds": Several(PlainText()),
    "noticeSha256": Bytes(_NOTICE_BYTES),
}


@dataclass(frozen=True)
class ConsentTerms:
    """To what a client consents.

    Attributes:
        client: the client's DID: issuer and subject.
        purpose: code of the one purpose.
        receivers: DIDs of the members that may use the data.
        contact: how to reach them.
        method: how the data is used.
        data_kinds: which kinds of data.
        notice_sha256: digest of the text that was shown.
        valid_from: milliseconds.
        expires: milliseconds.
    """

    client: str
    purpose: str
    receivers: tuple[str, ...]
    contact: str
    method: str
    data_kinds: tuple[str, ...]
    notice_sha256: bytes
    valid_from: int
    expires: int

    def require(self, purpose: str, receiver: str, now_ms: int) -> None:
        """Check that a use is covered.

        Raises:
            VerificationFailed: checks `consent-purpose`, `consent-receiver`, `consent-period`.
        """
        if purpose != self.purpose:
            raise VerificationFailed("consent-purpose", f"the consent is for {self.purpose}, not {purpose}")
        if receiver not in self.receivers:
            raise VerificationFailed("consent-receiver", f"the consent does not name {receiver}")
        if not self.valid_from - CLOCK_LEEWAY_MS <= now_ms <= self.expires:
            raise VerificationFailed("consent-period", "the consent does not hold at this time")


def consent_credential(
    *,
    credential_id: str,
    client: str,
    purpose: str,
    receivers: Sequence[str],
    contact: str,
    method: str,
    data_kinds: Sequence[str],
    notice_sha256: bytes,
    valid_from: int,
    expires: int,
) -> dict[str, Any]:
    """Return the unsecured credential, which the client signs with its Ed25519 key; times are in milliseconds."""
    subject: dict[str, Any] = {
        "id": parse_did(client, "client").text,
        "purpose": purpose,
        "receivers": list(receivers),
        "contact": contact,
        "method": method,
        "dataKinds": list(data_kinds),
        "noticeSha256": notice_sha256.hex(),
    }
    checked_claims(subject, _CLAIMS)
    return credential_body(
        credential_id=credential_id,
        name=NAME,
        issuer=subject["id"],
        subject=subject,
        valid_from=valid_from,
        valid_until=expires,
    )


def read_consent(credential: Credential) -> ConsentTerms:
    """Read the terms of a credential of this type.

    Raises:
        InvalidInput: another type, an issuer who is not the subject, no period, an unknown or an ill-formed claim.
    """
    claims = TYPE.claims_of(credential)
    if claims["id"] != credential.issuer:
        raise InvalidInput("issuer", "self-issued", "only the client itself consents: issuer and subject must be one")
    if credential.valid_from is None or credential.valid_until is None:
        raise InvalidInput("validUntil", "required", "a consent states from when and until when it holds")
    return ConsentTerms(
        client=claims["id"],
        purpose=claims["purpose"],
        receivers=claims["receivers"],
        contact=claims["contact"],
        method=claims["method"],
        data_kinds=claims["dataKinds"],
        notice_sha256=claims["noticeSha256"],
        valid_from=credential.valid_from,
        expires=credential.valid_until,
    )


def consent_id(salt: bytes, credential_bytes: bytes) -> bytes:
    """Return the 32-byte id that stands on the chain.

    Args:
        salt: 32 random bytes, kept by the client and its broker.
        credential_bytes: the RFC 8785 bytes of the signed credential.
    """
    if len(salt) != SALT_BYTES:
        raise InvalidInput("salt", "length", f"must be {SALT_BYTES} bytes, not {len(salt)}")
    return tagged_sha256(_CONSENT_ID_TAG, salt, credential_bytes)


TYPE = CredentialType(
    name=NAME,
    words="to what the client consents: purpose, receivers, method, kinds of data",
    about="itself: issuer and subject are one",
    basis=Basis.CLIENT_ITSELF,
    claims=_CLAIMS,
    read=read_consent,
    ending=Ending.CONSENT,
)
