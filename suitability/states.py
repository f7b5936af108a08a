"""Gates and facts: may this be done now, and what did that which happened break?

`gate` refuses an act that would break a rule. `apply` never refuses: it folds the fact into the state and returns what
it broke. Both ask suitability.rules; recording in time is a matter of facts only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from primitives.timestamp import parse_time
from suitability.act import Act, Finding
from suitability.line import NONE_BEFORE, Before, Find, identities_before, nobody
from suitability.records import check_details, check_type
from suitability.rules import RULES, rating_of
from suitability.ruleset import RuleSet
from suitability.second_person import Reliance, keys_of
from suitability.subject import (
    Application,
    Consent,
    Level,
    OpinionGiven,
    Rating,
    SubjectState,
    Submission,
)

__all__ = ["Fact", "Finding", "Gate", "Rating", "SubjectState", "apply", "broken", "fold", "folds_unseen", "gate"]

ALLOWED = "ALLOWED"
_NO_RATINGS: Mapping[str, Rating] = {}


@dataclass(frozen=True)
class Fact:
    """What happened. The payload has passed `records.check_payload`; times are milliseconds.

    `ref` is the record's fingerprint (hex); `ruleset` the label in its envelope, None where none applies; `broker` the
    DID of the member whose record it is: the client's own broker needs no leave to be among the parties of a use.
    """

    type: str
    payload: Mapping[str, Any] = field(repr=False)
    occurred_at: int
    recorded_at: int
    channel: str
    ref: str
    ruleset: str | None = None
    broker: str | None = None


@dataclass(frozen=True)
class Gate:
    """The answer to "may this be done now": yes, or no with the first broken rule's code and reason.

    `relied_on` are the rating and the decision that the act rests on, with who signed them. `not_asked` says what the
    limits over time did not see; it is empty where they saw all.
    """

    allowed: bool
    code: str
    reason: str
    relied_on: tuple[Reliance, ...] = ()
    not_asked: str = ""


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
    asked = Act(act, known, at_ms, ruleset, ratings, ruleset.label, broker, before.states)
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


def apply(
    state: SubjectState,
    fact: Fact,
    ruleset: RuleSet,
    ratings: Mapping[str, Rating] = _NO_RATINGS,
    before: Before = NONE_BEFORE,
) -> tuple[SubjectState, tuple[Finding, ...]]:
    """Fold a fact into the state and return what it broke.

    Args:
        state: what was known before.
        fact: what happened.
        ruleset: the rule set in force when it happened.
        ratings: the broker's ratings in force when it happened, by product.
        before: the client's identities before, as `identities_before` found them for this fact and this rule set.
    """
    return fold(state, fact), broken(state, fact, ruleset, ratings, before)


def broken(
    state: SubjectState,
    fact: Fact,
    ruleset: RuleSet,
    ratings: Mapping[str, Rating] = _NO_RATINGS,
    before: Before = NONE_BEFORE,
) -> tuple[Finding, ...]:
    """Return what a fact breaks, seen from the state before it; arguments as in `apply`."""
    check_type(fact.type)
    label = ruleset.label if fact.ruleset is None else fact.ruleset
    act = Act(fact.type, fact.payload, fact.occurred_at, ruleset, ratings, label, fact.broker, before.states)
    return tuple(dict.fromkeys((*_broken(state, act), *_recorded(fact, ruleset))))  # a finding is said once


def fold(state: SubjectState, fact: Fact) -> SubjectState:
    """Return what is known after a fact; no rule set has a say in that."""
    return _FOLDS[check_type(fact.type).code](state, fact)


def folds_unseen(type_: str, shown: Mapping[str, Any]) -> bool:
    """Tell whether a record is folded the same whatever the rest of its payload; an unknown type changes nothing."""
    if type_ == "ID_VERIFY":
        return "valid_to" in shown
    return type_ not in _FOLDS or _FOLDS[type_] in _UNSEEN


def _broken(state: SubjectState, act: Act) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(finding for rule in RULES[act.type] for finding in rule(state, act)))


def _recorded(fact: Fact, ruleset: RuleSet) -> tuple[Finding, ...]:
    delay = fact.recorded_at - fact.occurred_at
    if delay > ruleset.max_delay_ms[fact.channel]:
        return (Finding("RECORDED_LATE", "recording.max-delay-ms", f"recorded {delay} ms after it happened"),)
    if -delay > ruleset.max_ahead_ms:
        return (Finding("RECORDED_EARLY", "recording.max-ahead-ms", f"recorded {-delay} ms before it happened"),)
    return ()


def _keep(state: SubjectState, _: Fact) -> SubjectState:
    return state


def _fold_times(name: str) -> Callable[[SubjectState, Fact], SubjectState]:
    def fold(state: SubjectState, fact: Fact) -> SubjectState:
        times: tuple[int, ...] = getattr(state, name)
        return replace(state, **{name: (*times, fact.occurred_at)})  # type: ignore[arg-type]  # one of two time lists

    return fold


def _fold_identity(state: SubjectState, fact: Fact) -> SubjectState:
    """An expired document identifies nobody: the gates stay shut."""
    end = fact.payload["valid_to"]
    if end is not None and parse_time(end, "valid_to") <= fact.occurred_at:
        return state
    return replace(state, identified=(*state.identified, fact.occurred_at))


def _fold_track(name: str) -> Callable[[SubjectState, Fact], SubjectState]:
    def fold(state: SubjectState, fact: Fact) -> SubjectState:
        product_id = str(fact.payload["product_id"])
        track = state.track(product_id)
        times: tuple[int, ...] = getattr(track, name)
        changed = replace(track, **{name: (*times, fact.occurred_at)})  # type: ignore[arg-type]  # one of four time lists
        return replace(state, tracks={**state.tracks, product_id: changed})

    return fold


def _fold_submission(state: SubjectState, fact: Fact) -> SubjectState:
    return replace(state, submissions=(*state.submissions, Submission(fact.ref, fact.occurred_at, fact.payload)))


def _fold_level(state: SubjectState, fact: Fact) -> SubjectState:
    return replace(state, levels=(*state.levels, Level(fact.ref, fact.payload, fact.ruleset)))


def _fold_confirmation(state: SubjectState, fact: Fact) -> SubjectState:
    levels = tuple(
        replace(level, confirmed=(*level.confirmed, fact.occurred_at))
        if (level.ref, level.name) == (fact.payload["level_ref"], fact.payload["level"])
        else level
        for level in state.levels
    )
    return replace(state, levels=levels)


def _fold_rating(state: SubjectState, fact: Fact) -> SubjectState:
    return replace(state, ratings=(*state.ratings, Rating(fact.ref, fact.payload)))


def _fold_opinion(state: SubjectState, fact: Fact) -> SubjectState:
    product_id = str(fact.payload["product"]["id"])
    track = state.track(product_id)
    given = OpinionGiven(fact.ref, fact.occurred_at, fact.ruleset, fact.payload)
    return replace(state, tracks={**state.tracks, product_id: replace(track, opinions=(*track.opinions, given))})


def _fold_application(state: SubjectState, fact: Fact) -> SubjectState:
    key = str(fact.payload["application_id"])
    known = state.applications.get(key)
    if fact.type == "BIZ_APPLY":
        base = Application(fact.payload["kind"], fact.payload["product_id"]) if known is None else known
        changed = replace(base, applied_at=fact.occurred_at) if base.applied_at is None else base
    elif fact.type == "BIZ_DECIDE":
        base = Application(fact.payload["kind"], fact.payload["product_id"]) if known is None else known
        decision = {"decision": fact.payload["decision"], "decision_ref": fact.ref}
        changed = replace(base, decided_at=fact.occurred_at, **decision, decision_keys=keys_of(fact.payload))
    else:
        base = Application("BUY", fact.payload["product_id"]) if known is None else known
        changed = replace(base, signed_at=fact.occurred_at)
    return replace(state, applications={**state.applications, key: changed})


def _fold_consent(state: SubjectState, fact: Fact) -> SubjectState:
    key = str(fact.payload["consent_id"])
    if key in state.consents or state.succeeded:  # a reused id revives and widens nothing, an ended identity gives none
        return state
    given = Consent(
        purpose=fact.payload["purpose"],
        receivers=tuple(fact.payload["receivers"]),
        given_at=fact.occurred_at,
        expires_at=parse_time(fact.payload["expires_at"], "expires_at"),
    )
    return replace(state, consents={**state.consents, key: given})


def _fold_tie(state: SubjectState, fact: Fact) -> SubjectState:
    """This identity took over from another; that it did so is known even where a record does not show from whom."""
    pid = fact.payload.get("predecessor")
    return state if pid in state.succeeds else replace(state, succeeds=(*state.succeeds, pid))


def _fold_end(state: SubjectState, fact: Fact) -> SubjectState:
    """Another identity took over: what the old one consented to ends."""
    ended = {
        key: consent if consent.withdrawn_at is not None else replace(consent, withdrawn_at=fact.occurred_at)
        for key, consent in state.consents.items()
    }
    return replace(state, consents=ended, succeeded=(*state.succeeded, fact.occurred_at))


def _fold_withdrawal(state: SubjectState, fact: Fact) -> SubjectState:
    key = str(fact.payload["consent_id"])
    known = state.consents.get(key)
    if known is None or known.withdrawn_at is not None:
        return state
    at = min(fact.occurred_at, parse_time(fact.payload["effective_at"], "effective_at"))  # never later than at once
    return replace(state, consents={**state.consents, key: replace(known, withdrawn_at=at)})


_INFORMED, _NOTICED = (_fold_times(name) for name in ("informed", "noticed"))
_UNSEEN = (_keep, _INFORMED, _NOTICED, _fold_end, _fold_tie)  # they need no payload
_FOLDS: Mapping[str, Callable[[SubjectState, Fact], SubjectState]] = {
    "ID_VERIFY": _fold_identity,
    "ID_SUCCEED": _fold_tie,
    "ID_SUCCEEDED": _fold_end,
    "INFO_COLLECT": _INFORMED,
    "DUTY_NOTICE": _NOTICED,
    "Q_SUBMIT": _fold_submission,
    "LEVEL_RESULT": _fold_level,
    "LEVEL_CONFIRM": _fold_confirmation,
    "PRODUCT_RATE": _fold_rating,
    "MATCH_OPINION": _fold_opinion,
    "MISMATCH_WARN": _fold_track("warned"),
    "MISMATCH_INSIST": _fold_track("insisted"),
    "RISK_DISCLOSE": _fold_track("disclosed"),
    "RISK_CONFIRM": _fold_track("confirmed"),
    "BIZ_APPLY": _fold_application,
    "BIZ_DECIDE": _fold_application,
    "AGREEMENT_SIGN": _fold_application,
    "CONSENT_GIVE": _fold_consent,
    "CONSENT_WITHDRAW": _fold_withdrawal,
    "DATA_USE": _keep,
    "ACCESS_LOG": _keep,
    "CREDENTIAL_ISSUE": _keep,
    "CREDENTIAL_REVOKE": _keep,
    "STAFF_ENROL": _keep,
    "STAFF_END": _keep,
}
