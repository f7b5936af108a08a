"""Speaking to another member's node: signed messages, and its public documents."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from ssl import SSLContext
from typing import Any

import httpx

from primitives.canonical import canonical_json, parse_json
from primitives.errors import CouldNotCheck, Refused

PATH = "/v1/peer/messages"
TIMEOUT_SECONDS = 10.0
_MAX_ANSWER_BYTES = 1024 * 1024


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
    try:
        answer = httpx.request(method, url, timeout=TIMEOUT_SECONDS, verify=_certificates(), **request)
    except httpx.HTTPError as error:
        raise CouldNotCheck("peer-unreachable", f"{url}: {type(error).__name__}") from error
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise CouldNotCheck("peer-failed", f"{url} answered {answer.status_code}")
    body = parse_json(answer.content, field="peer.answer", max_bytes=_MAX_ANSWER_BYTES)
    if answer.status_code >= httpx.codes.BAD_REQUEST:
        told = body if isinstance(body, dict) else {}
        raise Refused("peer-refused", f"{url} answered {answer.status_code} {told.get('code')}: {told.get('detail')}")
    return body


@cache
def _certificates() -> SSLContext:
    """Read the machine's certificate authorities once: it costs more than a message."""
    return httpx.create_ssl_context()
