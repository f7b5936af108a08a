"""Builds the interface's description (OpenAPI 3.1) from the application's routes, their guards, and the shapes.

Which routes there are and who may call them, the application says; what they take is what the readers read; what they
answer is described beside them, and every answer of the API's tests is held to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from flask import Flask

from api.auth import PUBLIC_ROUTES, roles_of
from api.description import clients, compliance, convictions, credentials, identities, nodes, records, tasks
from api.description.common import PATH_PARAMETERS, PROBLEM, REFUSED_LINE
from api.description.operation import LINES, Operation
from api.idempotency import KEY_PATTERN, WRITES
from node_adapter.store.tokens import CLIENT_ROLE, STAFF_ROLES
from primitives.shapes import AnyOf, Schema, Shape, named_schemas

OPERATIONS: tuple[Operation, ...] = (
    *nodes.OPERATIONS,
    *records.OPERATIONS,
    *identities.OPERATIONS,
    *credentials.OPERATIONS,
    *compliance.OPERATIONS,
    *convictions.OPERATIONS,
    *clients.OPERATIONS,
    *tasks.OPERATIONS,
)
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_INFO = {
    "title": "Bonafides node",
    "version": "1",
    "summary": "One member's node: suitability facts, their evidence, credentials, consents and joint computations.",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "description": (
        "Errors are RFC 9457 problems. Routes that take application/x-ndjson answer each line with one line, in order; "
        "a line that is refused loses nothing of the others. An answer with the header `Bonafides-Restored` was read "
        "from a restored database that may lack records. `x-roles` names the tokens that open a route."
    ),
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": f"^{KEY_PATTERN}$"},
    "description": (
        "The same request under the same key acts once and gets the same answer, for 24 hours. It has no effect on "
        "routes that do not name it: what they answer speaks of the moment. Not used with NDJSON: each line carries "
        "its own reference."
    ),
}
_PROBLEM = {"$ref": "#/components/responses/Problem"}
_PROBLEM_HEADERS = {
    "Accept-Encoding": {"description": "With 415: how a body may be encoded.", "schema": {"type": "string"}},
    "Allow": {"description": "With 405: the methods that there are.", "schema": {"type": "string"}},
    "Retry-After": {"description": "With 429 and 503: seconds.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "With 401.", "schema": {"const": "Bearer"}},
}

Routes = Mapping[tuple[str, str], tuple[str, ...]]
Description = Mapping[str, Any]


def routes_of(app: Flask) -> Routes:
    """Return who may call what: (method, path with parameters in braces) -> roles."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for rule in app.url_map.iter_rules():
        path = described_path(rule.rule)
        for method in sorted((rule.methods or set()) & _METHODS):
            public = (method, rule.rule) in PUBLIC_ROUTES
            found[method, path] = ("public",) if public else roles_of(app.blueprints[rule.endpoint.partition(".")[0]])
    return found


def described_path(rule: str) -> str:
    """Return the path of a route's rule, with its parameters in braces."""
    return re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule)


def build(routes: Routes) -> dict[str, Any]:
    """Return the description.

    Raises:
        ValueError: a route is not described, or what is described is no route.
    """
    described = {(operation.method, operation.path): operation for operation in OPERATIONS}
    if described.keys() != routes.keys():
        raise ValueError(f"described and served differ: {sorted(described.keys() ^ routes.keys())}")
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), operation in described.items():
        paths.setdefault(path, {})[method.lower()] = _operation(operation, routes[method, path])
    shapes = [shape for operation in OPERATIONS for shape in operation.shapes()]
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "paths": paths,
        "components": {
            "schemas": named_schemas(PROBLEM, REFUSED_LINE, *PATH_PARAMETERS.values(), *shapes),
            "parameters": {"IdempotencyKey": _KEY},
            "responses": {
                "Problem": {
                    "description": "RFC 9457.",
                    "headers": _PROBLEM_HEADERS,
                    "content": _content(PROBLEM, "application/problem+json"),
                }
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def to_bytes(description: Mapping[str, Any]) -> bytes:
    """Return the bytes that are checked in."""
    return json.dumps(description, indent=1, ensure_ascii=True).encode() + b"\n"


def _operation(operation: Operation, roles: tuple[str, ...]) -> dict[str, Any]:
    words = re.sub(r"^/v1", "", operation.path).strip("/")
    built: dict[str, Any] = {
        "tags": [operation.tag],
        "summary": operation.summary,
        "operationId": "_".join([operation.method.lower(), *re.findall(r"[a-z0-9]+", words)]),
        "x-roles": list(roles),
        "security": [{"token": []}] if set(roles) <= {*STAFF_ROLES, CLIENT_ROLE} else [],
        "parameters": _parameters(operation),
    }
    if operation.request is not None:
        built["requestBody"] = {"required": operation.required, "content": _request(operation, operation.request)}
    built["responses"] = {**_responses(operation), "default": _PROBLEM}
    return built


def _parameters(operation: Operation) -> list[Schema]:
    def parameter(name: str, place: str, schema: Schema, *, required: bool) -> Schema:
        return {"name": name, "in": place, "required": required, "schema": schema}

    names = re.findall(r"\{(\w+)\}", operation.path)
    found = [parameter(name, "path", PATH_PARAMETERS[name].json_schema(), required=True) for name in names]
    for name, shape in operation.query.items():
        found.append(parameter(name, "query", shape.json_schema(), required=name in operation.needed))
    if re.sub(r"\{(\w+)\}", r"<\1>", operation.path) in WRITES and operation.method == "POST":
        found.append({"$ref": "#/components/parameters/IdempotencyKey"})
    return found


def _request(operation: Operation, shape: Shape[Any]) -> dict[str, Any]:
    one = _content(shape, operation.takes)
    return {**one, **_content(shape.note("One object per line."), LINES)} if operation.bulk else one


def _responses(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        str(status): {
            "description": operation.words.get(status, "Done."),
            "content": _content(shape, operation.medias.get(status, operation.media)),
        }
        for status, shape in operation.answers.items()
    }
    if operation.bulk:
        line = AnyOf(next(iter(operation.answers.values())), REFUSED_LINE)
        lines = found.setdefault("200", {"description": "NDJSON: one line per line, in order.", "content": {}})
        lines["content"] |= _content(line, LINES)
    return found


def _content(shape: Shape[Any], media: str) -> dict[str, Any]:
    return {media: {"schema": shape.json_schema()}}
