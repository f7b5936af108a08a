"""One operation of the interface: what is said of a route beside who may call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from primitives.shapes import Shape

JSON, LINES = "application/json", "application/x-ndjson"


@dataclass(frozen=True)
class Operation:
    """What a route takes and gives.

    Attributes:
        method: in capitals.
        path: with parameters in braces.
        tag: the group of operations that it belongs to.
        summary: one line.
        answers: the shape of the answer for each status of success.
        request: the shape of the body, None where there is none.
        required: whether the body may be left out.
        bulk: whether the body may be NDJSON, which is answered line by line.
        takes: the media type of the body.
        media: the media type of the answer.
        medias: that of a status which has another one.
        words: what a status means, where its number does not say it.
        query: the shapes of the query's parameters.
        needed: those of them that must be given.
    """

    method: str
    path: str
    tag: str
    summary: str
    answers: Mapping[int, Shape[Any]]
    request: Shape[Any] | None = None
    required: bool = True
    bulk: bool = False
    takes: str = JSON
    media: str = JSON
    medias: Mapping[int, str] = field(default_factory=dict)
    words: Mapping[int, str] = field(default_factory=dict)
    query: Mapping[str, Shape[Any]] = field(default_factory=dict)
    needed: tuple[str, ...] = ()

    def shapes(self) -> tuple[Shape[Any], ...]:
        """Return every shape that it names."""
        request = () if self.request is None else (self.request,)
        return (*request, *self.answers.values(), *self.query.values())
