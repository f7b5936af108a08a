"""Two persons: what is missing where only one is shown to have acted. Whether a signature holds is no question here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from domain.finding import Code, Finding
from domain.second_person import ORDER, keys_of
from domain.words import Words
from suitability.act import Act
from suitability.subject import Rating

_RATING = "PRODUCT_RATE"

CODES = {
    "SECOND_PERSON_MISSING": Code(
        Words("签名不足双人", "Too few persons signed"),
        "fewer persons of the staff signed it than the rule set asks for; also an opinion on a rating that too few "
        "signed",
    ),
}


def second_person(_: object, act: Act) -> Iterator[Finding]:
    """Fewer signed an act than its rule set asks, and no regulator ordered it; asked of acts that are known whole."""
    if act.full and ORDER not in act.details:
        yield from _missing(act, act.type, act.details, "the act", "second-person.signed")


def signed_rating(rating: Rating, act: Act) -> Iterator[Finding]:
    """Fewer signed the rating that an opinion rests on."""
    yield from _missing(act, _RATING, rating.payload, "the rating that it rests on", "opinion.rating-signed")


def _missing(act: Act, type_: str, payload: Mapping[str, Any], what: str, rule: str) -> Iterator[Finding]:
    wanted, signed = act.ruleset.second_person.get(type_, 0), len(keys_of(payload))
    if signed < wanted:
        yield Finding("SECOND_PERSON_MISSING", rule, f"{what} bears {signed} of {wanted} signatures of the staff")
