"""VC Data Model 2.0: which JSON objects are credentials. Says nothing about proofs."""

from __future__ import annotations

from typing import Any

from did.credentials.contexts import check_contexts
from did.credentials.credential import BASE_TYPE, Credential, check_url
from did.credentials.registry import CONTEXTS
from primitives.errors import InvalidInput
from primitives.timestamp import parse_utc

_TYPED_PROPERTIES = ("credentialStatus", "credentialSchema", "refreshService", "termsOfUse", "evidence")
_STATUS = "credentialStatus"


def read_credential(document: object) -> Credential:
    """Check a JSON value against the data model.

    Raises:
        InvalidInput: names the property and the rule that it breaks.
    """
    if not isinstance(document, dict):
        raise InvalidInput("credential", "object", "must be a JSON object")
    check_contexts(document.get("@context"), CONTEXTS)
    types = _strings(document.get("type"), "type")
    if BASE_TYPE not in types:
        raise InvalidInput("type", "base-type", f"must include {BASE_TYPE}")
    valid_from, valid_until = _period(document)
    typed = {name: _typed_objects(document, name) for name in _TYPED_PROPERTIES}
    return Credential(
        id=check_url(document["id"], "id") if "id" in document else None,
        issuer=_issuer(document.get("issuer")),
        subjects=_subjects(document.get("credentialSubject")),
        types=frozenset(types),
        valid_from=valid_from,
        valid_until=valid_until,
        statuses=typed[_STATUS],
    )


def issuer_of(document: object) -> str | None:
    """Return whom a JSON value names as its issuer, unchecked; None when it names nobody."""
    issuer = document.get("issuer") if isinstance(document, dict) else None
    named = issuer.get("id") if isinstance(issuer, dict) else issuer
    return named if isinstance(named, str) else None


def subjects_of(document: object) -> list[str]:
    """Return about whom a JSON value says that it speaks, unchecked, whether it names one subject or a list."""
    about = document.get("credentialSubject") if isinstance(document, dict) else None
    named = [one.get("id") for one in (about if isinstance(about, list) else [about]) if isinstance(one, dict)]
    return [did for did in named if isinstance(did, str)]


def _strings(value: object, field: str) -> list[str]:
    values = value if isinstance(value, list) else [value]
    strings = [item for item in values if isinstance(item, str) and item]
    if not values or len(strings) != len(values) or len(set(strings)) != len(strings):
        raise InvalidInput(field, "strings", "must be a text or a list of different texts")
    return strings


def _issuer(value: object) -> str:
    return check_url(value.get("id") if isinstance(value, dict) else value, "issuer")


def _objects(value: object, field: str) -> tuple[dict[str, Any], ...]:
    values = value if isinstance(value, list) else [value]
    objects = [item for item in values if isinstance(item, dict) and item]
    if not values or len(objects) != len(values):
        raise InvalidInput(field, "objects", "must be an object or a list of objects, none of them empty")
    for item in objects:
        if "id" in item:
            check_url(item["id"], f"{field}.id")
    return tuple(objects)


def _subjects(value: object) -> tuple[dict[str, Any], ...]:
    return _objects(value, "credentialSubject")


def _typed_objects(document: dict[str, Any], name: str) -> tuple[dict[str, Any], ...]:
    if name not in document:
        return ()
    objects = _objects(document[name], name)
    for item in objects:
        _strings(item.get("type"), f"{name}.type")
    return objects


def _period(document: dict[str, Any]) -> tuple[int | None, int | None]:
    start, end = (parse_utc(document[name], name) if name in document else None for name in ("validFrom", "validUntil"))
    if start is not None and end is not None and end < start:
        raise InvalidInput("validUntil", "period", "is before validFrom")
    return start, end
