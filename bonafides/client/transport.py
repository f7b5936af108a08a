"""Calls of a node over HTTP: typed errors, NDJSON in bulk, and retries where a repeat is harmless.

A call is repeated only when it reads, or when it carries an `Idempotency-Key`, or when each of its lines carries its
own reference, as facts do; and only when the node could not be reached or said that it could not do it now.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from bonafides.client.errors import error_of
from bonafides.request_json import request_json
from primitives.canonical import MAX_DOCUMENT_BYTES, parse_json
from primitives.errors import CouldNotCheck, InvalidInput
from primitives.urls import THIS_MACHINE, shown_url

if TYPE_CHECKING:  # loading it takes as long as signing an act, and most of a wallet's commands call nobody
    import httpx

NDJSON = "application/x-ndjson"
BULK_LINES = 1000  # lines of one request; a longer input is sent in several, in order
MAX_ANSWER_BYTES = 256 * 1024 * 1024
_TIMEOUT_SECONDS = 120.0
_ATTEMPTS = 4
_FIRST_PAUSE_SECONDS = 0.25
_OF_THE_TRANSFER = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_TOKEN = re.compile(r"[\x20-\x7e]{1,1000}")
_KEY = re.compile(r"[\x20-\x7e]*")  # what a header can carry; the node says what a key is


class Transport:
    """A connection to one node, with one role's token. `Client` has a method for each route beside."""

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Name the node and the token; no call is made yet."""
        import httpx  # noqa: PLC0415 - see above

        headers = {"Accept": "application/json"}
        if token is not None:
            if _TOKEN.fullmatch(token) is None:  # the HTTP library would show what it cannot send
                raise InvalidInput("token", "characters", "must be one line of printable ASCII")
            headers["Authorization"] = f"Bearer {token}"
        try:
            url = httpx.URL(base_url)
        except httpx.InvalidURL as error:
            raise InvalidInput("url", "url", "is not the URL of a node") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise InvalidInput("url", "url", f"{shown_url(base_url)} is not the URL of a node")
        self._http = httpx.Client(
            base_url=url,
            headers=headers,
            timeout=timeout_seconds,
            transport=transport,
            trust_env=url.host not in THIS_MACHINE,  # a proxy of the environment is not meant for our own nodes
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({shown_url(str(self._http.base_url))})"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, **query: str | int | None) -> Any:
        """GET a JSON answer."""
        return _parsed(self._send("GET", path, repeat=True, params=_present(query)))

    def get_bytes(self, path: str, **query: str | int | None) -> bytes:
        """GET an answer as bytes, such as a checkpoint or a trust file."""
        return self._send("GET", path, repeat=True, params=_present(query)).content

    def post(self, path: str, body: object = None, *, idempotency_key: str | None = None) -> Any:
        """POST a JSON object; repeated on a failure to reach the node only under an idempotency key."""
        headers = {"Content-Type": "application/json"}
        if idempotency_key is not None:
            if _KEY.fullmatch(idempotency_key) is None:
                raise InvalidInput("Idempotency-Key", "characters", "must be 1 to 200 visible ASCII characters")
            headers["Idempotency-Key"] = idempotency_key
        content = request_json({} if body is None else body, "body")
        return _parsed(self._send("POST", path, repeat=idempotency_key is not None, content=content, headers=headers))

    def post_text(self, path: str, content: str) -> str:
        """POST plain text and return the text of an answer of success; it is not repeated."""
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        return self._send("POST", path, repeat=False, content=content.encode(), headers=headers).text

    def post_document(self, path: str, content: bytes) -> Any:
        """POST a document in JSON as it is spelled; it is not repeated."""
        return _parsed(
            self._send("POST", path, repeat=False, content=content, headers={"Content-Type": "application/json"})
        )

    def post_lines(
        self, path: str, rows: Iterable[Mapping[str, object]], *, repeat: bool = False
    ) -> Iterator[dict[str, Any]]:
        """POST NDJSON and give one answer per row, in order.

        Args:
            path: the route.
            rows: the objects to send; they are read and sent in requests of `BULK_LINES`.
            repeat: whether sending a row twice is harmless, since it carries its own reference.

        Raises:
            InvalidInput: a row holds what JSON has not, such as a Decimal; line, field and rule are named. Nothing of
                that row's request was sent, and the answers to all requests before it have been given.
            BonafidesError: a request as a whole was refused; a refused row is an answer, not an error.
        """
        batch: list[bytes] = []
        for number, row in enumerate(rows, 1):
            batch.append(request_json(row, f"line {number}") + b"\n")
            if len(batch) == BULK_LINES:
                yield from self._post_batch(path, batch, repeat=repeat)
                batch = []
        if batch:
            yield from self._post_batch(path, batch, repeat=repeat)

    def post_for_lines(self, path: str, body: object) -> Iterator[bytes]:
        """POST a JSON object and give the lines of the NDJSON answer as they come, each with its line break.

        Raises:
            BonafidesError: the request was refused; CouldNotCheck where the answer breaks off or a line is too long.
        """
        import httpx  # noqa: PLC0415 - see above

        headers = {"Content-Type": "application/json", "Accept": NDJSON}
        request = self._http.build_request("POST", path, content=request_json(body, "body"), headers=headers)
        try:
            response = self._http.send(request, stream=True)
            try:
                if not response.is_success:
                    response.read()
                    raise error_of(response)
                yield from _lines_of(response.iter_bytes())
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _post_batch(self, path: str, rows: list[bytes], *, repeat: bool) -> list[dict[str, Any]]:
        content = b"".join(rows)
        answer = self._send("POST", path, repeat=repeat, content=content, headers={"Content-Type": NDJSON})
        lines = [_object(line) for line in answer.content.split(b"\n") if line.strip()]
        if len(lines) != len(rows):
            raise CouldNotCheck("answer-incomplete", f"{path}: {len(lines)} answers to {len(rows)} lines")
        return lines

    def _send(self, method: str, path: str, *, repeat: bool, **request: Any) -> httpx.Response:
        pause = _FIRST_PAUSE_SECONDS
        for _ in range(_ATTEMPTS - 1 if repeat else 0):
            try:
                return self._once(method, path, request)
            except CouldNotCheck:
                time.sleep(pause)
                pause *= 2
        return self._once(method, path, request)

    def _once(self, method: str, path: str, request: dict[str, Any]) -> httpx.Response:
        import httpx  # noqa: PLC0415 - see above

        try:
            with self._http.stream(method, path, **request) as answer:
                content = _bounded(answer.iter_bytes())
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        headers = {name: value for name, value in answer.headers.items() if name not in _OF_THE_TRANSFER}
        response = httpx.Response(answer.status_code, headers=headers, content=content)
        if response.is_success:
            return response
        raise error_of(response)

    def _unreachable(self, error: httpx.HTTPError) -> CouldNotCheck:
        where = shown_url(str(self._http.base_url))
        return CouldNotCheck("node-unreachable", f"{where}: {type(error).__name__}: {error}")


def route(*parts: str) -> str:
    """Return the path of a resource; what a name holds cannot lead to another one."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def _bounded(parts: Iterator[bytes]) -> bytes:
    """Join the parts of an answer; one that does not end is given up before it fills the memory."""
    content = bytearray()
    for part in parts:
        content += part
        if len(content) > MAX_ANSWER_BYTES:
            raise CouldNotCheck("node-answer", f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
    return bytes(content)


def _lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    pending = b""
    for chunk in chunks:
        *whole, pending = (pending + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
        if len(pending) > MAX_DOCUMENT_BYTES:
            raise CouldNotCheck("node-answer", f"a line of the node's answer is longer than {MAX_DOCUMENT_BYTES} bytes")
    if pending:
        raise CouldNotCheck("answer-incomplete", "the answer ends in the middle of a line")


def _parsed(response: httpx.Response) -> Any:
    if not response.content:
        return None
    try:
        return parse_json(response.content, field="answer", max_bytes=MAX_ANSWER_BYTES)
    except InvalidInput as error:
        raise CouldNotCheck("node-answer", f"the node's answer is not JSON: {error.detail}") from error


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = parse_json(line, field="answer", max_bytes=MAX_DOCUMENT_BYTES)
    except InvalidInput as error:
        raise CouldNotCheck("node-answer", f"a line of the node's answer is not JSON: {error.detail}") from error
    if not isinstance(value, dict):
        raise CouldNotCheck("node-answer", "a line of the node's answer is no object")
    return value


def _present(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}
