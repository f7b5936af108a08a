"""Errors as `application/problem+json` (RFC 9457): one table from exception types to statuses.

Every problem carries `code`; one about input carries `field` and `rule` too.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from flask import Flask, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused, VerificationFailed
from primitives.problem_types import type_of, type_of_phrase

CONTENT_TYPE = "application/problem+json"

# What a type means; the codes and rules below it are the exceptions.
STATUS_BY_TYPE: tuple[tuple[type[BonafidesError], HTTPStatus], ...] = (
    (InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Refused, HTTPStatus.CONFLICT),
    (VerificationFailed, HTTPStatus.UNPROCESSABLE_ENTITY),
    (CouldNotCheck, HTTPStatus.SERVICE_UNAVAILABLE),
)
STATUS_BY_RULE = {
    "json": HTTPStatus.BAD_REQUEST,
    "utf-8": HTTPStatus.BAD_REQUEST,
    "gzip": HTTPStatus.BAD_REQUEST,
    "content-encoding": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "max-bytes": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
STATUS_BY_CODE = {
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "token-expired": HTTPStatus.UNAUTHORIZED,
    "token-unconfirmed": HTTPStatus.UNAUTHORIZED,
    "token-revoked": HTTPStatus.UNAUTHORIZED,
    "session-signature": HTTPStatus.UNAUTHORIZED,
    "wrong-role": HTTPStatus.FORBIDDEN,
    "member-unknown": HTTPStatus.FORBIDDEN,
    "member-suspended": HTTPStatus.FORBIDDEN,
    "peer-receiver": HTTPStatus.FORBIDDEN,
    "peer-role": HTTPStatus.FORBIDDEN,
    "store-full": HTTPStatus.INSUFFICIENT_STORAGE,
    "too-many-requests": HTTPStatus.TOO_MANY_REQUESTS,
    "not-found": HTTPStatus.NOT_FOUND,
    "task-unknown": HTTPStatus.NOT_FOUND,
}
_UNKNOWN_SUFFIX = "-not-found"  # record-not-found, subject-not-found, ...


def status_of(error: BonafidesError) -> HTTPStatus:
    """Return the HTTP status of an error."""
    if isinstance(error, InvalidInput) and error.rule in STATUS_BY_RULE:
        return STATUS_BY_RULE[error.rule]
    if error.code in STATUS_BY_CODE:
        return STATUS_BY_CODE[error.code]
    if error.code.endswith(_UNKNOWN_SUFFIX):
        return HTTPStatus.NOT_FOUND
    return next(status for kind, status in STATUS_BY_TYPE if isinstance(error, kind))


def problem_of(error: BonafidesError) -> dict[str, Any]:
    """Return an error as a problem object."""
    status = status_of(error)
    problem: dict[str, Any] = {
        "type": type_of(error),
        "title": _title(error),
        "status": status.value,
        "detail": error.detail,
        "code": error.code,
    }
    if isinstance(error, InvalidInput):
        problem |= {"field": error.field, "rule": error.rule}
    return problem


def problem_of_status(status: HTTPStatus, detail: str) -> dict[str, Any]:
    """Return as a problem object what HTTP itself refuses; its code is the status's phrase."""
    code = "-".join(status.phrase.lower().split())
    problem: dict[str, Any] = {
        "type": type_of_phrase(code),
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
    }
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        problem |= {"field": "body", "rule": "max-bytes"}
    return problem


def register_problems(app: Flask) -> None:
    """Render the product's errors, and Flask's own, as problems."""
    app.register_error_handler(BonafidesError, _render)
    app.register_error_handler(HTTPException, _render_http)


def _title(error: BonafidesError) -> str:
    titles: tuple[tuple[type[BonafidesError], str], ...] = (
        (InvalidInput, "The input is malformed"),
        (Refused, "The request is refused"),
        (VerificationFailed, "A check failed"),
        (CouldNotCheck, "The answer is not known now"),
    )
    return next(title for kind, title in titles if isinstance(error, kind))


def _render(error: Exception) -> Response:
    if not isinstance(error, BonafidesError):
        raise error
    return _response(problem_of(error))


def _render_http(error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    response = _response(problem_of_status(status, error.description or status.phrase))
    if isinstance(error, MethodNotAllowed):
        response.allow.update(error.valid_methods or ())  # RFC 9110: a 405 names the methods that there are
    return response


def _response(problem: dict[str, Any]) -> Response:
    response = Response(json.dumps(problem), status=problem["status"], content_type=CONTENT_TYPE)
    if problem["status"] == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if problem["status"] == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        response.headers["Accept-Encoding"] = "gzip"
    if problem["status"] in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        response.headers["Retry-After"] = "1"
    return response
