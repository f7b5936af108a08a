"""The `type` of a problem (RFC 9457): the kind of error and its code, by which a program tells errors apart.

urn:bonafides:problem:invalid-input             the input is malformed: `field` and `rule` say where and how
urn:bonafides:problem:refused:<code>            well formed, but not allowed now
urn:bonafides:problem:failed:<code>             a check was made, and it failed
urn:bonafides:problem:unknown:<code>            nothing is known now: ask again
urn:bonafides:problem:http:<phrase>             what HTTP itself refuses
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused, VerificationFailed

PREFIX = "urn:bonafides:problem:"
INVALID_INPUT = PREFIX + "invalid-input"
_WORDS: Mapping[type[BonafidesError], str] = {
    Refused: "refused",
    VerificationFailed: "failed",
    CouldNotCheck: "unknown",
}
_HTTP = "http"
_UNAVAILABLE = frozenset({502, 503, 504, 507})


def type_of(error: BonafidesError) -> str:
    """Return the type of an error's problem."""
    if isinstance(error, InvalidInput):
        return INVALID_INPUT
    word = next(word for kind, word in _WORDS.items() if isinstance(error, kind))
    return f"{PREFIX}{word}:{error.code}"


def type_of_phrase(code: str) -> str:
    """Return the type of what HTTP refuses; the code is the status's phrase in kebab case."""
    return f"{PREFIX}{_HTTP}:{code}"


def kind_of_type(type_: object) -> type[BonafidesError] | None:
    """Return the kind of error that a type names; None for HTTP's own, and for what is no type of ours."""
    if not isinstance(type_, str) or not type_.startswith(PREFIX):
        return None
    word = type_.removeprefix(PREFIX).partition(":")[0]
    if word == "invalid-input":
        return InvalidInput
    return next((kind for kind, name in _WORDS.items() if name == word), None)


def error_of_problem(problem: Mapping[str, Any]) -> BonafidesError:
    """Return the typed error of a problem document, as an answer's line or a failed response carries it."""
    code = str(problem.get("code") or "node-answer")
    detail = str(problem.get("detail") or problem.get("title") or "the node gave no reason")
    kind = kind_of_type(problem.get("type"))
    if "field" in problem and "rule" in problem and kind in (InvalidInput, None):
        field = str(problem["field"])
        return InvalidInput(field, str(problem["rule"]), detail.removeprefix(f"{field}: "))
    if kind is None or kind is InvalidInput:  # of HTTP itself, or of what stands between the node and us
        kind = CouldNotCheck if problem.get("status") in _UNAVAILABLE else Refused
    return kind(code, detail)
