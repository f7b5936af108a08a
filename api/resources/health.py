"""Whether the process lives, and whether the node can do its work."""

from __future__ import annotations

import time
from http import HTTPStatus
from threading import Lock

from flask import Blueprint, Response

from api.bodies import json_answer
from node_adapter.node import Node, Watched
from node_adapter.workflows.operation.readiness import OK, readiness

KEEP_SECONDS = 1.0  # strangers may ask, and each asking writes: no more often than this


class Readiness:
    """The checks, kept for a second."""

    def __init__(self, node: Node | Watched) -> None:
        """Check nothing yet."""
        self._node = node
        self._lock = Lock()
        self._checks: dict[str, str] = {}
        self._checked: float | None = None

    def checks(self) -> dict[str, str]:
        """Return what the checks say, or said a moment ago."""
        with self._lock:
            if self._checked is None or time.monotonic() - self._checked >= KEEP_SECONDS:
                self._checks = readiness(self._node)
                self._checked = time.monotonic()
            return self._checks


def health_blueprint(node: Node | Watched) -> Blueprint:
    """Return the public routes for whoever watches the node."""
    blueprint = Blueprint("health", __name__)
    ready = Readiness(node)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return json_answer({"status": "ok"})

    @blueprint.get("/readyz")
    def readyz() -> Response:
        checks = ready.checks()
        well = all(check == OK for check in checks.values())
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        return json_answer({"status": "ready" if well else "not-ready", "checks": checks}, status)

    return blueprint
