"""Gates and facts: may this be done now, and what did that which happened break?

`gate` refuses an act that would break a rule. `broken` never refuses: it returns what a fact broke. Both ask the rules
of the record type; recording in time is a matter of facts only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from domain.fact import Fact
from domain.finding import Finding
from domain.gate import ALLOWED, Gate, Reliance
from domain.second_person import keys_of
from suitability.act import Act
from suitability.line import NONE_BEFORE, Before, Find, identities_before, nobody
from suitability.records import RECORD_TYPES, check_details, check_type
from suitability.rules.product import rating_of
from suitability.rules.recording import recorded_in_time
from suitability.ruleset import RuleSet
from suitability.subject import Application, Rating, SubjectState

_NO_RATINGS: Mapping[str, Rating] = {}


def gate(
    state: SubjectState,
    act: str,
    *,
    at_ms: int,
    ruleset: RuleSet,
    details: Mapping[str, Any],
    ratings: Mapping[str, Rating] = _NO_RATINGS,
    broker: str | None = None,
    find: Find = nobody,
) -> Gate:
    """Say whether an act is allowed now.

    Args:
        state: what is known of the client.
        act: the record type of the act.
        at_ms: now.
        ruleset: the rule set in force.
        details: what is known of the payload; the more, the more rules can speak. A product act names `product_id`.
        ratings: the broker's ratings in force, by product.
        broker: the broker's DID.
        find: the states of the client's identities before.

    Raises:
        InvalidInput: `act` is no record type, or a detail is not a well-formed field of its payload.
    """
    known = check_details(act, details)
    application = state.applications.get(known.get("application_id", ""))
    if application is not None and "product_id" not in known:
        known["product_id"] = application.product_id
    before = identities_before(state, act, known, ruleset, find)
    asked = Act(act, known, _full(act, known), at_ms, ruleset, ratings, ruleset.label, broker, before.states)
    relied_on = tuple(_relied_on(asked, application))
    for finding in _broken(state, asked):
        return Gate(False, finding.code, finding.detail, relied_on, before.reason)
    return Gate(True, ALLOWED, "no rule speaks against it", relied_on, before.reason)


def _relied_on(act: Act, application: Application | None) -> Iterator[Reliance]:
    rating = rating_of(act)
    if rating is not None:
        yield Reliance("PRODUCT_RATE", rating.ref, keys_of(rating.payload))
    if act.type == "AGREEMENT_SIGN" and application is not None and application.decision_ref is not None:
        yield Reliance("BIZ_DECIDE", application.decision_ref, application.decision_keys)


def broken(
    state: SubjectState,
    fact: Fact,
    ruleset: RuleSet,
    ratings: Mapping[str, Rating] = _NO_RATINGS,
    before: Before = NONE_BEFORE,
) -> tuple[Finding, ...]:
    """Return what a fact breaks, seen from the state before it.

    Args:
        state: what was known before.
        fact: what happened.
        ruleset: the rule set in force when it happened.
        ratings: the broker's ratings in force when it happened, by product.
        before: the client's identities before, as `identities_before` found them for this fact and this rule set.
    """
    check_type(fact.type)
    label = ruleset.label if fact.ruleset is None else fact.ruleset
    full = _full(fact.type, fact.payload)
    act = Act(fact.type, fact.payload, full, fact.occurred_at, ruleset, ratings, label, fact.broker, before.states)
    return tuple(dict.fromkeys((*_broken(state, act), *recorded_in_time(fact, ruleset))))  # a finding is said once


def _full(type_: str, known: Mapping[str, Any]) -> bool:
    return all(name in known for name in RECORD_TYPES[type_].fields)


def _broken(state: SubjectState, act: Act) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(finding for rule in RECORD_TYPES[act.type].rules for finding in rule(state, act)))
