"""The rules of conduct, one small function each: what an act breaks, seen from the state before it.

The same functions serve gates and facts. A gate that allows therefore promises that the same act, recorded in time,
carries no finding; a fact that breaks a rule is kept, with the finding. A rule that needs a field which a gate call
does not know yet says nothing there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from primitives.errors import InvalidInput
from primitives.timestamp import parse_time
from suitability.act import Act, Finding, product_of
from suitability.engine import differences, level_result, redo_opinion
from suitability.limits import joined, shopping, shopping_across, too_many
from suitability.questionnaire import accepted
from suitability.second_person_rules import second_person, signed_rating
from suitability.subject import Application, Level, OpinionGiven, Rating, SubjectState, happened
from suitability.vocabulary import MIN_LEVEL, MISMATCHES

__all__ = ["RULES", "Act", "Finding", "Rule", "product_of", "rating_of"]

Findings = Iterator[Finding]
Rule = Callable[[SubjectState, Act], Findings]


def rating_of(act: Act) -> Rating | None:
    """Return the broker's rating in force of the act's product (`Ratings.at`), wherever the records lie."""
    return None if act.product_id is None else act.ratings.get(act.product_id)


def _document(_: SubjectState, act: Act) -> Findings:
    end = act.details.get("valid_to")  # null: no end, as the long-term card of those over 46
    if end is not None and parse_time(end, "valid_to") <= act.at:
        yield Finding("DOCUMENT_EXPIRED", "identity.document-valid", f"the document had expired at {end}")


def _identified(state: SubjectState, act: Act) -> Findings:
    if not happened(state.identified, act.at):
        yield Finding("NOT_IDENTIFIED", "identity-first", "no document that was valid then was verified before")


def _not_ended(state: SubjectState, act: Act) -> Findings:
    if state.succeeded:  # by the order of the log: whoever holds the old key writes any time into what he signs
        yield Finding("IDENTITY_ENDED", "identity.succession", "another identity of this client took over before")


def _informed(state: SubjectState, act: Act) -> Findings:
    if not happened(state.informed, act.at) or not happened(state.noticed, act.at):
        yield Finding("NOT_INFORMED", "information-first", "information or the notice of duties is missing before")


def _submission(state: SubjectState, act: Act) -> Findings:
    yield from too_many(state, act)
    duration = act.details.get("duration_ms")
    if duration is not None and duration < act.ruleset.assessment.min_answer_ms:
        yield Finding("ANSWERED_TOO_FAST", "assessment.min-answer-ms", f"answered in {duration} ms")
    if act.details.get("declaration") is False:
        yield Finding("DECLARATION_MISSING", "assessment.declaration", "the client did not declare the answers true")
    if "form" in act.details:
        try:
            accepted(act.ruleset, act.details["form"])
        except InvalidInput as error:
            yield Finding("QUESTIONNAIRE_NOT_ACCEPTED", error.rule, error.detail)


def _ruleset(_: SubjectState, act: Act) -> Findings:
    if act.label != act.ruleset.label:
        yield Finding("RULESET_NOT_IN_FORCE", "ruleset.in-force", f"made under {act.label}, not {act.ruleset.label}")


def _level_result(state: SubjectState, act: Act) -> Findings:
    if "answers_ref" not in act.details:
        if not any(entry.at <= act.at for entry in state.submissions):
            yield Finding("NO_ANSWERS", "level.from-answers", "no answers were submitted before")
        return
    submitted = state.submission(act.details["answers_ref"])
    if submitted is None or submitted.at > act.at:
        yield Finding("NO_ANSWERS", "level.from-answers", "the answers that the level names were not submitted before")
        return
    if not act.full:
        return
    supersedes = act.details.get("supersedes")
    try:
        computed = level_result(
            act.ruleset,
            submitted.payload,
            answers_ref=submitted.ref,
            at_ms=submitted.at,
            supersedes=supersedes,
        )
    except InvalidInput as error:
        yield Finding("LEVEL_DIFFERS", "level.re-execution", f"cannot be computed from the answers: {error.detail}")
    else:
        changed = differences(act.details, computed)
        if changed:
            yield Finding("LEVEL_DIFFERS", "level.re-execution", f"re-execution differs in {', '.join(changed)}")
    yield from _level_history(state, act)


def _level_history(state: SubjectState, act: Act) -> Findings:
    begin = parse_time(act.details["valid_from"], "valid_from")
    end = parse_time(act.details["valid_to"], "valid_to")
    name = act.details["level"]
    superseded = {level.payload["supersedes"] for level in state.levels}
    for level in state.levels:
        overlaps = level.valid_from < end and begin < level.valid_to and level.name != name
        replaced = act.details.get("supersedes") == level.ref and level.valid_from < begin
        if overlaps and not replaced and level.ref not in superseded:
            yield Finding("TWO_LEVELS_VALID", "level.one-at-a-time", f"{level.name} and {name} would both be valid")
        yield from shopping(act, level, name, begin)
    yield from shopping_across(act, name, begin)


def _valid_level(state: SubjectState, act: Act) -> Findings:
    level = state.level_at(act.at)
    if level is None:
        yield Finding("NO_ASSESSMENT", "level.assessed", "the client was not assessed before")
    elif act.at >= level.valid_to:
        yield Finding("ASSESSMENT_EXPIRED", "assessment.validity", f"the level expired at {level.payload['valid_to']}")


def _level_confirm(state: SubjectState, act: Act) -> Findings:
    yield from _valid_level(state, act)
    level = state.level_at(act.at)
    if level is None:
        return
    shown = act.details.get("level_ref", level.ref), act.details.get("level", level.name)
    if shown != (level.ref, level.name):
        yield Finding("CONFIRMED_OTHER_LEVEL", "level.confirmed", f"the level in force is {level.name}")
    bought = [entry for entry in state.applications.values() if entry.kind != "SELL"]
    if _missed(bought, level.confirmed, level.valid_from, act.at):
        yield Finding("SIGNED_LATE", "level.confirmed-before-handling", "business was handled before the confirmation")


def _opinion(state: SubjectState, act: Act) -> Findings:
    if act.details.get("code") not in ("EXPIRED", "NO_ASSESSMENT"):
        yield from _valid_level(state, act)
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
    level = state.level_at(act.at)
    if _client_side(act.details) != _client_side_of(level):
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


def _given(state: SubjectState, act: Act) -> OpinionGiven | None:
    return None if act.product_id is None else state.opinion_at(act.product_id, act.at)


def _has_opinion(state: SubjectState, act: Act) -> Findings:
    given = _given(state, act)
    if given is None:
        yield Finding("NO_OPINION", "opinion.first", "no matching opinion on the product was given before")
    elif act.details.get("opinion_ref", given.ref) != given.ref:
        yield Finding("OPINION_STALE", "opinion.latest", "the act names an opinion that is not the latest")


def _warn(state: SubjectState, act: Act) -> Findings:
    yield from _has_opinion(state, act)
    if act.details.get("client_initiated") is False:
        yield Finding("PROMOTED_MISMATCH", "warning.client-initiated", "a product that does not match was promoted")
    yield from _after_sale(state, act, "warned", "WARNED_LATE")


def _insist(state: SubjectState, act: Act) -> Findings:
    yield from _has_opinion(state, act)
    given, product_id = _given(state, act), act.product_id
    if given is None or product_id is None:
        return
    if not happened(state.track(product_id).warned, act.at, given.at):
        yield Finding("INSISTED_WITHOUT_WARNING", "warning.before-insistence", "no warning came before")
    level = state.level_at(act.at)
    if given.code == "FORBIDDEN_MIN" or (level is not None and level.name == MIN_LEVEL):
        yield Finding("MIN_CLASS_INSISTED", "min-class.no-insistence", "the minimum class cannot insist")
    if given.code == "NOT_ADMITTED":
        yield Finding("NOT_ADMITTED", "admission", "who is not admitted cannot insist")
    if act.ruleset.max_gap is not None and given.payload["gap"] >= act.ruleset.max_gap:
        yield Finding("GAP_TOO_WIDE", "mismatch.max-gap", f"the gap is {given.payload['gap']} levels")
    age = max(state.submissions, key=lambda entry: entry.at).payload["screen"]["age"] if state.submissions else 0
    if act.ruleset.max_age is not None and age >= act.ruleset.max_age:
        yield Finding("TOO_OLD_TO_INSIST", "mismatch.max-age", "the broker stops insistence at this age")
    yield from _after_sale(state, act, "insisted", "SIGNED_LATE")


def _disclose(state: SubjectState, act: Act) -> Findings:
    yield from _has_opinion(state, act)
    given, product_id = _given(state, act), act.product_id
    if given is None or product_id is None or given.code not in MISMATCHES:
        return
    if not happened(state.track(product_id).insisted, act.at, given.at):
        yield Finding("MISMATCH_UNRESOLVED", "disclosure.after-insistence", "a mismatch was not insisted on before")


def _confirm_risk(state: SubjectState, act: Act) -> Findings:
    if act.product_id is None:
        return
    rating = rating_of(act)
    since = 0 if rating is None else rating.effective_from
    if not happened(state.track(act.product_id).disclosed, act.at, since):
        yield Finding("NOT_DISCLOSED", "disclosure.before-confirmation", "no disclosure under the rating in force")
    yield from _after_sale(state, act, "confirmed", "SIGNED_LATE")


def _after_sale(state: SubjectState, act: Act, step: str, code: str) -> Findings:
    """A step of the current opinion that is made up for after the product was handled without it."""
    given, product_id = _given(state, act), act.product_id
    if given is None or product_id is None:
        return
    sold = [entry for entry in state.applications.values() if entry.product_id == product_id and entry.kind != "SELL"]
    if _missed(sold, getattr(state.track(product_id), step), given.at, act.at):
        yield Finding(code, "order.before-handling", "the product was handled before this step")


def _missed(entries: list[Application], times: tuple[int, ...], since: int, at: int) -> bool:
    decided = [entry.decided_at for entry in entries if entry.decision == "APPROVED" and entry.decided_at is not None]
    return any(since <= time < at and not happened(times, time) for time in decided)


def _decide(state: SubjectState, act: Act) -> Findings:
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
    yield from _valid_level(state, act)
    level = state.level_at(act.at)
    if level is not None and not happened(level.confirmed, act.at):
        yield Finding("LEVEL_NOT_CONFIRMED", "handling.level-confirmed", "the client had not confirmed the level")
    if kind == "BUY" or act.product_id is not None:  # a product is a purchase, whatever the business is called
        yield from _sale(state, act, level)


def _apply(state: SubjectState, act: Act) -> Findings:
    application = state.applications.get(act.details.get("application_id", ""))
    if application is None or application.applied_at is None:
        return
    stated = act.details.get("kind", application.kind), act.details.get("product_id", application.product_id)
    if stated != (application.kind, application.product_id):
        yield Finding(
            "OTHER_BUSINESS", "application.one-business", "the client applied for other business under this id"
        )


def _business(details: Mapping[str, Any]) -> tuple[Any, Any]:
    return details["kind"], details.get("product_id")


def _sale(state: SubjectState, act: Act, level: Level | None) -> Findings:
    yield from _has_opinion(state, act)
    given, product_id = _given(state, act), act.product_id
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


def _mismatch(state: SubjectState, act: Act, given: OpinionGiven, product_id: str) -> Findings:
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


def _sign(state: SubjectState, act: Act) -> Findings:
    application = state.applications.get(act.details.get("application_id", ""))
    if application is None or application.decided_at is None or application.decided_at > act.at:
        yield Finding("SIGNED_BEFORE_HANDLING", "order.handled-before-signed", "the business was not handled before")
    elif application.decision != "APPROVED":
        yield Finding("SIGNED_AFTER_REFUSAL", "order.handled-before-signed", "the business was not approved")
    elif act.at - application.decided_at > act.ruleset.max_sign_delay_ms:
        late = act.at - application.decided_at
        yield Finding("SIGNED_LATE", "agreement.max-sign-delay-ms", f"signed {late} ms after the decision")
    if application is not None and act.details.get("product_id", application.product_id) != application.product_id:
        yield Finding("OTHER_BUSINESS", "agreement.applied", "the agreement is not on what the client applied for")
    if application is not None and application.signed_at is not None:
        yield Finding("SIGNED_AGAIN", "agreement.once", "an agreement on this application was signed before")
    if application is None or application.kind != "SELL":
        yield from _valid_level(state, act)


def _give(state: SubjectState, act: Act) -> Findings:
    if act.details.get("consent_id") in state.consents:
        yield Finding("CONSENT_REUSED", "consent.one-id", "the consent was given before")
    if "expires_at" in act.details and parse_time(act.details["expires_at"], "expires_at") <= act.at:
        yield Finding("CONSENT_EXPIRED", "consent.expiry", "the consent had expired when it was given")


def _withdraw(state: SubjectState, act: Act) -> Findings:
    consent = state.consents.get(act.details.get("consent_id", ""))
    if consent is None:
        yield Finding("CONSENT_UNKNOWN", "consent.given", "no such consent was given")
    elif consent.withdrawn_at is not None:
        yield Finding("CONSENT_ALREADY_WITHDRAWN", "consent.given", "the consent was withdrawn before")


def _use(state: SubjectState, act: Act) -> Findings:
    consent = state.consents.get(act.details.get("consent_id", ""))
    started = act.at if "started_at" not in act.details else parse_time(act.details["started_at"], "started_at")
    if consent is None or consent.given_at > started:
        yield Finding("USED_WITHOUT_CONSENT", "consent.before-use", "no consent was given before the use")
        return
    if consent.withdrawn_at is not None and consent.withdrawn_at <= started:
        yield Finding("CONSENT_WITHDRAWN", "consent.before-use", "the consent was withdrawn before the use")
    if consent.expires_at <= started:
        yield Finding("CONSENT_EXPIRED", "consent.expiry", "the consent had expired before the use")
    if act.details.get("purpose", consent.purpose) != consent.purpose:
        yield Finding("CONSENT_OTHER_PURPOSE", "consent.one-purpose", f"the consent is for {consent.purpose}")
    strangers = sorted(set(act.details.get("parties", ())) - {*consent.receivers, act.broker})
    if strangers:
        yield Finding("CONSENT_OTHER_RECEIVER", "consent.receivers", f"not a receiver: {', '.join(strangers)}")


_OF_TYPE: Mapping[str, tuple[Rule, ...]] = {
    "ID_VERIFY": (_document,),
    "ID_SUCCEED": (_identified, joined),
    "ID_SUCCEEDED": (),
    "INFO_COLLECT": (_identified,),
    "DUTY_NOTICE": (_identified,),
    "Q_SUBMIT": (_identified, _informed, _submission),
    "LEVEL_RESULT": (_ruleset, _level_result),
    "LEVEL_CONFIRM": (_level_confirm,),
    "PRODUCT_RATE": (second_person,),
    "MATCH_OPINION": (_ruleset, _opinion),
    "MISMATCH_WARN": (_warn,),
    "MISMATCH_INSIST": (_insist,),
    "RISK_DISCLOSE": (_disclose,),
    "RISK_CONFIRM": (_confirm_risk,),
    "BIZ_APPLY": (_identified, _apply),
    "BIZ_DECIDE": (_decide, second_person),
    "AGREEMENT_SIGN": (_sign,),
    "CONSENT_GIVE": (_identified, _give),
    "CONSENT_WITHDRAW": (_withdraw,),
    "DATA_USE": (_use,),
    "ACCESS_LOG": (second_person,),
    "CREDENTIAL_ISSUE": (),
    "CREDENTIAL_REVOKE": (),
    "STAFF_ENROL": (),
    "STAFF_END": (),
}
# What may still be recorded of an identity that has ended: who read it, that data was used before, what was taken back.
_AFTER_THE_END = frozenset({"PRODUCT_RATE", "ID_SUCCEEDED", "DATA_USE", "ACCESS_LOG", "CREDENTIAL_REVOKE"})

RULES: Mapping[str, tuple[Rule, ...]] = {
    code: rules if code in _AFTER_THE_END else (_not_ended, *rules) for code, rules in _OF_TYPE.items()
}
"""The rules of each record type, in the order in which a gate names the first that is broken."""
