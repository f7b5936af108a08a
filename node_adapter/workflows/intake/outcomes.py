"""Many requests in one call: each gets its own outcome, in order, and what refuses one does not touch the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from primitives.errors import BonafidesError, InvalidInput, Refused, VerificationFailed

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Outcome = dict[str, Any] | BonafidesError


def outcome_of(step: Callable[[Asked], Answer], value: Asked) -> Answer | BonafidesError:
    """Return a step's result, or the typed error that is this one value's outcome, "could not check" among them."""
    try:
        return step(value)
    except BonafidesError as error:
        return error


def each(requests: Sequence[Mapping[str, Any]], handle: Callable[[Mapping[str, Any]], dict[str, Any]]) -> list[Outcome]:
    """Handle requests one by one; a typed error about a request is its outcome, in place of an answer.

    Raises:
        CouldNotCheck: it is about the node, not about a request, and so ends the call.
    """
    outcomes: list[Outcome] = []
    for request in requests:
        try:
            outcomes.append(handle(request))
        except (InvalidInput, Refused, VerificationFailed) as error:
            outcomes.append(error)
    return outcomes
