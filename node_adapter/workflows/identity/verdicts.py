"""What an answer about a credential says: what it states, by what right, what was checked of it and what was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from did.credentials.credential_type import Basis, Ending
from did.credentials.issuers import IssuerRight
from did.credentials.verify import VerifiedCredential
from node_adapter.workflows.consent.standing import Standing
from node_adapter.workflows.replay.as_of import AsOf
from primitives.timestamp import format_utc

_HOLDER = "whoever shows a credential need not be its subject: ask for a proof"
_NO_END = "the credential states no end"
_NO_STATUS = "the credential names no status list"
_OTHERS_CLIENT = "whose client the subject is, only the issuer's own list of clients says"


def verdict_json(verified: VerifiedCredential, standing: Standing, verifier: str, moment: AsOf) -> dict[str, Any]:
    """Return the answer about a credential that was verified.

    Args:
        verified: the credential.
        standing: what was asked of a consent; empty for other kinds.
        verifier: the DID of this member, who knows its own clients only.
        moment: of which moment all that is.
    """
    credential = verified.credential
    checked, not_checked = checks(verified, standing, verifier, moment)
    return {
        "status": "verified",
        "id": credential.id,
        "type": verified.right.kind,
        "issuer": credential.issuer,
        "issuer_right": right_json(verified.right),
        "subject": verified.subject,
        "valid_until": None if credential.valid_until is None else format_utc(credential.valid_until),
        "as_of": moment.to_json(),
        "checked": checked,
        "not_checked": not_checked,
    }


def checks(
    verified: VerifiedCredential, standing: Standing, verifier: str, moment: AsOf
) -> tuple[list[str], list[dict[str, str]]]:
    """Return the names of the checks that held, and (check, reason) of those that were not made."""
    credential, right = verified.credential, verified.right
    checked, skipped = ["issuer-right", "signature", "claims"], {**standing.not_checked, **moment.not_checked}
    if right.witnessed_block is not None:
        checked.append("issue-witness")
    if credential.valid_until is None:
        skipped["period"] = _NO_END
    else:
        checked.append("period")
    if credential.statuses:
        checked.append("status")
    elif verified.type.ending is Ending.STATUS_LIST:
        skipped["status"] = _NO_STATUS
    if right.basis is Basis.BROKER_OF_CLIENT:
        if verified.issuer == verifier:
            checked.append("own-issue")
        else:
            skipped["own-client"] = _OTHERS_CLIENT
    skipped["holder"] = _HOLDER
    return [*checked, *standing.checked], reasons_json(skipped)


def reasons_json(skipped: Mapping[str, str]) -> list[dict[str, str]]:
    """Return checks that were not made, by name, each with its reason."""
    return [{"check": name, "reason": skipped[name]} for name in sorted(skipped)]


def right_json(right: IssuerRight) -> dict[str, Any]:
    """Return by what right somebody issued: who, in which role then and now, with which key, as of which block."""
    return {
        "basis": right.basis.value,
        "member": right.member,
        "role_at_issue": right.role_at_issue,
        "role_now": right.role_now,
        "key": right.key,
        "key_in_force": right.key_in_force,
        "witnessed_block": right.witnessed_block,
        "block": right.block,
    }
