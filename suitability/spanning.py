"""What a payload must satisfy beyond its single fields: rules that span several of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from primitives.errors import InvalidInput
from primitives.timestamp import parse_time
from suitability.questionnaire import check_answers, packaged_questionnaires


def _check_business(payload: Mapping[str, Any]) -> None:
    if payload["kind"] != "OPEN" and payload["product_id"] is None:
        raise InvalidInput("payload.product_id", "required", "must name the product that is bought or sold")


def _check_submission(payload: Mapping[str, Any]) -> None:
    questionnaire = packaged_questionnaires().get(payload["form"])
    if questionnaire is None:
        raise InvalidInput("payload.form", "questionnaire-version", "is not a known questionnaire version")
    check_answers(questionnaire, payload["answers"], "payload.answers")


def _check_level(payload: Mapping[str, Any]) -> None:
    if parse_time(payload["valid_to"], "payload.valid_to") <= parse_time(payload["valid_from"], "payload.valid_from"):
        raise InvalidInput("payload.valid_to", "order", "must lie after valid_from")


def _check_opinion(payload: Mapping[str, Any]) -> None:
    for name in ("level_ref", "level_valid_to", "horizon", "types"):
        if (payload[name] is None) != (payload["level"] is None):
            raise InvalidInput(f"payload.{name}", "together", "is null exactly where the level is")


def _check_consent(payload: Mapping[str, Any]) -> None:
    if not payload["separate"]:
        raise InvalidInput("payload.separate", "separate-consent", "a consent to share is given separately")


SPANNING: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "BIZ_APPLY": _check_business,
    "BIZ_DECIDE": _check_business,
    "Q_SUBMIT": _check_submission,
    "LEVEL_RESULT": _check_level,
    "MATCH_OPINION": _check_opinion,
    "CONSENT_GIVE": _check_consent,
}
