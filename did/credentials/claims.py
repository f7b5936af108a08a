"""Readers that the credential kinds share: one claim each, refused with its field and rule."""

from __future__ import annotations

import re
from typing import Any

from did.credentials.contexts import credential_contexts
from did.credentials.model import BASE_TYPE, check_url
from primitives.errors import InvalidInput
from primitives.timestamp import format_utc

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")
_MAX_TEXT_CHARACTERS = 512


def credential_body(
    *, credential_id: str, kind: str, issuer: str, subject: dict[str, Any], valid_from: int, valid_until: int
) -> dict[str, Any]:
    """Return an unsecured credential with one subject; times are in milliseconds."""
    if valid_until < valid_from:
        raise InvalidInput("validUntil", "period", "is before validFrom")
    return {
        "@context": credential_contexts(),
        "id": check_url(credential_id, "id"),
        "type": [BASE_TYPE, kind],
        "issuer": check_url(issuer, "issuer"),
        "validFrom": format_utc(valid_from),
        "validUntil": format_utc(valid_until),
        "credentialSubject": subject,
    }


def code(subject: dict[str, Any], name: str) -> str:
    """Return a short machine code."""
    value = subject.get(name)
    if not isinstance(value, str) or _CODE.fullmatch(value) is None:
        raise InvalidInput(f"credentialSubject.{name}", "code", "must be a code of letters, digits and . _ : -")
    return value


def text(subject: dict[str, Any], name: str) -> str:
    """Return a text for people: not empty, of a bounded length."""
    value = subject.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > _MAX_TEXT_CHARACTERS:
        raise InvalidInput(
            f"credentialSubject.{name}", "text", f"must be a text of 1 to {_MAX_TEXT_CHARACTERS} characters"
        )
    return value


def texts(subject: dict[str, Any], name: str) -> tuple[str, ...]:
    """Return a list of different texts, not empty."""
    values = subject.get(name)
    if not isinstance(values, list) or not values:
        raise InvalidInput(f"credentialSubject.{name}", "list", "must be a list that is not empty")
    found = tuple(text({name: value}, name) for value in values)
    if len(set(found)) != len(found):
        raise InvalidInput(f"credentialSubject.{name}", "unique", "must not name anything twice")
    return found


def only_subject(subjects: tuple[dict[str, Any], ...], allowed: frozenset[str]) -> dict[str, Any]:
    """Return the one subject of a credential of ours; unknown claims are refused."""
    if len(subjects) != 1:
        raise InvalidInput("credentialSubject", "one-subject", "must be exactly one subject")
    unknown = sorted(set(subjects[0]) - allowed)
    if unknown:
        raise InvalidInput(f"credentialSubject.{unknown[0]}", "unknown-member", "is not a claim of this credential")
    return subjects[0]
