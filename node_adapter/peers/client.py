"""Speaking to another member's node: signed messages, and its public documents."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from node_adapter.peers.reachable import Network, address_to_ask
from primitives.canonical import canonical_json, parse_json
from primitives.errors import CouldNotCheck, Refused
from primitives.urls import THIS_MACHINE, shown_url

PATH = "/v1/peer/messages"
TIMEOUT_SECONDS = 10.0  # of each step: to connect, and for the next bytes
ANSWER_SECONDS = 20.0  # of the whole answer: a peer that sends drop by drop must not hold the worker
_MAX_ANSWER_BYTES = 1024 * 1024
_PORTS = {"http": 80, "https": 443}
_CODE = re.compile(r"[a-z0-9-]{1,60}")


def post_message(url: str, message: Mapping[str, Any]) -> Any:
    """Post a message and return the peer's answer.

    Raises:
        CouldNotCheck: `peer-unreachable`, or `peer-failed` when the peer itself could not answer: try again later.
        Refused: `peer-refused`, with the code that the peer gave.
    """
    headers = {"Content-Type": "application/json"}
    return _exchange("POST", url + PATH, content=canonical_json(dict(message)), headers=headers)


def get_document(url: str, *, known: Mapping[str, str], networks: Sequence[Network]) -> Any:
    """Get a public JSON document of another member.

    Args:
        url: of the document, under an address that the settings name or that a member has said on the chain.
        known: addresses of nodes that the operator has named, by member.
        networks: what else may be reached besides the public internet.

    Raises:
        CouldNotCheck, Refused: as `post_message`; and `peer-address`, the host lies where no stranger may send us.
    """
    if any(url.startswith(f"{base}/") for base in known.values()):
        return _exchange("GET", url)
    return _exchange("GET", url, networks)


def _exchange(method: str, url: str, networks: Sequence[Network] | None = None, **request: Any) -> Any:
    target, host = _target(url)
    through_proxy = host not in THIS_MACHINE  # one of the environment is not meant for this machine's nodes
    request["headers"] = {**request.get("headers", {}), "Accept-Encoding": "identity"}
    if networks is not None:
        address = address_to_ask(host, target.port or _PORTS[target.scheme], networks)
        request["headers"]["Host"] = target.netloc.decode("ascii")
        request["extensions"] = {"sni_hostname": host}
        target = target.copy_with(host=address)
    try:
        with (
            httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=through_proxy) as client,
            client.stream(method, target, **request) as answer,
        ):
            data = _read(answer, url)
    except httpx.HTTPError as error:
        raise CouldNotCheck("peer-unreachable", f"{shown_url(url)}: {type(error).__name__}") from error
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or answer.has_redirect_location:
        raise CouldNotCheck("peer-failed", f"{shown_url(url)} answered {answer.status_code}")
    body = parse_json(data, field="peer.answer", max_bytes=_MAX_ANSWER_BYTES)
    if answer.status_code >= httpx.codes.BAD_REQUEST:
        raise Refused("peer-refused", f"{shown_url(url)} answered {answer.status_code} {_code(body)}")
    return body


def _target(url: str) -> tuple[httpx.URL, str]:
    """Return a URL, which may be whatever a member has written on the chain, and its host."""
    try:
        target = httpx.URL(url)
        host = target.host
    except (httpx.InvalidURL, UnicodeError) as error:  # the latter of a host that is no name
        raise CouldNotCheck("peer-unreachable", f"{shown_url(url)} is not the URL of a host") from error
    return target, host


def _code(body: object) -> str:
    """Return the code of a problem: of a stranger's words nothing else reaches our answers and logs."""
    told = body.get("code") if isinstance(body, dict) else None
    return told if isinstance(told, str) and _CODE.fullmatch(told) else "without a code"


def _read(answer: httpx.Response, url: str) -> bytes:
    if answer.headers.get("Content-Encoding", "identity") != "identity":  # a kilobyte may unpack to a gigabyte
        raise CouldNotCheck("peer-failed", f"{shown_url(url)} answered in an encoding that was not asked for")
    data = bytearray()
    deadline = time.monotonic() + ANSWER_SECONDS
    for part in answer.iter_raw():
        data += part
        if len(data) > _MAX_ANSWER_BYTES:
            raise CouldNotCheck("peer-failed", f"{shown_url(url)} answered more than {_MAX_ANSWER_BYTES} bytes")
        if time.monotonic() > deadline:
            raise CouldNotCheck(
                "peer-unreachable", f"{shown_url(url)} did not end its answer within {ANSWER_SECONDS:.0f} s"
            )
    return bytes(data)
