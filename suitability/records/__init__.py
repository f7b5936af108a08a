"""The record types of the suitability domain, one file a family; what else lists them is derived from here.

`check_payload` is the only door: it refuses what is malformed. Whether a well-formed fact breaks a rule is another
question, which suitability.states answers with findings.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from domain.finding import Code
from domain.record_type import RecordType
from domain.second_person import SecondPerson
from primitives.registry import by_key, modules_of, offered
from primitives.shapes import OneOf
from suitability import rules
from suitability.act import Act
from suitability.subject import SubjectState

_ROOM = sys.modules[__name__]

RECORD_TYPES: Mapping[str, RecordType[SubjectState, Act]] = by_key(
    (entry for types in offered(_ROOM, "TYPES", tuple) for entry in types), lambda entry: entry.code
)
"""Every record type by its code."""

_MEANINGS = [vars(module).get("CODES", {}).items() for module in (*modules_of(_ROOM), *modules_of(rules))]
CODES: Mapping[str, Code] = dict(by_key((item for part in _MEANINGS for item in part), lambda item: item[0]).values())
"""What each code of a finding means."""

STAFF_ACTS: Mapping[str, SecondPerson] = {
    code: entry.second_person for code, entry in RECORD_TYPES.items() if entry.second_person is not None
}
"""The types that take a second person of the broker's staff."""

CODE = OneOf(*RECORD_TYPES, rule="record-type")
"""The code of a record type of this version."""


def check_type(code: object, field: str = "type") -> RecordType[SubjectState, Act]:
    """Return the record type of this code.

    Raises:
        InvalidInput: rule `record-type`: no such type.
    """
    return RECORD_TYPES[CODE.read(code, field)]


def check_payload(code: str, payload: object) -> dict[str, Any]:
    """Check a payload and return a copy of it, with its fields as they were spelled.

    Raises:
        InvalidInput: unknown record type, or the dotted field of the payload and the rule that it breaks.
    """
    return check_type(code).payload.read(payload, "payload")


def check_details(code: str, details: object) -> dict[str, Any]:
    """Check what a gate call knows of a payload.

    Raises:
        InvalidInput: unknown record type or field, or a field that is malformed.
    """
    return check_type(code, "act").details.read(details, "details")
