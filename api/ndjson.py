"""Bulk: one JSON object per line in, one answer per line out, in the same order.

The body is read whole (to a bounded temporary file) before the first line is answered: a caller that sends everything
before it reads would otherwise wait for us while we wait for it. Lines are handled in chunks, each one transaction;
an error that is about the node, not about a line, fails that chunk and what follows: those lines can be sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from itertools import chain, islice
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from flask import Response, request, stream_with_context

from api.bodies import MAX_BODY_BYTES, as_object, decoded, json_answer, read_object, read_some
from api.problems import problem_of
from primitives.canonical import parse_json
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput
from primitives.json_text import json_bytes

CONTENT_TYPE = "application/x-ndjson"
MAX_LINE_BYTES = 256 * 1024
CHUNK_LINES = 200
_SPOOL_BYTES = 4 * 1024 * 1024
_READ_BYTES = 256 * 1024

Outcome = dict[str, Any] | BonafidesError
Handle = Callable[[Sequence[dict[str, Any]]], Sequence[Outcome]]
StatusOf = Callable[[dict[str, Any]], HTTPStatus]


def is_bulk() -> bool:
    """Say whether the request's body is NDJSON."""
    return request.mimetype == CONTENT_TYPE


def one_or_many(handle: Handle, status: HTTPStatus | StatusOf = HTTPStatus.OK) -> Response:
    """Answer one object with one object, or NDJSON with NDJSON; `handle` takes a list either way.

    `status` is that of one object's answer, or says it from the answer.
    """
    if is_bulk():
        return _many(handle)
    outcome = handle([read_object()])[0]
    if isinstance(outcome, BonafidesError):
        raise outcome
    return json_answer(outcome, status if isinstance(status, HTTPStatus) else status(outcome))


def refused(error: BonafidesError) -> dict[str, Any]:
    """Return the line of a refused item: `refused` when it is at fault, `failed` when the node could not do it."""
    word = "failed" if isinstance(error, CouldNotCheck) else "refused"
    return {"status": word, "problem": problem_of(error)}


def _many(handle: Handle) -> Response:
    body = _spool(decoded(request.stream))
    try:
        answer = _answer(handle, _chunks(_read_lines(body)))
        first = next(answer)  # before the status goes out: a locked or full store answers 503 or 507
    except BaseException:
        body.close()
        raise
    response = Response(stream_with_context(_closing(body, chain((first,), answer))), content_type=CONTENT_TYPE)
    response.call_on_close(body.close)  # also when the caller goes away before the first line
    return response


def _closing(body: IO[bytes], answer: Iterator[bytes]) -> Iterator[bytes]:
    with body:
        yield from answer


def _answer(handle: Handle, chunks: Iterator[list[Any]]) -> Iterator[bytes]:
    first = next(chunks, None)
    if first is None:
        raise InvalidInput("body", "length", "holds no line")
    yield _handle_chunk(handle, first)
    broken: BonafidesError | None = None
    for chunk in chunks:
        if broken is None:
            try:
                yield _handle_chunk(handle, chunk)
                continue
            except BonafidesError as error:  # about the node, not about a line: the rest is not tried
                broken = error
        yield _line(refused(broken)) * len(chunk)


def _chunks(lines: Iterator[Any]) -> Iterator[list[Any]]:
    while chunk := list(islice(lines, CHUNK_LINES)):
        yield chunk


def _handle_chunk(handle: Handle, chunk: Sequence[dict[str, Any] | BonafidesError]) -> bytes:
    good = [item for item in chunk if not isinstance(item, BonafidesError)]
    outcomes = iter(handle(good) if good else ())
    answers = (item if isinstance(item, BonafidesError) else next(outcomes) for item in chunk)
    return b"".join(_line(refused(answer) if isinstance(answer, BonafidesError) else answer) for answer in answers)


def _read_lines(body: IO[bytes]) -> Iterator[dict[str, Any] | BonafidesError]:
    number = 0
    while line := body.readline(MAX_LINE_BYTES + 2):
        number += 1
        text = line.rstrip(b"\r\n")
        if text:
            yield _parse(text, number)
        while line and not line.endswith(b"\n"):  # drop the rest of a line that is too long
            line = body.readline(MAX_LINE_BYTES)


def _parse(text: bytes, number: int) -> dict[str, Any] | BonafidesError:
    try:
        return as_object(parse_json(text, field=f"line {number}", max_bytes=MAX_LINE_BYTES), f"line {number}")
    except InvalidInput as error:
        return error


def _spool(stream: IO[bytes]) -> IO[bytes]:
    spool = SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 (the answer closes it)
    try:
        _fill(spool, stream)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool


def _fill(spool: IO[bytes], stream: IO[bytes]) -> None:
    size = 0
    while data := read_some(stream, _READ_BYTES):
        size += len(data)
        if size > MAX_BODY_BYTES:
            raise InvalidInput("body", "max-bytes", f"is longer than {MAX_BODY_BYTES} bytes")
        spool.write(data)


def _line(value: object) -> bytes:
    return json_bytes(value) + b"\n"
