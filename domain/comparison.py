"""A stored result beside the one that was computed again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.ruleset import AnyRuleSet

EQUAL = "equal"
DIFFERS = "differs"
NOT_CHECKED = "not-checked"

Resolve = Callable[[str], AnyRuleSet | None]
"""A rule set by its label; None where it is not at hand."""


@dataclass(frozen=True)
class Comparison:
    """One stored result beside the re-executed one.

    `working` is how the new one came about, where its domain shows it: a list of steps, each a JSON object.
    """

    ref: str
    type: str
    ruleset: str | None
    status: str
    fields: tuple[str, ...]
    reason: str
    recorded: Mapping[str, Any]
    computed: Mapping[str, Any] | None
    working: tuple[Mapping[str, Any], ...] = ()
