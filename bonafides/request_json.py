"""JSON of requests: Python values as UTF-8 JSON, and what JSON cannot hold of them, by line and field."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from primitives.canonical import MAX_DEPTH
from primitives.errors import InvalidInput

_IN_PLACE_OF = {
    "Decimal": "an integer of the smallest unit, or text",
    "datetime": "text such as 2026-11-21T09:16:38.123+08:00",
    "date": "text such as 2026-11-21",
    "bytes": "lower-case hexadecimal",
    "UUID": "text",
}

Fault = tuple[str, str, str]  # dotted path, rule, what is wrong


def request_json(value: object, field: str) -> bytes:
    """Return UTF-8 JSON.

    Raises:
        InvalidInput: a value that JSON has not, such as a Decimal, a datetime or a lone surrogate; the field is its
            dotted path, the rule `json-type`, `finite-number`, `unicode`, `key` or `depth`.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:  # UnicodeEncodeError is a ValueError
        for place, rule, detail in _faults(value, field, 0):
            raise InvalidInput(place, rule, detail) from error
        raise InvalidInput(field, "json-type", "is no JSON value") from error


def _faults(value: object, field: str, depth: int) -> Iterator[Fault]:
    if depth > MAX_DEPTH:
        yield field, "depth", f"nested more than {MAX_DEPTH} deep"
    elif isinstance(value, Mapping):
        yield from _faults_of_object(value, field, depth)
    elif isinstance(value, list | tuple):
        for number, entry in enumerate(value):
            yield from _faults(entry, f"{field}[{number}]", depth + 1)
    else:
        yield from _faults_of_scalar(value, field)


def _faults_of_object(value: Mapping[Any, Any], field: str, depth: int) -> Iterator[Fault]:
    for name, entry in value.items():
        if isinstance(name, str):
            yield from _faults_of_scalar(name, f"{field} key")
            yield from _faults(entry, f"{field}.{name}", depth + 1)
        else:
            yield field, "key", f"has a key of the type {type(name).__name__}; keys are text"


def _faults_of_scalar(value: object, field: str) -> Iterator[Fault]:
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            yield field, "unicode", "holds a lone surrogate: text that was decoded wrongly"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield field, "finite-number", "is not a finite number"
    elif not isinstance(value, bool | int | None):
        kind = type(value).__name__
        yield field, "json-type", f"is a {kind}, which JSON has not; give {_IN_PLACE_OF.get(kind, 'a JSON value')}"
