"""The client's answers to a questionnaire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from domain.fact import Fact
from domain.finding import Code, Finding
from domain.record_type import RecordType
from domain.words import Words
from primitives.errors import InvalidInput
from primitives.shapes import Boolean, Fields, Integer, ListOf, MapOf, Nullable, Text
from suitability.act import Act
from suitability.questionnaire import accepted, check_answers, packaged_questionnaires
from suitability.rules.identity import identified, not_ended
from suitability.rules.limits import too_many
from suitability.shapes import MILLISECONDS, VERSIONED
from suitability.subject import SubjectState, Submission, happened

_LETTERS = ListOf(Text(1, pattern="[A-Z]"), 1, 26, unique=True)
_ITEM = Text(20, pattern=r"Q[0-9]+")
_SCREEN = Fields({"age": Integer(0, 150), "incapacity": Boolean(), "no_loss": Nullable(Boolean())})

CODES = {
    "NOT_INFORMED": Code(
        Words("未告知或未采集", "not informed"), "information or the notice of duties is missing before the answers"
    ),
    "ANSWERED_TOO_FAST": Code(
        Words("作答过快", "answered too fast"), "the answers took less time than the rule set asks"
    ),
    "DECLARATION_MISSING": Code(
        Words("未作声明", "declaration missing"), "the client did not declare the answers true"
    ),
    "QUESTIONNAIRE_NOT_ACCEPTED": Code(
        Words("问卷版本不被接受", "questionnaire not accepted"),
        "the rule set does not know the questionnaire's version",
    ),
}


def _check_answers(payload: Mapping[str, Any]) -> None:
    questionnaire = packaged_questionnaires().get(payload["form"])
    if questionnaire is None:
        raise InvalidInput("payload.form", "questionnaire-version", "is not a known questionnaire version")
    check_answers(questionnaire, payload["answers"], "payload.answers")


def _informed(state: SubjectState, act: Act) -> Iterator[Finding]:
    if not happened(state.informed, act.at) or not happened(state.noticed, act.at):
        yield Finding("NOT_INFORMED", "information-first", "information or the notice of duties is missing before")


def _submission(state: SubjectState, act: Act) -> Iterator[Finding]:
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


def _fold(state: SubjectState, fact: Fact) -> SubjectState:
    return state.with_submission(Submission(fact.ref, fact.occurred_at, fact.payload))


TYPES: tuple[RecordType[SubjectState, Act], ...] = (
    RecordType(
        "Q_SUBMIT",
        Words("提交问卷", "Questionnaire submitted"),
        "form, answers {Qn: [option]}, screen {age, incapacity, no_loss?}, duration_ms, declaration; optional "
        "order_shown [Qn]",
        {
            "form": VERSIONED,
            "answers": MapOf(_ITEM, _LETTERS, 1, 100),
            "screen": _SCREEN,
            "duration_ms": MILLISECONDS,
            "declaration": Boolean(),
        },
        {"order_shown": ListOf(_ITEM, 1, 100, unique=True)},
        spans=_check_answers,
        rules=(not_ended, identified, _informed, _submission),
        fold=_fold,
        stage="assessment",
    ),
)
