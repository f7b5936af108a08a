"""A product for a client: its rating, the opinion on it, and the order of the steps before business is handled."""

from __future__ import annotations

from collections.abc import Iterator

from domain.finding import Code, Finding
from domain.words import Words
from suitability.act import Act
from suitability.subject import OpinionGiven, Rating, SubjectState, first_from, happened

CODES = {
    "NO_OPINION": Code(Words("无匹配意见", "no opinion"), "no matching opinion on the product was given before"),
    "OPINION_STALE": Code(
        Words("意见已失效", "opinion is stale"),
        "the opinion rests on another level, rating or rule set than those in force",
    ),
    "SIGNED_LATE": Code(
        Words("事后签署", "signed late"),
        "an agreement was signed later than the rule set allows; any confirmation or insistence was made up for after "
        "handling",
        proves="SIGNED_LATE",
    ),
}


def rating_of(act: Act) -> Rating | None:
    """Return the broker's rating in force of the act's product (`Ratings.at`), wherever the records lie."""
    return None if act.product_id is None else act.ratings.get(act.product_id)


def opinion_of(state: SubjectState, act: Act) -> OpinionGiven | None:
    """Return the opinion on the act's product in force at the act."""
    return None if act.product_id is None else state.opinion_at(act.product_id, act.at)


def has_opinion(state: SubjectState, act: Act) -> Iterator[Finding]:
    """An opinion on the product was given before, and the act names the latest."""
    given = opinion_of(state, act)
    if given is None:
        yield Finding("NO_OPINION", "opinion.first", "no matching opinion on the product was given before")
    elif act.details.get("opinion_ref", given.ref) != given.ref:
        yield Finding("OPINION_STALE", "opinion.latest", "the act names an opinion that is not the latest")


def made_up_for(state: SubjectState, act: Act, step: str) -> bool:
    """Tell whether a step of the current opinion comes after the product was handled without it."""
    given, product_id = opinion_of(state, act), act.product_id
    if given is None or product_id is None:
        return False
    track = state.track(product_id)
    return handled_without(first_from(track.bought, given.at), getattr(track, step), act.at)


def late(rule: str, detail: str) -> Finding:
    """Return the finding that something was signed after its time."""
    return Finding("SIGNED_LATE", rule, detail)


HANDLED_BEFORE = ("order.before-handling", "the product was handled before this step")


def handled_without(bought_at: int | None, times: tuple[int, ...], at: int) -> bool:
    """Tell whether something was bought before the act, and a step had not come before that.

    Args:
        bought_at: when the first purchase was approved, from an instant on. A later one tells no more: a step that came
            before the first came before all.
        times: of the step.
        at: of the act.
    """
    return bought_at is not None and bought_at < at and not happened(times, bought_at)
