"""The typed error of a problem that a node answers with, told apart by the problem's `type`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primitives.canonical import parse_json
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput
from primitives.problem_types import error_of_problem

if TYPE_CHECKING:
    import httpx

PROBLEM = "application/problem+json"


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
