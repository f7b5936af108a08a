"""The client's level: what the engine computed from the answers, and that the client confirmed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from domain.fact import Fact
from domain.finding import Code, Finding
from domain.record_type import RecordType
from domain.words import Words
from primitives.errors import InvalidInput
from primitives.shapes import Integer, ListOf, MapOf, Nullable, Text, Time
from primitives.timestamp import parse_time
from suitability.act import Act
from suitability.engine import differences, level_result
from suitability.rules.assessed import ruleset_in_force, valid_level
from suitability.rules.identity import not_ended
from suitability.rules.limits import shopping, shopping_across
from suitability.rules.product import handled_without, late
from suitability.shapes import CODE, DIGEST, KINDS, LEVEL, TERM, VERSIONED
from suitability.subject import SubjectState, Submission, earliest

CODES = {
    "NO_ANSWERS": Code(
        Words("无问卷答案", "no answers"), "a level names answers that are not there", proves="NEVER_TESTED"
    ),
    "LEVEL_DIFFERS": Code(Words("等级重算不一致", "level differs"), "re-execution gives another level"),
    "TWO_LEVELS_VALID": Code(
        Words("两个等级同时有效", "two levels valid"),
        "another level is valid at the same time and is not named as superseded",
    ),
    "CONFIRMED_OTHER_LEVEL": Code(
        Words("确认了其他等级", "another level confirmed"), "the level confirmed is not the one in force"
    ),
}


def _check_validity(payload: Mapping[str, Any]) -> None:
    if parse_time(payload["valid_to"], "payload.valid_to") <= parse_time(payload["valid_from"], "payload.valid_from"):
        raise InvalidInput("payload.valid_to", "order", "must lie after valid_from")


def _result(state: SubjectState, act: Act) -> Iterator[Finding]:
    if "answers_ref" not in act.details:
        if not any(at <= act.at for at in state.submitted):
            yield Finding("NO_ANSWERS", "level.from-answers", "no answers were submitted before")
        return
    submitted = state.submissions.get(act.details["answers_ref"])
    if submitted is None or submitted.at > act.at:
        yield Finding("NO_ANSWERS", "level.from-answers", "the answers that the level names were not submitted before")
        return
    if not act.full:
        return
    yield from _recomputed(act, submitted)
    yield from _history(state, act)


def _recomputed(act: Act, submitted: Submission) -> Iterator[Finding]:
    try:
        computed = level_result(
            act.ruleset,
            submitted.payload,
            answers_ref=submitted.ref,
            at_ms=submitted.at,
            supersedes=act.details.get("supersedes"),
        )
    except InvalidInput as error:
        yield Finding("LEVEL_DIFFERS", "level.re-execution", f"cannot be computed from the answers: {error.detail}")
    else:
        changed = differences(act.details, computed)
        if changed:
            yield Finding("LEVEL_DIFFERS", "level.re-execution", f"re-execution differs in {', '.join(changed)}")


def _history(state: SubjectState, act: Act) -> Iterator[Finding]:
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


def _confirmed(state: SubjectState, act: Act) -> Iterator[Finding]:
    yield from valid_level(state, act)
    level = state.level_at(act.at)
    if level is None:
        return
    shown = act.details.get("level_ref", level.ref), act.details.get("level", level.name)
    if shown != (level.ref, level.name):
        yield Finding("CONFIRMED_OTHER_LEVEL", "level.confirmed", f"the level in force is {level.name}")
    if handled_without(state.first_bought(level.valid_from), level.confirmed, act.at):
        yield late("level.confirmed-before-handling", "business was handled before the confirmation")


def _fold_result(state: SubjectState, fact: Fact) -> SubjectState:
    return state.with_level(fact.ref, fact.payload, fact.ruleset)


def _fold_confirmation(state: SubjectState, fact: Fact) -> SubjectState:
    levels = tuple(
        replace(level, confirmed=earliest(level.confirmed, fact.occurred_at))
        if (level.ref, level.name) == (fact.payload["level_ref"], fact.payload["level"])
        else level
        for level in state.levels
    )
    return replace(state, levels=levels)


_SCORES = MapOf(Text(40), Integer(0, 1000), 1, 40)

_LEVEL_CONFIRM_1 = {
    "format": "bonafides.document/1",
    "id": "level-confirm",
    "version": "1",
    "type": "LEVEL_CONFIRM",
    "values": ["broker", "level", "total", "valid_to", "ruleset"],
    "text": {
        "zh": [
            "风险承受能力评估结果告知与确认",
            "证券公司：{broker}",
            "您的问卷得分为 {total} 分，风险承受能力等级为 {level}。",
            "本结果按规则 {ruleset} 得出，有效期至 {valid_to}；到期或情况有重大变化时，需要重新评估。",
            "本人确认：回答真实、准确、完整，已知悉并认可上述等级。",
        ],
        "en": [
            "Notice and confirmation of the assessed risk level",
            "Broker: {broker}",
            "Your answers score {total} points; your level is {level}.",
            "The result follows the rules {ruleset} and is valid until {valid_to}. When it expires, or when your "
            "situation changes materially, a new assessment is due.",
            "I confirm that my answers are true, accurate and complete, and that I have taken note of this level "
            "and accept it.",
        ],
    },
}

TYPES: tuple[RecordType[SubjectState, Act], ...] = (
    RecordType(
        "LEVEL_RESULT",
        Words("评级结果", "Level computed"),
        "form, answers_ref ref, dims {name: int}, total, level, overrides [code], checks [code], horizon, types, "
        "valid_from, valid_to time, supersedes? ref, engine_digest hex32",
        {
            "form": VERSIONED,
            "answers_ref": DIGEST,
            "dims": _SCORES,
            "total": Integer(0, 1000),
            "level": LEVEL,
            "overrides": ListOf(CODE, 0, 20, unique=True),
            "checks": ListOf(CODE, 0, 20, unique=True),
            "horizon": TERM,
            "types": KINDS,
            "valid_from": Time(),
            "valid_to": Time(),
            "supersedes": Nullable(DIGEST),
            "engine_digest": DIGEST,
        },
        spans=_check_validity,
        rules=(not_ended, ruleset_in_force, _result),
        fold=_fold_result,
        stage="assessment",
        summary=("level", "total"),
    ),
    RecordType(
        "LEVEL_CONFIRM",
        Words("客户确认等级", "Level confirmed by the client"),
        "level_ref ref, level",
        {"level_ref": DIGEST, "level": LEVEL},
        signer="client",
        rules=(not_ended, _confirmed),
        fold=_fold_confirmation,
        stage="assessment",
        texts=(_LEVEL_CONFIRM_1,),
    ),
)
