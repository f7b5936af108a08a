"""The interface's description (OpenAPI 3.1), as it travels with the package."""

from __future__ import annotations

from importlib import resources

from flask import Blueprint, Response

from api.auth import guarded
from node_adapter.store.tokens import CLIENT_ROLE, STAFF_ROLES

FILE = "openapi.json"


def read_description() -> bytes:
    """Return the packaged file."""
    return (resources.files("api") / FILE).read_bytes()


def openapi_blueprint() -> Blueprint:
    """Return the route that any token may read."""
    blueprint = guarded("openapi", *STAFF_ROLES, CLIENT_ROLE)

    @blueprint.get("/v1/openapi.json")
    def openapi() -> Response:
        return Response(read_description(), content_type="application/json")

    return blueprint
