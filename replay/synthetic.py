"""Whether a payload is about an invented person."""

from __future__ import annotations

from collections.abc import Mapping


def is_synthetic(value: object) -> bool:
    """Tell whether a payload says of itself, anywhere in it, that it is about an invented person."""
    if isinstance(value, Mapping):
        if value.get("synthetic") is True or value.get("source") == "synthetic":
            return True
        return any(is_synthetic(item) for item in value.values())
    return isinstance(value, list) and any(is_synthetic(item) for item in value)
