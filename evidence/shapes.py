"""Reading JSON of known shape: each reader names the field and the rule in its error, and takes nothing more."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from primitives.encoding import decode_hex
from primitives.errors import InvalidInput

MAX_INTEGER = 2**53 - 1
MAX_TEXT = 512
HASH_BYTES = 32

_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_ETHR_DID = re.compile(r"did:ethr:0x(0|[1-9a-f][0-9a-f]{0,15}):(0x[0-9a-f]{40})")

Item = TypeVar("Item")


def members(value: object, field: str, names: frozenset[str]) -> Mapping[str, Any]:
    """Take an object that has exactly these members."""
    if not isinstance(value, dict):
        raise InvalidInput(field, "object", "must be an object")
    for name in sorted(names - value.keys()):
        raise InvalidInput(f"{field}.{name}", "required", "is missing")
    for name in sorted(value.keys() - names):
        raise InvalidInput(f"{field}.{name}"[:MAX_TEXT], "unknown-member", "is not a member of this format")
    return value


def items(value: object, field: str, reader: Callable[[object, str], Item], maximum: int) -> tuple[Item, ...]:
    """Take a list of at most `maximum` items, each through `reader(item, field)`."""
    if not isinstance(value, list):
        raise InvalidInput(field, "list", "must be a list")
    if len(value) > maximum:
        raise InvalidInput(field, "max-items", f"{len(value)} items are more than {maximum}")
    return tuple(reader(item, f"{field}[{index}]") for index, item in enumerate(value))


def text(value: object, field: str, *, maximum: int = MAX_TEXT) -> str:
    """Take a non-empty string of at most `maximum` characters."""
    if not isinstance(value, str) or not 0 < len(value) <= maximum:
        raise InvalidInput(field, "text", f"must be text of 1 to {maximum} characters")
    return value


def optional_text(value: object, field: str) -> str | None:
    """Take a non-empty string or null."""
    return None if value is None else text(value, field)


def matching(value: object, field: str, pattern: re.Pattern[str], rule: str) -> str:
    """Take a string that the pattern matches as a whole."""
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise InvalidInput(field, rule, f"must match {pattern.pattern}")
    return value


def constant(value: object, field: str, expected: str) -> str:
    """Take exactly this string: a format name, an algorithm."""
    if value != expected or not isinstance(value, str):
        raise InvalidInput(field, "constant", f"must be {expected}")
    return value


def integer(value: object, field: str, *, minimum: int = 0, maximum: int = MAX_INTEGER) -> int:
    """Take an integer within bounds; a boolean or a float is none."""
    if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
        raise InvalidInput(field, "integer", f"must be an integer from {minimum} to {maximum}")
    return value


def hash32(value: object, field: str) -> bytes:
    """Take 32 bytes of lower-case hex."""
    return decode_hex(value, field, HASH_BYTES)


def path(value: object, field: str, *, maximum: int) -> tuple[bytes, ...]:
    """Take a list of at most `maximum` hashes."""
    return items(value, field, hash32, maximum)


def raw(value: object, field: str) -> bytes:
    """Take bytes as lower-case hex."""
    return decode_hex(value, field)


def address(value: object, field: str) -> str:
    """Take a 20-byte address as lower-case 0x hex."""
    return matching(value, field, _ADDRESS, "address")


def ethr_did(value: object, field: str) -> str:
    """Take a `did:ethr` in the one spelling that records use: chain id in lower hex, address in lower hex."""
    return matching(value, field, _ETHR_DID, "did-ethr")


def did_parts(did: str) -> tuple[int, str]:
    """Return (chain id, 0x address) of a `did:ethr` that `ethr_did` took."""
    match = _ETHR_DID.fullmatch(did)
    if match is None:
        raise InvalidInput("did", "did-ethr", f"must match {_ETHR_DID.pattern}")
    return int(match.group(1), 16), match.group(2)


def signing_key_id(did: str) -> str:
    """Return the verification method of a member's signing key."""
    return f"{did}#signing"
