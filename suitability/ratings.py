"""A broker's product ratings as the rules see them: by product, in the order in which they were logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from suitability.subject import Rating


@dataclass(frozen=True)
class Ratings:
    """Every rating by product, in log order, of the first `size` log entries."""

    size: int = 0
    by_product: Mapping[str, tuple[Rating, ...]] | None = None

    def at(self, product_id: str | None, time_ms: int) -> dict[str, Rating]:
        """Return the rating of one product in force at an instant, as the rules take it; empty when there is none."""
        known = () if product_id is None else self.of(product_id)
        begun = [rating for rating in known if rating.effective_from <= time_ms]
        if product_id is None or not begun:
            return {}
        latest = max(reversed(begun), key=lambda rating: rating.effective_from)  # of equals, the last recorded
        return {product_id: latest}

    def of(self, product_id: str) -> tuple[Rating, ...]:
        """Return every rating of a product, in log order."""
        return (self.by_product or {}).get(product_id, ())

    def with_rating(self, rating: Rating) -> Ratings:
        """Return the ratings with one more."""
        product_id = str(rating.payload["product"]["id"])
        return Ratings(self.size, {**(self.by_product or {}), product_id: (*self.of(product_id), rating)})
