"""A credential as it was read: what the VC Data Model 2.0 fixes of it, whatever its type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from primitives.errors import InvalidInput

BASE_TYPE = "VerifiableCredential"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")


@dataclass(frozen=True)
class Credential:
    """What the data model fixes about a credential, read from its JSON.

    Attributes:
        id: its URL, when it has one.
        issuer: URL of the issuer.
        subjects: the claims, each an object that is not empty.
        types: all its types.
        valid_from: milliseconds, when stated.
        valid_until: milliseconds, when stated.
        statuses: its status entries.
    """

    id: str | None
    issuer: str
    subjects: tuple[dict[str, Any], ...]
    types: frozenset[str]
    valid_from: int | None
    valid_until: int | None
    statuses: tuple[dict[str, Any], ...]


def check_url(value: object, field: str) -> str:
    """Return a value that is an absolute URL.

    Raises:
        InvalidInput: anything else.
    """
    if not isinstance(value, str) or _URL.fullmatch(value) is None:
        raise InvalidInput(field, "url", "must be an absolute URL")
    return value
