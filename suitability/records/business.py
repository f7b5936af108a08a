"""Business: the client's application, and the broker's decision on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from domain.fact import Fact
from domain.finding import Code, Finding
from domain.record_type import RecordType
from domain.second_person import SecondPerson, keys_of
from domain.words import Words
from primitives.errors import InvalidInput
from primitives.shapes import ListOf, Nullable, OneOf, Text
from suitability.act import Act
from suitability.engine import redo_opinion
from suitability.rules.assessed import valid_level
from suitability.rules.identity import identified, not_ended
from suitability.rules.product import has_opinion, opinion_of, rating_of
from suitability.rules.second_person import second_person
from suitability.shapes import CODE, FEN, NAME
from suitability.subject import Application, Level, OpinionGiven, SubjectState, happened
from suitability.vocabulary import MISMATCHES

_BUSINESS = OneOf("OPEN", "BUY", "SELL")

CODES = {
    "NOT_APPLIED": Code(
        Words("无申请", "no application"), "business was decided on that the client did not apply for before"
    ),
    "OTHER_BUSINESS": Code(
        Words("与申请业务不符", "other business"),
        "business was decided on, or an agreement signed, whose kind or `product_id` (null included) is not the "
        "application's; or a second BIZ_APPLY under an `application_id` is for another kind or product",
    ),
    "HANDLED_AFTER_SIGNING": Code(
        Words("签署后才办理", "handled after signing"),
        "business was decided on after the agreement was signed",
        proves="SIGNED_LATE",
    ),
    "LEVEL_NOT_CONFIRMED": Code(
        Words("未确认等级", "level not confirmed"),
        "business was handled before the client confirmed the level",
        proves="NOT_CONFIRMED",
    ),
    "RISK_NOT_CONFIRMED": Code(
        Words("未确认风险", "risks not confirmed"),
        "a purchase was approved, and the risks were not confirmed",
        proves="NOT_CONFIRMED",
    ),
    "RISK_CONFIRM_STALE": Code(
        Words("风险确认已失效", "risk confirmation is stale"),
        "a purchase was approved, and the risks were not confirmed since the product was rated anew",
        proves="SIGNED_LATE",
    ),
    "SOLD_TO_MIN_CLASS": Code(
        Words("向最低类别客户销售", "sold to the minimum class"),
        "a purchase was approved (kind BUY, or OPEN that names a product) of what the minimum class may not hold; the "
        "opinion is made again, so that a forged match hides nothing",
    ),
    "SOLD_WITHOUT_WARNING": Code(
        Words("未警示即办理", "sold without warning"),
        "the same, of a mismatch without a warning before",
        proves="NOT_WARNED",
    ),
    "SOLD_WITHOUT_INSISTENCE": Code(
        Words("客户未坚持即办理", "sold without insistence"),
        "the same, of a mismatch that was not insisted on before",
        proves="NOT_CONFIRMED",
    ),
    "SOLD_WITHOUT_MATCH": Code(
        Words("不匹配仍办理", "sold without a match"), "the same, of what the opinion does not allow"
    ),
}


def _check_product(payload: Mapping[str, Any]) -> None:
    if payload["kind"] != "OPEN" and payload["product_id"] is None:
        raise InvalidInput("payload.product_id", "required", "must name the product that is bought or sold")


def _apply(state: SubjectState, act: Act) -> Iterator[Finding]:
    application = state.applications.get(act.details.get("application_id", ""))
    if application is None or application.applied_at is None:
        return
    stated = act.details.get("kind", application.kind), act.details.get("product_id", application.product_id)
    if stated != (application.kind, application.product_id):
        yield Finding(
            "OTHER_BUSINESS", "application.one-business", "the client applied for other business under this id"
        )


def _decide(state: SubjectState, act: Act) -> Iterator[Finding]:
    application = state.applications.get(act.details.get("application_id", ""))
    if application is None or application.applied_at is None or application.applied_at > act.at:
        yield Finding("NOT_APPLIED", "handling.applied", "the client did not apply before")
    elif "kind" in act.details and _business(act.details) != (application.kind, application.product_id):
        yield Finding("OTHER_BUSINESS", "handling.applied", "the decision is not on what the client applied for")
    if application is not None and application.signed_at is not None and application.signed_at < act.at:
        yield Finding("HANDLED_AFTER_SIGNING", "order.handled-before-signed", "the agreement was signed before")
    kind = act.details.get("kind", "BUY" if application is None else application.kind)
    if act.details.get("decision", "APPROVED") != "APPROVED" or kind == "SELL":
        return
    yield from valid_level(state, act)
    level = state.level_at(act.at)
    if level is not None and not happened(level.confirmed, act.at):
        yield Finding("LEVEL_NOT_CONFIRMED", "handling.level-confirmed", "the client had not confirmed the level")
    if kind == "BUY" or act.product_id is not None:  # a product is a purchase, whatever the business is called
        yield from _sale(state, act, level)


def _business(details: Mapping[str, Any]) -> tuple[Any, Any]:
    return details["kind"], details.get("product_id")


def _sale(state: SubjectState, act: Act, level: Level | None) -> Iterator[Finding]:
    yield from has_opinion(state, act)
    given, product_id = opinion_of(state, act), act.product_id
    if given is None or product_id is None:
        return
    rating = rating_of(act)
    same_level = level is not None and given.payload["level_ref"] == level.ref
    same_rating = rating is not None and given.payload["rating_ref"] == rating.ref
    if not same_level or not same_rating or given.ruleset != act.ruleset.label:
        yield Finding("OPINION_STALE", "handling.opinion", "the opinion is of another level, rating or rule set")
    yield from _mismatch(state, act, given, product_id)
    since = 0 if rating is None else rating.effective_from
    confirmed = state.track(product_id).confirmed
    if not happened(confirmed, act.at):
        yield Finding("RISK_NOT_CONFIRMED", "handling.risk-confirmed", "the client had not confirmed the risks")
    elif not happened(confirmed, act.at, since):
        yield Finding("RISK_CONFIRM_STALE", "handling.risk-confirmed", "the product was rated anew since")


def _mismatch(state: SubjectState, act: Act, given: OpinionGiven, product_id: str) -> Iterator[Finding]:
    # What the engine says counts, not what was written down: a forged MATCH must not hide a missing warning.
    code = redo_opinion(act.ruleset, given.payload, at_ms=given.at)["code"]
    track = state.track(product_id)
    if code == "FORBIDDEN_MIN":
        yield Finding("SOLD_TO_MIN_CLASS", "min-class.r1-only", "the minimum class may only hold R1")
    elif code in MISMATCHES:
        if not happened(track.warned, act.at, given.at):
            yield Finding("SOLD_WITHOUT_WARNING", "warning.before-handling", f"{code}, and no warning before")
        if not happened(track.insisted, act.at, given.at):
            yield Finding("SOLD_WITHOUT_INSISTENCE", "warning.before-handling", f"{code}, and no insistence before")
    elif code != "MATCH":
        yield Finding("SOLD_WITHOUT_MATCH", "handling.opinion", f"the opinion is {code}")


def _fold_application(state: SubjectState, fact: Fact) -> SubjectState:
    base = _known(state, fact)
    changed = replace(base, applied_at=fact.occurred_at) if base.applied_at is None else base
    return state.with_application(str(fact.payload["application_id"]), changed)


def _fold_decision(state: SubjectState, fact: Fact) -> SubjectState:
    changed = replace(
        _known(state, fact),
        decided_at=fact.occurred_at,
        decision=fact.payload["decision"],
        decision_ref=fact.ref,
        decision_keys=keys_of(fact.payload),
    )
    return state.with_application(str(fact.payload["application_id"]), changed)


def _known(state: SubjectState, fact: Fact) -> Application:
    known = state.applications.get(str(fact.payload["application_id"]))
    return Application(fact.payload["kind"], fact.payload["product_id"]) if known is None else known


TYPES: tuple[RecordType[SubjectState, Act], ...] = (
    RecordType(
        "BIZ_APPLY",
        Words("业务申请", "Application"),
        "application_id, kind (OPEN, BUY, SELL), product_id? (null for OPEN only), amount_fen",
        {"application_id": CODE, "kind": _BUSINESS, "product_id": Nullable(CODE), "amount_fen": FEN},
        spans=_check_product,
        rules=(not_ended, identified, _apply),
        fold=_fold_application,
        stage="handling",
    ),
    RecordType(
        "BIZ_DECIDE",
        Words("业务办理决定", "Decision"),
        "application_id, kind, product_id?, decision (APPROVED, REFUSED, STOPPED), checks [code], reviewer, reason?; "
        "optional countersigned [{key hex32, value}] ([staff.md](staff.md))",
        {
            "application_id": CODE,
            "kind": _BUSINESS,
            "product_id": Nullable(CODE),
            "decision": OneOf("APPROVED", "REFUSED", "STOPPED"),
            "checks": ListOf(CODE, 0, 50, unique=True),
            "reviewer": NAME,
            "reason": Nullable(Text(500)),
        },
        second_person=SecondPerson("reviewer", named="reviewer"),
        spans=_check_product,
        rules=(not_ended, _decide, second_person),
        fold=_fold_decision,
        stage="handling",
    ),
)
