"""Promises in the lines that a node answers, wallets and commands print, and verifiers read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_owed(answer: Mapping[str, Any]) -> bool:
    """Say whether a node's answer to a fact is one whose promise follows, since the node could not keep one then."""
    return answer.get("status") == "accepted" and "promise" in answer and answer["promise"] is None


def promise_in(row: Mapping[str, Any]) -> object:
    """Return the promise of a line: the line itself, or its member `promise` (receipts, answers of `fact submit`)."""
    return row.get("promise", row)
