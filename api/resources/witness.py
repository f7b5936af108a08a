"""This member as a witness of other members' logs: C2SP tlog-witness `add-checkpoint`.

Anybody may send a checkpoint: the broker's signature under it is the guard. To look at the growth behind it this node
asks that broker's node, so few of these requests are answered at a time: the threads stay free for others.
"""

from __future__ import annotations

from functools import partial
from threading import BoundedSemaphore

from flask import Blueprint, Response

from api.bodies import read_body
from api.context import current_node
from evidence.version2.log.witness_protocol import MAX_REQUEST_BYTES
from node_adapter.workflows.anchoring.cosigning import PATH
from node_adapter.workflows.anchoring.other_logs import log_to_witness
from node_adapter.workflows.anchoring.witness import answer_as_member
from primitives.errors import CouldNotCheck

AT_A_TIME = 2  # of the threads of this process


def witness_blueprint() -> Blueprint:
    """Return the public route of a witness."""
    blueprint = Blueprint("witness", __name__)
    free = BoundedSemaphore(AT_A_TIME)

    @blueprint.post(PATH)
    def add_checkpoint() -> Response:
        node = current_node()
        body = read_body()[: MAX_REQUEST_BYTES + 1]
        if not free.acquire(blocking=False):
            raise CouldNotCheck("witness-busy", "other checkpoints are being checked; ask again in a moment")
        try:
            answer = answer_as_member(node, body, find=partial(log_to_witness, node))
        finally:
            free.release()
        return Response(answer.body, status=answer.status, content_type=answer.content_type)

    return blueprint
