"""Speaking to another member's node: signed messages, its public documents, and what a witness answers."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from node_adapter.peers.reachable import Network, address_to_ask
from node_adapter.ports import PeerAnswer
from primitives.canonical import canonical_json, parse_json
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from primitives.urls import THIS_MACHINE, shown_url

PATH = "/v1/peer/messages"
TIMEOUT_SECONDS = 10.0  # of each step: to connect, and for the next bytes
ANSWER_SECONDS = 20.0  # of the whole answer: a peer that sends drop by drop must not hold the worker
_MAX_ANSWER_BYTES = 1024 * 1024
LONG_SECONDS = 120.0  # of an answer that may be long, or that takes a peer some work
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
    return _exchange("GET", url, None if _is_named(url, known) else networks)


def ask_peer(
    url: str,
    content: bytes,
    content_type: str,
    *,
    max_bytes: int,
    known: Mapping[str, str],
    networks: Sequence[Network],
) -> PeerAnswer:
    """Post bytes to a path of another member's node, and return its answer, which may take long.

    Args:
        url: under an address that the settings name or that a member has said on the chain.
        content: the body.
        content_type: of the body.
        max_bytes: of the answer.
        known: addresses of nodes that the operator has named, by member.
        networks: what else may be reached besides the public internet.

    Raises:
        CouldNotCheck: `peer-unreachable`, `peer-failed`, `peer-address`: as `get_document`.
    """
    limits = None if _is_named(url, known) else networks
    request = {"content": content, "headers": {"Content-Type": content_type}}
    return _ask("POST", url, limits, max_bytes=max_bytes, seconds=LONG_SECONDS, **request)


def _is_named(url: str, known: Mapping[str, str]) -> bool:
    """Say whether a URL lies at a node that the operator has named: such a one may be anywhere."""
    return any(url == base or url.startswith(f"{base}/") for base in known.values())


def _exchange(method: str, url: str, networks: Sequence[Network] | None = None, **request: Any) -> Any:
    answer = _ask(method, url, networks, max_bytes=_MAX_ANSWER_BYTES, seconds=ANSWER_SECONDS, **request)
    if answer.status >= httpx.codes.BAD_REQUEST:
        raise Refused("peer-refused", f"{shown_url(url)} answered {answer.status} {_told(answer.body)}")
    try:
        return parse_json(answer.body, field="peer.answer", max_bytes=_MAX_ANSWER_BYTES)
    except InvalidInput as error:  # of what we were asked nothing is wrong: it is the peer that fails
        raise CouldNotCheck("peer-failed", f"{shown_url(url)} answered no JSON: {error.rule}") from error


def _ask(
    method: str, url: str, networks: Sequence[Network] | None, *, max_bytes: int, seconds: float, **request: Any
) -> PeerAnswer:
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
            httpx.Client(timeout=_timeout(seconds), trust_env=through_proxy) as client,
            client.stream(method, target, **request) as answer,
        ):
            data = _read(answer, url, max_bytes, seconds)
    except httpx.HTTPError as error:
        raise CouldNotCheck("peer-unreachable", f"{shown_url(url)}: {type(error).__name__}") from error
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or answer.has_redirect_location:
        raise CouldNotCheck("peer-failed", f"{shown_url(url)} answered {answer.status_code} {_told(data)}")
    return PeerAnswer(answer.status_code, answer.headers.get("Content-Type", ""), data)


def _timeout(seconds: float) -> httpx.Timeout:
    """Return how long each step may take: of a long answer the first bytes may be late, the connection may not."""
    return httpx.Timeout(TIMEOUT_SECONDS, read=max(TIMEOUT_SECONDS, seconds / 2))


def _target(url: str) -> tuple[httpx.URL, str]:
    """Return a URL, which may be whatever a member has written on the chain, and its host."""
    try:
        target = httpx.URL(url)
        host = target.host
    except (httpx.InvalidURL, UnicodeError) as error:  # the latter of a host that is no name
        raise CouldNotCheck("peer-unreachable", f"{shown_url(url)} is not the URL of a host") from error
    return target, host


def _told(data: bytes) -> str:
    """Return the code of a problem, whatever came instead of one."""
    try:
        return _code(parse_json(data, field="peer.answer", max_bytes=_MAX_ANSWER_BYTES))
    except InvalidInput:
        return _code(None)


def _code(body: object) -> str:
    """Return the code of a problem: of a stranger's words nothing else reaches our answers and logs."""
    told = body.get("code") if isinstance(body, dict) else None
    return told if isinstance(told, str) and _CODE.fullmatch(told) else "without a code"


def _read(answer: httpx.Response, url: str, max_bytes: int, seconds: float) -> bytes:
    if answer.headers.get("Content-Encoding", "identity") != "identity":  # a kilobyte may unpack to a gigabyte
        raise CouldNotCheck("peer-failed", f"{shown_url(url)} answered in an encoding that was not asked for")
    data = bytearray()
    deadline = time.monotonic() + seconds
    for part in answer.iter_raw():
        data += part
        if len(data) > max_bytes:
            raise CouldNotCheck("peer-failed", f"{shown_url(url)} answered more than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise CouldNotCheck("peer-unreachable", f"{shown_url(url)} did not end its answer within {seconds:.0f} s")
    return bytes(data)
