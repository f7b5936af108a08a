"""Sending lines to a node and writing its answers, in order. NDJSON in, NDJSON out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bonafides.cli.support.output import Answers, read_rows, refusal_in
from bonafides.client import BULK_LINES
from primitives.errors import InvalidInput

ROLE = "broker-system"


def relay(
    call: Callable[[Iterable[Any]], Iterator[Any]],
    file: Path | None,
    *,
    convert: Callable[[Mapping[str, Any]], dict[str, Any]] = dict,
) -> int:
    """Send every line by a method of the client and write every answer, in order; return the exit status."""
    answers = Answers()
    for batch in _batches(read_rows(file), convert):
        good = [row for row in batch if not isinstance(row, InvalidInput)]
        replies = call(good)
        for row in batch:
            if isinstance(row, InvalidInput):
                answers.refused(row)
            else:
                answers.from_node(next(replies))
    return answers.status


def _batches(
    rows: Iterator[dict[str, Any] | InvalidInput], convert: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> Iterator[list[dict[str, Any] | InvalidInput]]:
    batch: list[dict[str, Any] | InvalidInput] = []
    for row in rows:
        batch.append(row if isinstance(row, InvalidInput) else _converted(row, convert))
        if len(batch) == BULK_LINES:
            yield batch
            batch = []
    if batch:
        yield batch


def _converted(
    row: dict[str, Any], convert: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> dict[str, Any] | InvalidInput:
    refusal = refusal_in(row)  # no node takes one, and would name a member of it
    if refusal is not None:
        return refusal
    try:
        return convert(row)
    except InvalidInput as error:
        return error
