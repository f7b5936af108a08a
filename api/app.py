"""The Flask application of one node."""

from __future__ import annotations

from flask import Flask

from api.auth import close_by_default
from api.bodies import MAX_BODY_BYTES
from api.context import EXTENSION
from api.idempotency import register_idempotency
from api.limits import EXTENSION as RATES
from api.limits import Rates
from api.problems import register_problems
from api.resources.audited_logs import audited_logs_blueprint
from api.resources.chain import chain_blueprint
from api.resources.client import challenge_blueprint, client_blueprint, sessions_blueprint
from api.resources.consents import consents_blueprint
from api.resources.convictions import conviction_documents_blueprint, convictions_blueprint
from api.resources.credentials import credentials_blueprint, status_lists_blueprint
from api.resources.dids import dids_blueprint, member_dids_blueprint
from api.resources.erasures import erasures_blueprint
from api.resources.exports import exports_blueprint
from api.resources.facts import facts_blueprint
from api.resources.health import health_blueprint
from api.resources.log import log_blueprint
from api.resources.openapi import openapi_blueprint
from api.resources.peers import peers_blueprint
from api.resources.promises import own_promises_blueprint, promises_blueprint
from api.resources.receipts import receipts_blueprint
from api.resources.replay_orders import replay_order_list_blueprint, replay_orders_blueprint
from api.resources.replays import replays_blueprint
from api.resources.rulesets import ruleset_changes_blueprint, rulesets_blueprint
from api.resources.staff import staff_blueprint, staff_changes_blueprint
from api.resources.status import status_blueprint
from api.resources.subjects import subjects_blueprint
from api.resources.tasks import task_approvals_blueprint, task_operations_blueprint, task_views_blueprint
from api.resources.verifier import verifier_blueprint
from api.resources.witness import witness_blueprint
from api.restored_copy import register_restored
from node_adapter.node import Node, Watched

FACTORIES = (
    log_blueprint,
    subjects_blueprint,
    facts_blueprint,
    dids_blueprint,
    member_dids_blueprint,
    consents_blueprint,
    rulesets_blueprint,
    ruleset_changes_blueprint,
    staff_blueprint,
    staff_changes_blueprint,
    status_blueprint,
    credentials_blueprint,
    status_lists_blueprint,
    receipts_blueprint,
    promises_blueprint,
    own_promises_blueprint,
    client_blueprint,
    challenge_blueprint,
    sessions_blueprint,
    peers_blueprint,
    witness_blueprint,
    convictions_blueprint,
    conviction_documents_blueprint,
    audited_logs_blueprint,
    replay_orders_blueprint,
    replay_order_list_blueprint,
    task_operations_blueprint,
    task_approvals_blueprint,
    task_views_blueprint,
    replays_blueprint,
    exports_blueprint,
    erasures_blueprint,
    chain_blueprint,
    openapi_blueprint,
    verifier_blueprint,
)


def create_app(node: Node) -> Flask:
    """Return the application that serves `node`."""
    app = Flask("api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.extensions[EXTENSION] = node
    register_problems(app)
    register_restored(app)
    app.extensions[RATES] = Rates()
    close_by_default(app)
    register_idempotency(app)
    app.register_blueprint(health_blueprint(node))
    for factory in FACTORIES:
        app.register_blueprint(factory())
    return app


def create_health_app(node: Watched) -> Flask:
    """Return an application that says how a node fares, and nothing else."""
    app = Flask("health", static_folder=None)
    register_problems(app)
    app.register_blueprint(health_blueprint(node))
    return app
