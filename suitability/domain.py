"""The suitability domain: what is owed to a client before and while a product is sold (docs/spec/suitability.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from domain.comparison import Comparison, Resolve
from domain.domain import Domain, Judgement, Surroundings
from domain.entries import FindEntry
from domain.fact import Fact
from domain.finding import Finding
from domain.gate import Gate
from domain.house import HouseRules
from domain.words import Words
from primitives.errors import Refused
from primitives.shapes import Boolean, Fields, Line, OneOf
from suitability import states
from suitability.act import product_of
from suitability.claims import CLAIMS
from suitability.engine import level_result, match_opinion
from suitability.line import COUNTED, identities_before
from suitability.ratings import Ratings
from suitability.records import CODES, RECORD_TYPES, STAFF_ACTS
from suitability.replay import re_execute
from suitability.ruleset import FORMAT, RuleSet, packaged_rulesets
from suitability.subject import SubjectState
from suitability.subject_json import entries_to_json, reading, state_from_json, state_to_json, written
from suitability.wording import VOCABULARY

_STAGES = {
    "assessment": Words("测评", "Assessment"),
    "risk": Words("风险确认", "Risk confirmation"),
    "handling": Words("业务办理", "Handling"),
    "signing": Words("协议签署", "Signing"),
}
_COMPUTES = {
    "LEVEL_RESULT": Fields({}),
    "MATCH_OPINION": Fields({"product_id": Line(300)}, {"admitted": Boolean()}),
}
_STAFF_ACT = OneOf(*STAFF_ACTS)
Seen = Surroundings[SubjectState, Ratings]


class Suitability(Domain[SubjectState, RuleSet, Ratings]):
    """Identity, assessment, matching, warning, consent: the record types of `suitability.records`."""

    name = "suitability"
    types = RECORD_TYPES
    codes = CODES
    stages = _STAGES
    claims = CLAIMS
    ruleset_format = FORMAT
    computes = _COMPUTES
    house_rules = HouseRules(
        types=frozenset({"PRODUCT_RATE"}),
        noun="rating",
        not_shown=Finding("RATING_NOT_SHOWN", "opinion.rating", "the rating that it rests on is not shown"),
        not_derived=Finding(
            "RATING_NOT_DERIVED",
            "rating.subject",
            "its rating lies on a pseudonym that is not derived from the product: other ratings of it may not be shown",
        ),
    )
    counted = COUNTED
    vocabulary = VOCABULARY

    def read_ruleset(self, document: object) -> RuleSet:
        """Check a parsed rule-set document, and that the types of which it asks a second person take one."""
        ruleset = RuleSet.from_document(document)
        for code in ruleset.second_person:
            _STAFF_ACT.read(code, "second_person key")
        return ruleset

    def packaged_rulesets(self) -> Mapping[str, RuleSet]:
        """Return the rule sets that travel with the product."""
        return packaged_rulesets()

    def start(self) -> SubjectState:
        """Return the state of a client of whom nothing is recorded."""
        return SubjectState()

    def state_to_json(self, state: SubjectState) -> dict[str, Any]:
        """Return a state as a JSON object."""
        return state_to_json(state)

    def entries_to_json(self, state: SubjectState) -> dict[str, Any]:
        """Return the entries that have changed."""
        return entries_to_json(state)

    def state_from_json(self, document: object) -> SubjectState:
        """Read a state."""
        return state_from_json(document)

    def reading(self, state: SubjectState, find: FindEntry) -> SubjectState:
        """Return a state whose entries are found by `find`."""
        return reading(state, find)

    def written(self, state: SubjectState) -> SubjectState:
        """Return a state whose entries were written."""
        return written(state)

    def empty_house(self) -> Ratings:
        """Return no ratings."""
        return Ratings()

    def thing_of(self, payload: Mapping[str, Any]) -> str | None:
        """Return the product that a payload is about."""
        return product_of(payload)

    def named_house_record(self, type_: str, payload: Mapping[str, Any]) -> str | None:
        """Return the rating that an opinion names."""
        return str(payload.get("rating_ref")) if type_ == "MATCH_OPINION" else None

    def gate(
        self, state: SubjectState, act: str, at_ms: int, ruleset: RuleSet, details: Mapping[str, Any], seen: Seen
    ) -> Gate:
        """Say whether an act is allowed now (`suitability.states.gate`)."""
        return states.gate(
            state,
            act,
            at_ms=at_ms,
            ruleset=ruleset,
            details=details,
            ratings=seen.house.at(product_of(details), at_ms),
            broker=seen.broker,
            find=seen.find,
        )

    def judge(self, state: SubjectState, fact: Fact, ruleset: RuleSet, seen: Seen) -> Judgement:
        """Return what a fact breaks, limits over time counted across the client's identities."""
        before = identities_before(state, fact.type, fact.payload, ruleset, seen.find)
        ratings = seen.house.at(product_of(fact.payload), fact.occurred_at)
        return Judgement(states.broken(state, fact, ruleset, ratings, before), before.reason, tuple(before.found))

    def compute(
        self, state: SubjectState, type_: str, asked: Mapping[str, Any], at_ms: int, ruleset: RuleSet, house: Ratings
    ) -> dict[str, Any]:
        """State a level from the last answers, or an opinion from the level and the rating in force."""
        return _level(state, ruleset) if type_ == "LEVEL_RESULT" else _opinion(state, asked, at_ms, ruleset, house)

    def re_execute(self, facts: Iterable[Fact], resolve: Resolve) -> tuple[Comparison, ...]:
        """Compute every level and every opinion again."""
        return re_execute(facts, resolve)

    def known_fields(self, type_: str, state: SubjectState, now_ms: int) -> dict[str, Any]:
        """Return the level that a confirmation is of."""
        level = state.level_at(now_ms)
        return {"level_ref": level.ref, "level": level.name} if type_ == "LEVEL_CONFIRM" and level is not None else {}

    def known_values(
        self, state: SubjectState, fields: Mapping[str, Any], house: Ratings, now_ms: int
    ) -> dict[str, Any]:
        """Return what the records tell about the level, the opinion and the product that the fields name."""
        values: dict[str, Any] = {}
        level = state.level(str(fields.get("level_ref")))
        if level is not None:
            values |= {"level": level.name, "total": level.payload["total"], "valid_to": level.payload["valid_to"]}
        named = fields.get("product_id")
        for product_id, rating in house.at(named if isinstance(named, str) else None, now_ms).items():
            values |= {"product": f"{rating.payload['name']} ({product_id})", "risk": rating.payload["product"]["risk"]}
            opinions = state.track(product_id).opinions
            if opinions:
                payload = state.opinions.known(opinions[-1].ref).payload
                values |= {"code": payload["code"], "gap": payload["gap"], "level": payload["level"] or "-"}
        consent = state.consents.get(str(fields.get("consent_id")))
        if consent is not None:
            values["purpose"] = consent.purpose
        if "contract_version" in fields:
            values["contract"] = fields["contract_version"]
        return values


def _level(state: SubjectState, ruleset: RuleSet) -> dict[str, Any]:
    if state.last is None:
        raise Refused("compute-inputs-not-found", "compute: the subject has submitted no questionnaire")
    submitted = state.submissions.known(state.last)
    return level_result(
        ruleset,
        submitted.payload,
        answers_ref=submitted.ref,
        at_ms=submitted.at,
        supersedes=state.levels[-1].ref if state.levels else None,
    )


def _opinion(
    state: SubjectState, asked: Mapping[str, Any], at_ms: int, ruleset: RuleSet, house: Ratings
) -> dict[str, Any]:
    product_id = str(asked["product_id"])
    rating = house.at(product_id, at_ms).get(product_id)
    if rating is None:
        raise Refused("compute-inputs-not-found", "compute.product_id: no rating of this product is in force")
    level = state.level_at(at_ms)
    return match_opinion(
        ruleset,
        None if level is None else state.results.known(level.ref),
        rating.payload,
        level_ref=None if level is None else level.ref,
        rating_ref=rating.ref,
        at_ms=at_ms,
        admitted=bool(asked.get("admitted", True)),
    )


SUITABILITY = Suitability()
