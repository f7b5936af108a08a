"""What the platform needs of a rule set: every number of a rule, with its effective date, as data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar


class AnyRuleSet(Protocol):
    """A checked rule set of one domain."""

    @property
    def document(self) -> Mapping[str, Any]:
        """What was read."""

    @property
    def id(self) -> str:
        """Its name, the same in every version."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def demo(self) -> bool:
        """Whether it serves demonstrations alone."""

    @property
    def label(self) -> str:
        """`<id>@<version>:<first 16 hex of the digest>`, the name that records carry."""

    @property
    def effective_from(self) -> int:
        """The first millisecond at which it is in force."""

    @property
    def max_ahead_ms(self) -> int:
        """How far ahead of its recording a fact may say that it happened."""

    @property
    def second_person(self) -> Mapping[str, int]:
        """How many of the broker's staff sign, by record type; none where a type is not named."""

    def to_json(self) -> bytes:
        """Return the document's RFC 8785 bytes."""

    def effective(self, from_ms: int) -> AnyRuleSet:
        """Return a copy that takes effect at another time, and so has another digest and label."""


MAX_BYTES = 256 * 1024
"""The longest document of a rule set."""

Rules = TypeVar("Rules", bound=AnyRuleSet)


def whole_label(ruleset: AnyRuleSet) -> str:
    """Return `<id>@<version>:<whole digest>`, the name that records of format 2 carry."""
    return f"{ruleset.id}@{ruleset.version}:{hashlib.sha256(ruleset.to_json()).hexdigest()}"


def in_force(rulesets: Iterable[Rules], at_ms: int) -> Rules | None:
    """Return the rule set with the latest effective date not after `at_ms`; the last one given wins a tie."""
    best: Rules | None = None
    for ruleset in rulesets:
        if ruleset.effective_from <= at_ms and (best is None or ruleset.effective_from >= best.effective_from):
            best = ruleset
    return best
