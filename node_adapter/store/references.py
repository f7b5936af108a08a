"""What is left of a caller's reference once its record is erased: enough to know the same fact again, and no more."""

from __future__ import annotations

from primitives.digest import tagged_sha256

_TAG = "bonafides/erased-reference/1"


def erased_reference(reference: str) -> str:
    """Return under what an erased record is found in place of the caller's reference, which may hold a signature."""
    return f"erased:{tagged_sha256(_TAG, reference.encode()).hex()}"
