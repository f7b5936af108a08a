"""The header `Idempotency-Key`: a POST that is sent twice under one key acts once and gets the same answer.

The key is taken before the request runs and given back when it fails. It belongs to the process that works on the
request for as long as that takes and the process lives: the same request again is told to wait meanwhile, and acts
itself when that process has died. NDJSON needs no key: each line carries its own reference, under which it is stored
once. A fact is stored in the same transaction as the answer under its key, and nothing is taken before: whoever sends
the same request meanwhile gets that answer.

Keys are for writes. An answer that says how things stand now (a check, a gate, a receipt) is never kept: a day later it
would say it again, of what was revoked meanwhile.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from http import HTTPStatus

from flask import Flask, Response, g, request

from api.bodies import place_of, read_body
from api.context import current_node
from api.ndjson import is_bulk
from node_adapter.process_identity import is_running, own_identity
from node_adapter.store import idempotency
from primitives.canonical import parse_json
from primitives.digest import tagged_sha256
from primitives.errors import CouldNotCheck, InvalidInput, Refused

# The one list of routes that honour a key. Not here, besides what only reads: a session, whose answer holds a token;
# exports, which hold originals and must record each reading; the check of a proof, whose nonce serves once.
WRITES = frozenset(
    {
        "/v1/subjects",
        "/v1/facts",
        "/v1/dids/sponsored",
        "/v1/consents/grant",
        "/v1/consents/withdraw",
        "/v1/credentials/issue",
        "/v1/credentials/<credential_id>/revoke",
        "/v1/proofs/challenges",
        "/v1/rulesets",
        "/v1/staff",
        "/v1/staff/end",
        "/v1/peer/messages",
        "/v1/replay-orders",
        "/v1/replays",
        "/v1/erasures",
        "/v1/datasets",
        "/v1/tasks",
        "/v1/tasks/<task_id>/runs",
        "/v1/tasks/<task_id>/approvals",
    }
)
FACTS = "/v1/facts"
HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
_working: set[tuple[str, str]] = set()  # the keys that this process works on
_log = logging.getLogger(__name__)
KEY_PATTERN = "[!-~]{1,200}"  # what is visible of ASCII
_KEY = re.compile(KEY_PATTERN)


def register_idempotency(app: Flask) -> None:
    """Keep the answers of requests whose key `take_key` took; it runs after every guard."""
    app.after_request(_keep)
    app.teardown_request(_release)


def take_key() -> Response | None:
    """Take the key of a request that has one; returns the answer of an earlier request under the same key."""
    row = _row_of_request()
    if row is None:
        return None
    if request.path == FACTS:
        g.fact_key = row
        return None
    known = _reserved(row)
    if known is None:
        g.idempotency = row
        return None
    return _told(known, row)


def _reserved(row: idempotency.StoredAnswer) -> idempotency.StoredAnswer | None:
    """Take a key for this process to work on; returns the row that holds it already, or None when it was free."""
    is_ours = False
    try:
        with current_node().store.write() as connection:
            idempotency.forget_old(connection, row.created_at)
            known = idempotency.reserve(connection, row)
            if known is not None and known.status == idempotency.IN_PROGRESS and not _is_worked_on(known):
                idempotency.release(connection, *row.place)
                known = idempotency.reserve(connection, row)
            is_ours = known is None
            if is_ours:  # before the commit: whoever finds the key must find that it is worked on
                _working.add(row.place)
    except BaseException:
        if is_ours:  # and may be kept: where the commit's answer is lost, the same request again takes the key
            _working.discard(row.place)
        raise
    return known


def key_of_fact() -> idempotency.StoredAnswer | None:
    """Return the key of a request of a fact, which is kept with it (`submitting`); None where it has none."""
    row: idempotency.StoredAnswer | None = g.get("fact_key")
    return row


def _row_of_request() -> idempotency.StoredAnswer | None:
    key, rule = request.headers.get(HEADER), request.url_rule
    if key is None or request.method != "POST" or is_bulk() or rule is None or rule.rule not in WRITES:
        return None
    if _KEY.fullmatch(key) is None:
        raise InvalidInput(HEADER, "characters", "must be 1 to 200 visible ASCII characters")
    return idempotency.StoredAnswer(
        key=key,
        route=f"{_caller_name()} {request.path}",
        request_digest=tagged_sha256("bonafides/request/1", read_body()),
        status=idempotency.IN_PROGRESS,
        response=b"",
        content_type="",
        created_at=current_node().clock.now_ms(),
        owner=own_identity(),
    )


def _is_worked_on(known: idempotency.StoredAnswer) -> bool:
    """Say whether the process that took a key still works on its request."""
    if known.owner == own_identity():
        return known.place in _working
    return is_running(known.owner)


def _told(known: idempotency.StoredAnswer, row: idempotency.StoredAnswer) -> Response:
    if known.request_digest != row.request_digest:
        raise Refused("idempotency-key-reused", "the key was used for another request")
    if known.status == idempotency.IN_PROGRESS:
        raise CouldNotCheck("idempotency-in-progress", "the first request under this key has no answer yet")
    response = answer_again(known)
    if response.status_code == HTTPStatus.ACCEPTED:
        response.headers["Location"] = place_of(parse_json(known.response, field="response"))
    return response


def answer_again(known: idempotency.StoredAnswer) -> Response:
    """Return an answer that was given before, and say so."""
    response = kept_answer(known)
    response.headers[REPLAYED_HEADER] = "true"
    return response


def answered(row: idempotency.StoredAnswer, response: Response) -> idempotency.StoredAnswer:
    """Return what is kept under a key: the answer to its request."""
    return replace(
        row, status=response.status_code, response=response.get_data(), content_type=response.content_type or ""
    )


def kept_answer(row: idempotency.StoredAnswer) -> Response:
    """Return a kept answer as it is sent."""
    return Response(row.response, status=row.status, content_type=row.content_type)


def _keep(response: Response) -> Response:
    row = g.get("idempotency")
    if row is None or response.status_code >= HTTPStatus.BAD_REQUEST:
        return response  # teardown gives the key back: the caller may mend the request and send it again
    g.idempotency = None
    try:
        with current_node().store.write() as connection:
            idempotency.complete(connection, answered(row, response))
    except CouldNotCheck:
        _log.warning("the answer under an idempotency key could not be kept: what was done stays done")
    finally:
        _working.discard(row.place)
    return response


def _release(_error: BaseException | None) -> None:
    row = g.get("idempotency")
    if row is None:
        return
    try:
        with current_node().store.write() as connection:
            idempotency.release(connection, *row.place)
    except CouldNotCheck:
        _log.warning("an idempotency key could not be given back: the next request under it takes it")
    finally:
        _working.discard(row.place)


def _caller_name() -> str:
    caller = g.get("caller")
    return "-" if caller is None else (caller.did or caller.member or f"{caller.role}:{caller.name}")
