"""Canonical JSON (RFC 8785): the only door to hashed or signed bytes, and the strict reader beside it."""

from __future__ import annotations

import json
import math
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import Any

import rfc8785

from primitives.errors import InvalidInput
from primitives.json_text import sorted_json_bytes

MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 1_000_000  # opening brackets and commas: an empty list takes two bytes to send and sixty to hold
_MAX_INTEGER_CHARACTERS = 17  # "-9007199254740991"; int() of a longer text would only cost time
_STRING = re.compile(rb'(?s)"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)')  # possessive, and never fails at a quote: linear
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_MAX_SAFE_INTEGER = 2**53 - 1  # RFC 8785 section 3.2.2.3 (I-JSON): larger integers travel as decimal strings


def canonical_json(value: Any) -> bytes:
    """Return the RFC 8785 bytes of a JSON value.

    Raises:
        InvalidInput: the value holds what RFC 8785 cannot represent (NaN, integers beyond ±(2^53-1), non-string keys).
    """
    try:
        if _is_plain(value, MAX_DEPTH):
            return sorted_json_bytes(value)
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:  # the latter: a lone surrogate in a key
        raise InvalidInput("document", "canonical-json", str(error)) from error
    except RecursionError as error:
        raise InvalidInput("document", "depth", "nested too deeply") from error


# Nearly everything of ours is plain, and encoders in C are one to two orders of magnitude faster.
def _is_plain(value: Any, depth: int) -> bool:
    """Say whether `sorted_json_bytes` writes a value as RFC 8785 does, byte for byte.

    It does for text, safe integers, booleans and null in lists and objects with ASCII keys: the two differ in how they
    write floats and in how they order keys beyond the BMP, and the encoders take keys and types that the RFC does not
    have. A lone surrogate fails in both.
    """
    kind = type(value)
    if kind in _PLAIN_ATOMS:
        return True
    if kind is int:
        return bool(-_MAX_SAFE_INTEGER <= value <= _MAX_SAFE_INTEGER)
    if kind not in _PLAIN_GROUPS or depth == 0:
        return False
    items = value
    if kind is dict:
        if not _has_ascii_keys(value):
            return False
        items = value.values()
    for item in items:  # noqa: SIM110 - half the time of all()
        if type(item) is not str and not _is_plain(item, depth - 1):
            return False
    return True


def _has_ascii_keys(value: dict[Any, Any]) -> bool:
    try:
        return "".join(value).isascii()
    except TypeError:  # a key that is no text
        return False


_PLAIN_ATOMS = (str, bool, type(None))
_PLAIN_GROUPS = (dict, list, tuple)


def parse_json(
    data: bytes, *, field: str = "document", max_bytes: int = MAX_DOCUMENT_BYTES, max_nodes: int = MAX_NODES
) -> Any:
    """Parse UTF-8 JSON strictly: what RFC 8785 cannot hold is refused here, not where it is hashed.

    No byte order mark, no duplicate keys, no NaN, no Infinity (written so or as 1e999), no integer beyond 2^53-1,
    no lone surrogate.

    Args:
        data: the bytes as they came.
        field: what to call the document in an error.
        max_bytes: refuse anything longer, before parsing.
        max_nodes: refuse more opening brackets and commas outside of text, before parsing: each value follows one.

    Raises:
        InvalidInput: too long, not UTF-8, not JSON, too deep, too many values, or a rule above is broken.
    """
    if len(data) > max_bytes:
        raise InvalidInput(field, "max-bytes", f"{len(data)} bytes are more than {max_bytes}")
    _check_shape(data, field, max_nodes)
    try:
        value = json.loads(
            _decode(data, field),
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_int=_safe_integer,
            parse_float=_finite_number,
        )
        if b"\\ud" in data.lower():  # only an escape can spell a lone surrogate: UTF-8 itself cannot
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except _ParseRuleError as error:
        raise InvalidInput(field, error.rule, str(error)) from error
    except UnicodeEncodeError as error:
        raise InvalidInput(field, "unicode", "holds a lone surrogate") from error
    except ValueError as error:
        raise InvalidInput(field, "json", f"not JSON: {error}") from error
    return value


def _decode(data: bytes, field: str) -> str:
    """Decode UTF-8, and say what else it may be: text of the systems around a broker is often GBK."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(field, "utf-8", f"not UTF-8{_perhaps(data)} (at byte {error.start + 1})") from error
    if text.startswith("\ufeff"):
        raise InvalidInput(field, "utf-8", "starts with a byte order mark; leave it away")
    return text


def _perhaps(data: bytes) -> str:
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "; is it UTF-16?"
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return ""
    return "; is it GBK?"


def _check_shape(data: bytes, field: str, max_nodes: int) -> None:
    """Refuse deep nesting, and more values than may be held, before parsing.

    The parser recurses on the C stack, and what stops it is a limit that any library of the process may have raised
    so far that the process dies first (py_ecc does). What it makes of a byte may take thirty bytes of memory.
    """
    opened = data.count(b"[") + data.count(b"{")
    deep, many = opened > MAX_DEPTH, opened + data.count(b",") > max_nodes
    if not deep and not many:
        return
    bare = _STRING.sub(b"", data)  # what stands in text opens and parts nothing
    if many and sum(bare.count(sign) for sign in (b"[", b"{", b",")) > max_nodes:
        raise InvalidInput(field, "max-nodes", f"holds more than {max_nodes} opening brackets and commas")
    brackets = bare.translate(_BRACKETS, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")  # takes away the innermost level
    if b"[" in brackets:
        raise InvalidInput(field, "depth", f"nested more than {MAX_DEPTH} deep, or not closed")


class _ParseRuleError(ValueError):
    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _ParseRuleError("duplicate-key", "a key occurs twice in one object")
    return result


def _no_constant(name: str) -> Any:
    raise _ParseRuleError("finite-number", f"{name} is not a JSON number")


def _finite_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _ParseRuleError("finite-number", f"{text[:20]} is too large for a number")
    return number


def _safe_integer(text: str) -> int:
    if len(text) > _MAX_INTEGER_CHARACTERS or abs(int(text)) > _MAX_SAFE_INTEGER:
        raise _ParseRuleError("integer-range", "an integer beyond 2^53-1 must be a decimal string")
    return int(text)
