"""A product: how the broker's committee rated it, and the opinion whether it matches a client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from domain.fact import Fact
from domain.finding import Code, Finding
from domain.record_type import RecordType
from domain.second_person import SecondPerson
from domain.words import Words
from primitives.errors import InvalidInput
from primitives.shapes import Boolean, Fields, Integer, Nullable, Time
from suitability.act import Act
from suitability.engine import differences, redo_opinion
from suitability.rules.assessed import ruleset_in_force, valid_level
from suitability.rules.identity import not_ended
from suitability.rules.product import rating_of
from suitability.rules.second_person import second_person, signed_rating
from suitability.shapes import CODE, DIGEST, KINDS, LEVEL, NAME, OPINION, PRODUCT, SCALARS, TERM
from suitability.subject import Level, OpinionGiven, Rating, SubjectState

CODES = {
    "PRODUCT_NOT_RATED": Code(Words("产品未评级", "product not rated"), "no rating of the product is in force"),
    "OPINION_DIFFERS": Code(Words("意见重算不一致", "opinion differs"), "re-execution gives another opinion"),
    "RATING_NOT_SHOWN": Code(
        Words("所依据的产品评级未出示", "the rating that it rests on is not shown"),
        "the rating that an opinion names is not among the records (replay and verifier)",
    ),
    "RATING_NOT_DERIVED": Code(
        Words(
            "产品评级不在由产品导出的假名之下", "the rating lies on a pseudonym that is not derived from the product"
        ),
        "a rating, or what rests on one, has it lying where nobody looks for it",
    ),
}


def _check_level(payload: Mapping[str, Any]) -> None:
    for name in ("level_ref", "level_valid_to", "horizon", "types"):
        if (payload[name] is None) != (payload["level"] is None):
            raise InvalidInput(f"payload.{name}", "together", "is null exactly where the level is")


def _opinion(state: SubjectState, act: Act) -> Iterator[Finding]:
    if act.details.get("code") not in ("EXPIRED", "NO_ASSESSMENT"):
        yield from valid_level(state, act)
    rating = rating_of(act)
    if rating is None:
        yield Finding("PRODUCT_NOT_RATED", "opinion.rating", "no rating of the product is in force")
    else:
        yield from signed_rating(rating, act)
    if not act.full:
        return
    if rating is not None and (act.details["rating_ref"], act.details["product"]) != (
        rating.ref,
        rating.payload["product"],
    ):
        yield Finding("OPINION_STALE", "opinion.rating", "the opinion does not rest on the rating in force")
    if _client_side(act.details) != _client_side_of(state.level_at(act.at)):
        yield Finding("OPINION_STALE", "opinion.level", "the opinion does not rest on the level in force")
    changed = differences(act.details, redo_opinion(act.ruleset, act.details, at_ms=act.at))
    if changed:
        yield Finding("OPINION_DIFFERS", "opinion.re-execution", f"re-execution differs in {', '.join(changed)}")


def _client_side(details: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(details[name] for name in ("level_ref", "level", "level_valid_to", "horizon", "types"))


def _client_side_of(level: Level | None) -> tuple[Any, ...]:
    if level is None:
        return (None,) * 5
    return (level.ref, *(level.payload[name] for name in ("level", "valid_to", "horizon", "types")))


def _fold_rating(state: SubjectState, fact: Fact) -> SubjectState:
    return replace(state, ratings=(*state.ratings, Rating(fact.ref, fact.payload)))


def _fold_opinion(state: SubjectState, fact: Fact) -> SubjectState:
    product_id = str(fact.payload["product"]["id"])
    return state.with_opinion(product_id, OpinionGiven(fact.ref, fact.occurred_at, fact.ruleset, fact.payload))


TYPES: tuple[RecordType[SubjectState, Act], ...] = (
    RecordType(
        "PRODUCT_RATE",
        Words("产品评级", "Product rated"),
        "product {id, risk, term, type}, name, factors {name: scalar}, method, committee, effective_from time; "
        "optional "
        "countersigned",
        {
            "product": PRODUCT,
            "name": NAME,
            "factors": SCALARS,
            "method": CODE,
            "committee": NAME,
            "effective_from": Time(),
        },
        of_house=True,
        asked_with={"product_id": CODE},
        second_person=SecondPerson("committee"),
        rules=(second_person,),
        fold=_fold_rating,
        stage="risk",
    ),
    RecordType(
        "MATCH_OPINION",
        Words("适当性匹配意见", "Matching opinion"),
        "level_ref? ref, rating_ref ref, level?, level_valid_to? time, horizon?, types? (null together), product {id, "
        "risk, term, type}, admitted, parts {admission, risk, term, type}, gap, special_care, code, engine_digest "
        "hex32",
        {
            "level_ref": Nullable(DIGEST),
            "rating_ref": DIGEST,
            "level": Nullable(LEVEL),
            "level_valid_to": Nullable(Time()),
            "horizon": Nullable(TERM),
            "types": Nullable(KINDS),
            "product": PRODUCT,
            "admitted": Boolean(),
            "parts": Fields(dict.fromkeys(("admission", "risk", "term", "type"), OPINION)),
            "gap": Integer(0, 10),
            "special_care": Boolean(),
            "code": OPINION,
            "engine_digest": DIGEST,
        },
        asked_with={"product_id": CODE},
        spans=_check_level,
        rules=(not_ended, ruleset_in_force, _opinion),
        fold=_fold_opinion,
        stage="risk",
        summary=("code", "gap"),
    ),
)
