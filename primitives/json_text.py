"""JSON as our own programs write it: compact, in UTF-8, members as they come or sorted by their names.

orjson writes it, which a node has and a verifier may have; the standard library does where it is missing, and for what
orjson does not take. Both write the same bytes, but for floats beyond 1e16, which are the same number in two spellings;
`primitives.canonical` hands over none. Values are those of JSON: no NaN and no infinity.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

_Write = Callable[[object], bytes]
_as_it_comes = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
_sorted = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")).encode


def _fast() -> tuple[_Write, _Write] | None:
    """Return what writes members as they come and what sorts them; None where orjson is not installed."""
    try:
        import orjson  # noqa: PLC0415 - it may be missing
    except ImportError:
        return None
    strict = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
    return partial(orjson.dumps, option=strict), partial(orjson.dumps, option=strict | orjson.OPT_SORT_KEYS)


_FAST = _fast()


def json_bytes(value: object) -> bytes:
    """Return a value as JSON, members as they come.

    Raises:
        TypeError, ValueError: as `json.dumps`, and UnicodeEncodeError of a lone surrogate.
    """
    if _FAST is not None:
        try:
            return _FAST[0](value)
        except TypeError:  # a type that it does not know, an integer beyond 64 bits, a lone surrogate
            pass
    return _as_it_comes(value).encode()


def json_text(value: object) -> str:
    """Return `json_bytes` as text."""
    return json_bytes(value).decode()


def sorted_json_bytes(value: object) -> bytes:
    """Return a value as JSON, members sorted by the code points of their names; raises as `json_bytes`."""
    if _FAST is not None:
        try:
            return _FAST[1](value)
        except TypeError:
            pass
    return _sorted(value).encode()
