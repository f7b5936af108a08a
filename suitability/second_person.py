"""Which records take a second person of the broker's staff, in which role, and what may stand in a staff record."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from primitives.shapes import Fields, Hex, ListOf, Text

FIELD, ORDER = "countersigned", "order"
STAFF_ROLES = ("reviewer", "committee", "compliance")
END_REASONS = ("LEFT", "OTHER_ROLE", "KEY_LOST", "KEY_STOLEN", "RENEWED")
MAX_SIGNERS = 10
STAFF_SIGNATURE = Text(86, pattern=r"[A-Za-z0-9_-]{86}")  # base64url of 64 bytes
SIGNATURES = ListOf(Fields({"key": Hex(32), "value": STAFF_SIGNATURE}), 1, MAX_SIGNERS, unique=True)


@dataclass(frozen=True)
class SecondPerson:
    """Who signs such a record.

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


@dataclass(frozen=True)
class Reliance:
    """A record that an act rests on: its type, its fingerprint (hex), and the keys of who signed it."""

    type: str
    ref: str
    keys: tuple[str, ...]


def keys_of(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys of the persons who signed a record."""
    return tuple(str(signature["key"]) for signature in payload.get(FIELD, ()))


def signed_by(payload: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    """Return a payload with the signatures of these keys alone."""
    kept = [signature for signature in payload.get(FIELD, ()) if signature["key"] in keys]
    others = {name: value for name, value in payload.items() if name != FIELD}
    return {**others, FIELD: kept} if kept else others


STAFF_ACTS: Mapping[str, SecondPerson] = {
    "BIZ_DECIDE": SecondPerson("reviewer", named="reviewer"),
    "PRODUCT_RATE": SecondPerson("committee"),
    "ACCESS_LOG": SecondPerson("compliance", named="approved_by", not_by="reader", instead=ORDER),
}
"""How many sign is a number of the rule set in force, as every number of a rule is."""
