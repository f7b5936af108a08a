"""SuitabilityCredential: a broker attests a client's risk level, under which rule set, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from did.credentials.claims import DateTime, DidText, MachineCode, PlainText
from did.credentials.credential import Credential
from did.credentials.credential_type import Attestation, Attested, AttestedClient, Basis, CredentialType
from primitives.errors import Refused
from primitives.timestamp import format_utc

NAME = "SuitabilityCredential"
_CLAIMS = {"id": DidText(), "riskLevel": MachineCode(), "ruleSet": PlainText(), "assessedAt": DateTime()}


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
    return TYPE.unsecured(
        Attested(_claims(level, ruleset, assessed_at), valid_until),
        credential_id=credential_id,
        issuer=issuer,
        subject=subject,
        valid_from=valid_from,
        status=status,
    )


def read_suitability(credential: Credential) -> SuitabilityClaims:
    """Read the claims of a credential of this type.

    Raises:
        InvalidInput: another type, more than one subject, an unknown or an ill-formed claim.
    """
    claims = TYPE.claims_of(credential)
    return SuitabilityClaims(
        subject=claims["id"], level=claims["riskLevel"], ruleset=claims["ruleSet"], assessed_at=claims["assessedAt"]
    )


def _claims(level: str, ruleset: str, assessed_at: int) -> dict[str, Any]:
    return {"riskLevel": level, "ruleSet": ruleset, "assessedAt": format_utc(assessed_at)}


def _attest(client: AttestedClient) -> Attested:
    level = client.level()
    if level is None or level.valid_to <= client.now_ms:
        raise Refused("no-valid-level", "subject: has no level that is valid now")
    return Attested(_claims(level.name, level.ruleset or "-", level.valid_from), level.valid_to)


TYPE = CredentialType(
    name=NAME,
    words="the client's risk level, and the rule set that gave it",
    about="a client: a DID of this chain that is no member's",
    basis=Basis.BROKER_OF_CLIENT,
    claims=_CLAIMS,
    read=read_suitability,
    attestation=Attestation(_attest, by_default=True),
)
