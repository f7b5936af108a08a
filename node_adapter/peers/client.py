"""Speaking to another member's node: signed messages, and its public documents."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx

from primitives.canonical import canonical_json, parse_json
from primitives.errors import CouldNotCheck, Refused
from primitives.urls import shown_url

PATH = "/v1/peer/messages"
TIMEOUT_SECONDS = 10.0  # of each step: to connect, and for the next bytes
ANSWER_SECONDS = 20.0  # of the whole answer: a peer that sends drop by drop must not hold the worker
_MAX_ANSWER_BYTES = 1024 * 1024
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def post_message(url: str, message: Mapping[str, Any]) -> Any:
    """Post a message and return the peer's answer.

    Raises:
        CouldNotCheck: `peer-unreachable`, or `peer-failed` when the peer itself could not answer: try again later.
        Refused: `peer-refused`, with what the peer said.
    """
    headers = {"Content-Type": "application/json"}
    return _exchange("POST", url + PATH, content=canonical_json(dict(message)), headers=headers)


def get_document(url: str) -> Any:
    """Get a public JSON document of another member; raises as `post_message`."""
    return _exchange("GET", url)


def _exchange(method: str, url: str, **request: Any) -> Any:
    through_proxy = httpx.URL(url).host not in _LOOPBACK  # one of the environment is not meant for this machine's nodes
    try:
        with httpx.stream(method, url, timeout=TIMEOUT_SECONDS, trust_env=through_proxy, **request) as answer:
            data = _read(answer, url)
    except httpx.HTTPError as error:
        raise CouldNotCheck("peer-unreachable", f"{shown_url(url)}: {type(error).__name__}") from error
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise CouldNotCheck("peer-failed", f"{shown_url(url)} answered {answer.status_code}")
    body = parse_json(data, field="peer.answer", max_bytes=_MAX_ANSWER_BYTES)
    if answer.status_code >= httpx.codes.BAD_REQUEST:
        told = body if isinstance(body, dict) else {}
        raise Refused(
            "peer-refused", f"{shown_url(url)} answered {answer.status_code} {told.get('code')}: {told.get('detail')}"
        )
    return body


def _read(answer: httpx.Response, url: str) -> bytes:
    data = bytearray()
    deadline = time.monotonic() + ANSWER_SECONDS
    for part in answer.iter_bytes():
        data += part
        if len(data) > _MAX_ANSWER_BYTES:
            raise CouldNotCheck("peer-failed", f"{shown_url(url)} answered more than {_MAX_ANSWER_BYTES} bytes")
        if time.monotonic() > deadline:
            raise CouldNotCheck(
                "peer-unreachable", f"{shown_url(url)} did not end its answer within {ANSWER_SECONDS:.0f} s"
            )
    return bytes(data)
