"""The header `Idempotency-Key`: a POST that is sent twice under one key acts once and gets the same answer.

The key is taken before the request runs and given back when it fails. NDJSON needs no key: each line carries its own
reference, under which it is stored once.
"""

from __future__ import annotations

import logging
import re
from http import HTTPStatus

from flask import Flask, Response, g, request

from api.bodies import read_body
from api.context import current_node
from api.ndjson import is_bulk
from node_adapter.store import idempotency
from primitives.digest import tagged_sha256
from primitives.errors import CouldNotCheck, InvalidInput, Refused

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
KEEP_MS = 24 * 3600 * 1000
ABANDONED_MS = 120_000  # a key without an answer for so long belonged to a process that died
_log = logging.getLogger(__name__)
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


def register_idempotency(app: Flask) -> None:
    """Keep the answers of requests whose key `take_key` took; it runs after every guard."""
    app.after_request(_keep)
    app.teardown_request(_release)


def take_key() -> Response | None:
    """Take the key of a request that has one; returns the answer of an earlier request under the same key."""
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST" or is_bulk():
        return None
    if _KEY.fullmatch(key) is None:
        raise InvalidInput(HEADER, "characters", "must be 1 to 200 visible ASCII characters")
    node = current_node()
    now = node.clock.now_ms()
    row = idempotency.StoredAnswer(
        key=key,
        route=f"{_caller_name()} {request.path}",
        request_digest=tagged_sha256("bonafides/request/1", read_body()),
        status=idempotency.IN_PROGRESS,
        response=b"",
        content_type="",
        created_at=now,
    )
    with node.store.write() as connection:
        idempotency.forget_before(connection, now - KEEP_MS)
        known = idempotency.reserve(connection, row)
        if known is not None and known.status == idempotency.IN_PROGRESS and known.created_at < now - ABANDONED_MS:
            idempotency.release(connection, row.key, row.route)
            known = idempotency.reserve(connection, row)
    if known is None:
        g.idempotency = row
        return None
    return _answer_again(known, row)


def _answer_again(known: idempotency.StoredAnswer, row: idempotency.StoredAnswer) -> Response:
    if known.request_digest != row.request_digest:
        raise Refused("idempotency-key-reused", "the key was used for another request")
    if known.status == idempotency.IN_PROGRESS:
        raise CouldNotCheck("idempotency-in-progress", "the first request under this key has no answer yet")
    response = Response(known.response, status=known.status, content_type=known.content_type)
    response.headers[REPLAYED_HEADER] = "true"
    return response


def _keep(response: Response) -> Response:
    row = g.get("idempotency")
    if row is None or response.status_code >= HTTPStatus.BAD_REQUEST:
        return response  # teardown gives the key back: the caller may mend the request and send it again
    answer = idempotency.StoredAnswer(
        key=row.key,
        route=row.route,
        request_digest=row.request_digest,
        status=response.status_code,
        response=response.get_data(),
        content_type=response.content_type or "",
        created_at=row.created_at,
    )
    g.idempotency = None
    try:
        with current_node().store.write() as connection:
            idempotency.complete(connection, answer)
    except CouldNotCheck:
        _log.warning("the answer under an idempotency key could not be kept: what was done stays done")
    return response


def _release(_error: BaseException | None) -> None:
    row = g.get("idempotency")
    if row is None:
        return
    try:
        with current_node().store.write() as connection:
            idempotency.release(connection, row.key, row.route)
    except CouldNotCheck:
        _log.warning("an idempotency key could not be given back: it frees itself after %d ms", ABANDONED_MS)


def _caller_name() -> str:
    caller = g.get("caller")
    return "-" if caller is None else (caller.did or caller.member or caller.role)
