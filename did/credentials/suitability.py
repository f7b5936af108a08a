"""SuitabilityCredential: a broker attests a client's risk level, under which rule set, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from did.credentials import claims
from did.credentials.model import Credential
from did.identifiers import parse_did
from primitives.errors import InvalidInput
from primitives.timestamp import format_utc, parse_utc

TYPE = "SuitabilityCredential"
_CLAIMS = frozenset({"id", "riskLevel", "ruleSet", "assessedAt"})


@dataclass(frozen=True)
class SuitabilityClaims:
    """What the credential says.

    Attributes:
        subject: the client's DID.
        level: the risk level's code, such as C3.
        ruleset: label of the rule set, `<id>@<version>:<digest>`.
        assessed_at: milliseconds.
    """

    subject: str
    level: str
    ruleset: str
    assessed_at: int


def suitability_credential(
    *,
    credential_id: str,
    issuer: str,
    subject: str,
    level: str,
    ruleset: str,
    assessed_at: int,
    valid_from: int,
    valid_until: int,
    status: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the unsecured credential; times are in milliseconds, `status` is a status-list entry."""
    body = {"id": parse_did(subject, "subject").text, "riskLevel": level, "ruleSet": ruleset}
    claims.code(body, "riskLevel")
    claims.text(body, "ruleSet")
    document = claims.credential_body(
        credential_id=credential_id,
        kind=TYPE,
        issuer=parse_did(issuer, "issuer").text,
        subject={**body, "assessedAt": format_utc(assessed_at)},
        valid_from=valid_from,
        valid_until=valid_until,
    )
    return document if status is None else {**document, "credentialStatus": status}


def read_suitability(credential: Credential) -> SuitabilityClaims:
    """Read the claims of a credential of this type.

    Raises:
        InvalidInput: another type, more than one subject, an unknown or an ill-formed claim.
    """
    if TYPE not in credential.types:
        raise InvalidInput("type", "credential-type", f"must include {TYPE}")
    subject = claims.only_subject(credential.subjects, _CLAIMS)
    return SuitabilityClaims(
        subject=parse_did(subject.get("id"), "credentialSubject.id").text,
        level=claims.code(subject, "riskLevel"),
        ruleset=claims.text(subject, "ruleSet"),
        assessed_at=parse_utc(subject.get("assessedAt"), "credentialSubject.assessedAt"),
    )
