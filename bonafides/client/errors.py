"""The typed error of a problem that a node answers with, told apart by the problem's `type`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from primitives.canonical import parse_json
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused
from primitives.problem_types import kind_of_type

if TYPE_CHECKING:
    import httpx

PROBLEM = "application/problem+json"
_UNAVAILABLE = frozenset({502, 503, 504, 507})


def error_of(response: httpx.Response) -> BonafidesError:
    """Return the typed error that a failed response stands for."""
    if response.headers.get("Content-Type", "").split(";")[0] == PROBLEM:
        try:
            problem = parse_json(response.content, field="problem", max_bytes=1024 * 1024)
        except InvalidInput:
            problem = None
        if isinstance(problem, dict):
            return error_of_problem({"status": response.status_code, **problem})
    return CouldNotCheck("node-answer", f"HTTP {response.status_code} without a problem document")


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
