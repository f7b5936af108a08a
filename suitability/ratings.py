"""A broker's product ratings as the rules see them: by product, in the order in which they were logged.

Where a rating lies decides whether it counts: once a product was rated at its place, the pseudonym that everybody
derives from its id, a rating elsewhere counts for nothing. A reader who is not shown it therefore judges as one who is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from suitability.subject import Rating


@dataclass(frozen=True)
class Ratings:
    """Every rating by product, in log order, of the first `size` log entries; and those at their product's place."""

    size: int = 0
    by_product: Mapping[str, tuple[Rating, ...]] = field(default_factory=dict)
    in_place: Mapping[str, tuple[Rating, ...]] = field(default_factory=dict)

    def at(self, product_id: str | None, time_ms: int) -> dict[str, Rating]:
        """Return the rating of one product in force at an instant, as the rules take it; empty when there is none."""
        known = () if product_id is None else self.in_place.get(product_id) or self.of(product_id)
        begun = [rating for rating in known if rating.effective_from <= time_ms]
        if product_id is None or not begun:
            return {}
        latest = max(reversed(begun), key=lambda rating: rating.effective_from)  # of equals, the last recorded
        return {product_id: latest}

    def of(self, product_id: str) -> tuple[Rating, ...]:
        """Return every rating of a product, in log order, wherever it lies."""
        return self.by_product.get(product_id, ())

    def is_in_place(self, rating: Rating) -> bool:
        """Tell whether a rating lies on the pseudonym that is derived from its product."""
        return rating in self.in_place.get(_product_of(rating), ())

    def with_rating(self, rating: Rating, *, in_place: bool) -> Ratings:
        """Return the ratings with one more, which lies at its product's place or elsewhere."""
        by_product = _with(self.by_product, rating)
        return replace(
            self, by_product=by_product, in_place=_with(self.in_place, rating) if in_place else self.in_place
        )


def _with(known: Mapping[str, tuple[Rating, ...]], rating: Rating) -> Mapping[str, tuple[Rating, ...]]:
    product_id = _product_of(rating)
    return {**known, product_id: (*known.get(product_id, ()), rating)}


def _product_of(rating: Rating) -> str:
    return str(rating.payload["product"]["id"])
