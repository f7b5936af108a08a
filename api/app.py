"""The Flask application of one node."""

from __future__ import annotations

from flask import Flask

from api.auth import close_by_default
from api.bodies import MAX_BODY_BYTES
from api.consents import consents_blueprint
from api.context import EXTENSION
from api.dids import dids_blueprint
from api.facts import facts_blueprint
from api.health import health_blueprint
from api.idempotency import register_idempotency
from api.log import log_blueprint
from api.problems import register_problems
from api.rulesets import ruleset_changes_blueprint, rulesets_blueprint
from api.status import status_blueprint
from api.subjects import subjects_blueprint
from node_adapter.node import Node

FACTORIES = (
    health_blueprint,
    log_blueprint,
    subjects_blueprint,
    facts_blueprint,
    dids_blueprint,
    consents_blueprint,
    rulesets_blueprint,
    ruleset_changes_blueprint,
    status_blueprint,
)


def create_app(node: Node) -> Flask:
    """Return the application that serves `node`."""
    app = Flask("api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.extensions[EXTENSION] = node
    register_problems(app)
    close_by_default(app)
    register_idempotency(app)
    for factory in FACTORIES:
        app.register_blueprint(factory())
    return app
