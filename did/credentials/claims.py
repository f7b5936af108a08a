"""The claims of a credential: shapes that its types share, and how the one subject of a credential is read by them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from did.credentials.contexts import CREDENTIALS_V1, Context, credential_contexts
from did.credentials.credential import BASE_TYPE, Credential, check_url
from did.identifiers import DID_PATTERN, parse_did
from primitives.errors import InvalidInput
from primitives.shapes import Schema, Shape
from primitives.timestamp import format_utc, parse_utc

SUBJECT = "credentialSubject"
_CODE = r"[A-Za-z][A-Za-z0-9_.:-]{0,63}"
_MAX_TEXT_CHARACTERS = 512


@dataclass(frozen=True)
class MachineCode(Shape[str]):
    """A short machine code."""

    def read(self, value: object, where: str) -> str:
        """Return the code."""
        if not isinstance(value, str) or re.fullmatch(_CODE, value) is None:
            raise InvalidInput(where, "code", f"must be {self.describe()}")
        return value

    def json_schema(self) -> Schema:
        """Return its schema."""
        return {"type": "string", "pattern": f"^{_CODE}$"}

    def describe(self) -> str:
        """Return what it is."""
        return "a code of letters, digits and . _ : -"


@dataclass(frozen=True)
class PlainText(Shape[str]):
    """A text for people: not empty, of a bounded length."""

    def read(self, value: object, where: str) -> str:
        """Return the text."""
        if not isinstance(value, str) or not value.strip() or len(value) > _MAX_TEXT_CHARACTERS:
            raise InvalidInput(where, "text", f"must be {self.describe()}")
        return value

    def json_schema(self) -> Schema:
        """Return its schema."""
        return {"type": "string", "minLength": 1, "maxLength": _MAX_TEXT_CHARACTERS}

    def describe(self) -> str:
        """Return what it is."""
        return f"a text of 1 to {_MAX_TEXT_CHARACTERS} characters"


@dataclass(frozen=True)
class Several(Shape[tuple[str, ...]]):
    """A list of different texts, not empty."""

    inner: Shape[str]

    def read(self, value: object, where: str) -> tuple[str, ...]:
        """Return the texts."""
        if not isinstance(value, list) or not value:
            raise InvalidInput(where, "list", "must be a list that is not empty")
        found = tuple(self.inner.read(entry, where) for entry in value)
        if len(set(found)) != len(found):
            raise InvalidInput(where, "unique", "must not name anything twice")
        return found

    def json_schema(self) -> Schema:
        """Return its schema."""
        return {"type": "array", "items": self.inner.json_schema(), "minItems": 1, "uniqueItems": True}

    def describe(self) -> str:
        """Return what it is."""
        return f"a list that is not empty, each entry another one: {self.inner.describe()}"

    def parts(self) -> tuple[Shape[Any], ...]:
        """Return the shape of an entry."""
        return (self.inner,)


@dataclass(frozen=True)
class DidText(Shape[str]):
    """A DID of this network's method, in its one spelling."""

    def read(self, value: object, where: str) -> str:
        """Return the DID."""
        parse_did(value, where)
        return str(value)

    def json_schema(self) -> Schema:
        """Return its schema."""
        return {"type": "string", "pattern": f"^{DID_PATTERN}$"}

    def describe(self) -> str:
        """Return what it is."""
        return "a did:ethr"


@dataclass(frozen=True)
class DateTime(Shape[int]):
    """An XML Schema date-time with an offset, read as milliseconds."""

    def read(self, value: object, where: str) -> int:
        """Return the time."""
        return parse_utc(value, where)

    def json_schema(self) -> Schema:
        """Return its schema."""
        return {"type": "string"}

    def describe(self) -> str:
        """Return what it is."""
        return "a date-time with an offset"


def credential_body(
    *,
    credential_id: str,
    name: str,
    issuer: str,
    subject: Mapping[str, Any],
    valid_from: int,
    valid_until: int,
    status: Mapping[str, Any] | None = None,
    context: Context = CREDENTIALS_V1,
) -> dict[str, Any]:
    """Return an unsecured credential of the type `name` with one subject.

    Times are in milliseconds, `status` is a status-list entry.
    """
    if valid_until < valid_from:
        raise InvalidInput("validUntil", "period", "is before validFrom")
    document = {
        "@context": credential_contexts(context),
        "id": check_url(credential_id, "id"),
        "type": [BASE_TYPE, name],
        "issuer": check_url(issuer, "issuer"),
        "validFrom": format_utc(valid_from),
        "validUntil": format_utc(valid_until),
        SUBJECT: dict(subject),
    }
    return document if status is None else {**document, "credentialStatus": status}


def check_type(credential: Credential, name: str) -> None:
    """Require a credential to be of a type.

    Raises:
        InvalidInput: rule `credential-type`.
    """
    if name not in credential.types:
        raise InvalidInput("type", "credential-type", f"must include {name}")


def read_claims(credential: Credential, claims: Mapping[str, Shape[Any]]) -> dict[str, Any]:
    """Return the claims about the one subject of a credential of ours, each as its shape reads it.

    Raises:
        InvalidInput: more than one subject, an unknown claim, or one that is missing or ill-formed.
    """
    if len(credential.subjects) != 1:
        raise InvalidInput(SUBJECT, "one-subject", "must be exactly one subject")
    return checked_claims(credential.subjects[0], claims)


def checked_claims(subject: Mapping[str, Any], claims: Mapping[str, Shape[Any]]) -> dict[str, Any]:
    """Return claims, each as its shape reads it; `read_claims` says what is refused."""
    unknown = sorted(subject.keys() - claims.keys())
    if unknown:
        raise InvalidInput(f"{SUBJECT}.{unknown[0]}", "unknown-member", "is not a claim of this credential")
    return {name: shape.read(subject.get(name), f"{SUBJECT}.{name}") for name, shape in claims.items()}
