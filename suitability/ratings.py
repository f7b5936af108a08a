"""A broker's product ratings as the rules see them: by product, in the order in which they were logged.

Where a rating lies decides whether it counts: once a product was rated at its place, the pseudonym that everybody
derives from its id, a rating elsewhere counts for nothing. A reader who is not shown it therefore judges as one who is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from domain.house import HouseRecord
from suitability.act import product_of
from suitability.subject import Rating


@dataclass(frozen=True)
class Ratings:
    """Every rating by product, in log order; and those at their product's place."""

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

    def last_of(self, thing: str) -> str | None:
        """Return the fingerprint (hex) of a product's last rating, wherever it lies."""
        known = self.of(thing)
        return known[-1].ref if known else None

    def relied_on(self, type_: str, payload: Mapping[str, Any], at_ms: int) -> list[HouseRecord]:
        """Return the rating that an opinion names, or on which an application at an instant rests."""
        product = product_of(payload)
        if product is None:
            return []
        if type_ == "MATCH_OPINION":
            used = [rating for rating in self.of(product) if rating.ref == payload["rating_ref"]]
        else:
            used = list(self.at(product, at_ms).values()) if type_ == "BIZ_APPLY" else []
        in_place = self.in_place.get(product, ())
        return [HouseRecord(rating.ref, rating in in_place) for rating in used]

    def with_record(self, ref: str, payload: Mapping[str, Any], *, in_place: bool) -> Ratings:
        """Return the ratings with one more, which lies at its product's place or elsewhere."""
        rating = Rating(ref, payload)
        by_product = _with(self.by_product, rating)
        return replace(
            self, by_product=by_product, in_place=_with(self.in_place, rating) if in_place else self.in_place
        )


def _with(known: Mapping[str, tuple[Rating, ...]], rating: Rating) -> Mapping[str, tuple[Rating, ...]]:
    product_id = _product_of(rating)
    return {**known, product_id: (*known.get(product_id, ()), rating)}


def _product_of(rating: Rating) -> str:
    return str(rating.payload["product"]["id"])
