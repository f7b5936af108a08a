"""What the engines say, in the form of record payloads.

A broker's node writes these payloads; the state machine and the replay make them again and compare. So there is one
function for each kind of result, used by all three.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from primitives.errors import InvalidInput
from primitives.timestamp import format_time, parse_time
from suitability.matching import Client, Product, opinion
from suitability.questionnaire import Screen, engine_digest, score
from suitability.ruleset import RuleSet


def level_result(
    ruleset: RuleSet, submitted: Mapping[str, Any], *, answers_ref: str, at_ms: int, supersedes: str | None = None
) -> dict[str, Any]:
    """Return the LEVEL_RESULT payload of a Q_SUBMIT payload.

    Args:
        ruleset: the rule set in force.
        submitted: the Q_SUBMIT payload.
        answers_ref: the fingerprint (hex) of the Q_SUBMIT record.
        at_ms: when the answers were submitted; the level is valid from then.
        supersedes: the fingerprint of the LEVEL_RESULT that this one replaces.

    Raises:
        InvalidInput: unknown questionnaire version, or an answer out of range.
    """
    screen = Screen(**submitted["screen"])
    result = score(ruleset, submitted["form"], submitted["answers"], screen, duration_ms=submitted["duration_ms"])
    return {
        "form": result.form,
        "answers_ref": answers_ref,
        "dims": dict(result.dims),
        "total": result.total,
        "level": result.level,
        "overrides": list(result.overrides),
        "checks": list(result.checks),
        "horizon": result.horizon,
        "types": list(result.types),
        "valid_from": format_time(at_ms),
        "valid_to": format_time(at_ms + ruleset.assessment.validity_ms),
        "supersedes": supersedes,
        "engine_digest": result.engine_digest,
    }


def match_opinion(
    ruleset: RuleSet,
    level: Mapping[str, Any] | None,
    rating: Mapping[str, Any],
    *,
    level_ref: str | None,
    rating_ref: str,
    at_ms: int,
    admitted: bool = True,
) -> dict[str, Any]:
    """Return the MATCH_OPINION payload for a client's LEVEL_RESULT and a PRODUCT_RATE payload.

    Args:
        ruleset: the rule set in force.
        level: the LEVEL_RESULT payload, or None where the client was never assessed.
        rating: the PRODUCT_RATE payload.
        level_ref: the fingerprint of the LEVEL_RESULT, None with it.
        rating_ref: the fingerprint of the PRODUCT_RATE.
        at_ms: the instant of the opinion.
        admitted: whether the client passes the product's admission thresholds.
    """
    inputs: dict[str, Any] = {
        "level_ref": level_ref,
        "rating_ref": rating_ref,
        "level": None if level is None else level["level"],
        "level_valid_to": None if level is None else level["valid_to"],
        "horizon": None if level is None else level["horizon"],
        "types": None if level is None else list(level["types"]),
        "product": dict(rating["product"]),
        "admitted": admitted,
    }
    return redo_opinion(ruleset, inputs, at_ms=at_ms)


def redo_opinion(ruleset: RuleSet, recorded: Mapping[str, Any], *, at_ms: int) -> dict[str, Any]:
    """Return the MATCH_OPINION payload that the inputs named in a payload lead to."""
    client = None
    if recorded["level"] is not None:
        if recorded["level_valid_to"] is None or recorded["horizon"] is None or recorded["types"] is None:
            raise InvalidInput("payload.level", "required", "a level comes with its validity, horizon and types")
        client = Client(
            level=recorded["level"],
            valid_to=parse_time(recorded["level_valid_to"], "payload.level_valid_to"),
            horizon=recorded["horizon"],
            types=tuple(recorded["types"]),
        )
    result = opinion(ruleset, client, Product(**recorded["product"]), at_ms=at_ms, admitted=recorded["admitted"])
    parts = asdict(result)
    inputs = ("level_ref", "rating_ref", "level", "level_valid_to", "horizon", "types", "product", "admitted")
    return {
        **{name: recorded[name] for name in inputs},
        "parts": {name: parts[name] for name in ("admission", "risk", "term", "type")},
        "gap": result.gap,
        "special_care": result.special_care,
        "code": result.code,
        "engine_digest": engine_digest(ruleset),
    }


def differences(recorded: Mapping[str, Any], computed: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the fields in which two payloads differ, sorted."""
    return tuple(sorted(name for name in {*recorded, *computed} if recorded.get(name) != computed.get(name)))
