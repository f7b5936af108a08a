"""Reading request bodies and writing JSON answers."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from gzip import BadGzipFile, GzipFile
from http import HTTPStatus
from io import BytesIO
from typing import IO, Any, cast

from flask import Response, request

from evidence.documents.bundle import MAX_BUNDLE_BYTES
from primitives.canonical import parse_json
from primitives.errors import InvalidInput
from primitives.shapes import MAX_SAFE_INTEGER, Fields, Object, Text

MAX_BODY_BYTES = 64 * 1024 * 1024  # of a bulk request; a single object is far smaller
MAX_OBJECT_BYTES = 1024 * 1024
_MAX_DIGITS = 20
ARGUMENT = Text(1000, controls=True)  # a reference or an id
_GZIP = ("gzip", "x-gzip")


def read_object() -> dict[str, Any]:
    """Return the request's JSON object; no body at all stands for an empty one."""
    data = read_body()
    return as_object(parse_json(data, field="body", max_bytes=MAX_OBJECT_BYTES), "body") if data else {}


def read_body() -> bytes:
    """Return the bytes of a request that holds one object, of one that is too long no more than shows it."""
    request.max_content_length = MAX_OBJECT_BYTES + 1  # a body of unknown length is cut there without a word
    return read_some(decoded(BytesIO(request.get_data(cache=True))), MAX_OBJECT_BYTES + 1)


def read_evidence() -> bytes:
    """Return the bytes of a request that is a bundle, which may be as long as one is.

    Raises:
        InvalidInput: `max-bytes`.
    """
    request.max_content_length = MAX_BUNDLE_BYTES + 1
    data = read_some(decoded(BytesIO(request.get_data(cache=True))), MAX_BUNDLE_BYTES + 1)
    if len(data) > MAX_BUNDLE_BYTES:
        raise InvalidInput("body", "max-bytes", f"is longer than {MAX_BUNDLE_BYTES} bytes")
    return data


def decoded(stream: IO[bytes]) -> IO[bytes]:
    """Return a request's body as it was before its `Content-Encoding`; read it by `read_some`, which bounds a bomb.

    Raises:
        InvalidInput: `content-encoding`, another one than gzip.
    """
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "identity":
        return stream
    if encoding not in _GZIP:
        raise InvalidInput("Content-Encoding", "content-encoding", "must be gzip, or left away")
    return cast(IO[bytes], GzipFile(fileobj=stream))  # it is one in all that `read_some` asks


def read_some(stream: IO[bytes], size: int) -> bytes:
    """Read at most `size` bytes of a body that `decoded` gave.

    Raises:
        InvalidInput: `gzip`, what was sent is not what its `Content-Encoding` says.
    """
    try:
        return stream.read(size)
    except (BadGzipFile, EOFError, zlib.error) as error:
        raise InvalidInput("body", "gzip", f"is no whole gzip stream: {error}") from error


def as_object(value: object, field: str) -> dict[str, Any]:
    """Return a JSON object unchanged."""
    return Object().read(value, field)


def text_argument(name: str) -> str:
    """Return a member of the query string that is 1 to 1,000 characters long."""
    found = Fields({name: ARGUMENT}, open=True).read(request.args.to_dict(), "")[name]
    return str(found)


def integer_argument(name: str, default: int, low: int, high: int = MAX_SAFE_INTEGER) -> int:
    """Return an integer of the query string."""
    found = optional_integer(name, low, high)
    return default if found is None else found


def optional_integer(name: str, low: int, high: int = MAX_SAFE_INTEGER) -> int | None:
    """Return an integer of the query string, or None where it is not given."""
    text = request.args.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > _MAX_DIGITS or not low <= int(text) <= high:
        raise InvalidInput(name, "range", f"must be an integer from {low} to {high}")
    return int(text)


def accepted_answer(value: Mapping[str, object], name: str = "id") -> Response:
    """Answer 202 with JSON: what was asked for is yet to be done, and is found under that name below the asked path."""
    answer = json_answer(value, HTTPStatus.ACCEPTED)
    answer.headers["Location"] = place_of(value, name)
    return answer


def place_of(value: Mapping[str, object], name: str = "id") -> str:
    """Return where what this request asked for is found, once it was accepted."""
    return f"{request.path}/{value[name]}"


def json_answer(value: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Answer with JSON."""
    return Response(json.dumps(value, ensure_ascii=False), status=status, content_type="application/json")
