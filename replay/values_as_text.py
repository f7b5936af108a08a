"""Values of a payload as text for a person, in one line each."""

from __future__ import annotations

from collections.abc import Mapping

_FEN = 100
_MAX_TEXT = 600


def plain(value: object, name: str = "") -> str:
    """Return a payload value as text for a person: nested values in one line, by name, and money in yuan."""
    if value is None:
        text = "—"
    elif isinstance(value, bool):
        text = "✓" if value else "✗"
    elif isinstance(value, int) and name.endswith("_fen"):
        text = f"{'-' if value < 0 else ''}¥{abs(value) // _FEN:,}.{abs(value) % _FEN:02d}"
    elif isinstance(value, Mapping):
        text = " · ".join(f"{key} {plain(item, _inner(name, key))}" for key, item in sorted(value.items()))
    elif isinstance(value, list):
        text = ", ".join(plain(item, name) for item in value) or "—"
    else:
        text = str(value)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"


def _inner(name: str, key: str) -> str:
    return name if name.endswith("_fen") else key


def is_synthetic(value: object) -> bool:
    """Tell whether a payload says of itself, anywhere in it, that it is about an invented person."""
    if isinstance(value, Mapping):
        if value.get("synthetic") is True or value.get("source") == "synthetic":
            return True
        return any(is_synthetic(item) for item in value.values())
    return isinstance(value, list) and any(is_synthetic(item) for item in value)
