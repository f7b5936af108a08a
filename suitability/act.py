"""An act as the rules see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from suitability.ruleset import RuleSet
from suitability.subject import Rating, SubjectState


@dataclass(frozen=True)
class Act:
    """An act as the rules see it. `details` is the payload, or what is known of it before it is done.

    `full` says that the whole payload is known, so that engine results can be made again; `before` are the states of
    the client's identities before, where limits over time count them.
    """

    type: str
    details: Mapping[str, Any]
    full: bool
    at: int
    ruleset: RuleSet
    ratings: Mapping[str, Rating]
    label: str
    broker: str | None = None
    before: tuple[SubjectState, ...] = ()

    @property
    def product_id(self) -> str | None:
        """Return the product that the act is about."""
        return product_of(self.details)


def product_of(details: Mapping[str, Any]) -> str | None:
    """Return the product that a payload is about."""
    product = details.get("product")
    named = product.get("id") if isinstance(product, Mapping) else details.get("product_id")
    return named if isinstance(named, str) else None
