"""The second person of the broker's staff under a record (docs/spec/staff.md): who owes it, and how it stands there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from primitives.shapes import Fields, Hex, ListOf, Text

FIELD, ORDER = "countersigned", "order"
MAX_SIGNERS = 10
STAFF_SIGNATURE = Text(86, pattern=r"[A-Za-z0-9_-]{86}")  # base64url of 64 bytes
SIGNATURES = ListOf(Fields({"key": Hex(32), "value": STAFF_SIGNATURE}), 1, MAX_SIGNERS, unique=True)


@dataclass(frozen=True)
class SecondPerson:
    """Who signs such a record; how many do is a number of the rule set in force, as every number of a rule is.

    Attributes:
        role: that of everybody who signs.
        named: the field that names a signer; whoever it names must have signed.
        not_by: the field that holds the DID of somebody who may not sign, beside the actor.
        instead: the field that may stand in place of a second person.
    """

    role: str
    named: str | None = None
    not_by: str | None = None
    instead: str | None = None


def keys_of(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys of the persons who signed a record."""
    return tuple(str(signature["key"]) for signature in payload.get(FIELD, ()))


def signed_by(payload: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    """Return a payload with the signatures of these keys alone."""
    kept = [signature for signature in payload.get(FIELD, ()) if signature["key"] in keys]
    others = {name: value for name, value in payload.items() if name != FIELD}
    return {**others, FIELD: kept} if kept else others
