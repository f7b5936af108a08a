"""Strict field checks from which every schema of this package is put together.

A check is a function (value, dotted field) -> the value, or InvalidInput with that field and the rule. No check ever
changes a value into another spelling: what the client signed is what is stored, so a loose spelling is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from primitives.encoding import decode_hex
from primitives.errors import InvalidInput
from primitives.timestamp import format_time, parse_time

Check = Callable[[object, str], Any]

MAX_SAFE_INTEGER = 2**53 - 1  # larger ones cannot stand in RFC 8785 bytes
_MAX_LIST = 1000


def text(max_length: int = 200, pattern: str | None = None) -> Check:
    """A non-empty string of at most `max_length` characters, without control characters, matching `pattern` whole."""
    compiled = None if pattern is None else re.compile(pattern)

    def check(value: object, field: str) -> str:
        if not isinstance(value, str):
            raise InvalidInput(field, "text", "must be a string")
        if not 1 <= len(value) <= max_length:
            raise InvalidInput(field, "length", f"must have 1 to {max_length} characters")
        if any(ord(character) < 32 or 0xD800 <= ord(character) <= 0xDFFF for character in value):  # noqa: PLR2004
            raise InvalidInput(field, "text", "must hold no control character and no lone surrogate")
        if compiled is not None and compiled.fullmatch(value) is None:
            raise InvalidInput(field, "pattern", f"must match {compiled.pattern}")
        return value

    return check


def integer(low: int = 0, high: int = MAX_SAFE_INTEGER) -> Check:
    """An integer (never a boolean) from `low` to `high`."""

    def check(value: object, field: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidInput(field, "integer", "must be an integer")
        if not low <= value <= high:
            raise InvalidInput(field, "range", f"must lie between {low} and {high}")
        return value

    return check


def boolean(value: object, field: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise InvalidInput(field, "boolean", "must be true or false")
    return value


def one_of(*choices: str) -> Check:
    """One of a closed list of strings."""

    def check(value: object, field: str) -> str:
        if not isinstance(value, str) or value not in choices:
            raise InvalidInput(field, "one-of", f"must be one of {', '.join(choices)}")
        return value

    return check


def hex_bytes(length: int) -> Check:
    """Lower-case hexadecimal of exactly `length` bytes."""

    def check(value: object, field: str) -> str:
        return decode_hex(value, field, length).hex()

    return check


def time(value: object, field: str) -> str:
    """A time in the one spelling of the records (milliseconds, +08:00)."""
    return format_time(parse_time(value, field))


def nullable(inner: Check) -> Check:
    """`null`, or what `inner` accepts."""

    def check(value: object, field: str) -> Any:
        return None if value is None else inner(value, field)

    return check


def list_of(inner: Check, low: int = 0, high: int = _MAX_LIST, *, unique: bool = False) -> Check:
    """A list of `low` to `high` values that `inner` accepts."""

    def check(value: object, field: str) -> list[Any]:
        if not isinstance(value, list):
            raise InvalidInput(field, "list", "must be a list")
        if not low <= len(value) <= high:
            raise InvalidInput(field, "length", f"must have {low} to {high} entries")
        result = [inner(entry, f"{field}[{index}]") for index, entry in enumerate(value)]
        if unique and len({str(entry) for entry in result}) != len(result):
            raise InvalidInput(field, "unique", "must hold each entry once")
        return result

    return check


def mapping(key: Check, inner: Check, low: int = 0, high: int = _MAX_LIST) -> Check:
    """An object whose keys are data."""

    def check(value: object, field: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise InvalidInput(field, "object", "must be an object")
        if not low <= len(value) <= high:
            raise InvalidInput(field, "length", f"must have {low} to {high} entries")
        return {key(name, f"{field} key"): inner(entry, f"{field}.{name}") for name, entry in value.items()}

    return check


def fields(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with exactly the named fields; unknown and missing ones are errors."""
    known = {**required, **(optional or {})}

    def check(value: object, field: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise InvalidInput(field, "object", "must be an object")
        prefix = f"{field}." if field else ""
        for name in value:
            if name not in known:
                raise InvalidInput(f"{prefix}{name}", "unknown-field", "is not a field of this object")
        for name in required:
            if name not in value:
                raise InvalidInput(f"{prefix}{name}", "required", "is missing")
        return {name: known[name](entry, f"{prefix}{name}") for name, entry in value.items()}

    return check


def scalar(value: object, field: str) -> str | int | bool:
    """A short string, an integer or a boolean: what a free-form item may hold (no floating-point numbers)."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        number: int = integer(-MAX_SAFE_INTEGER)(value, field)
        return number
    words: str = text(500)(value, field)
    return words


def scores(value: object, field: str) -> dict[str, int]:
    """An object from names to small non-negative integers."""
    result: dict[str, int] = mapping(text(40), integer(0, 1000), 1, 40)(value, field)
    return result
