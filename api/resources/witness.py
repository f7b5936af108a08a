"""This member as a witness of other members' logs: C2SP tlog-witness `add-checkpoint`.

Anybody may send a checkpoint: the broker's signature under it is the guard. To look at the growth behind it this node
asks that broker's node, so few logs are gone over at a time: the threads stay free for others. Of a checkpoint that is
kept nobody is asked, and whoever holds no signature of the broker takes no turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock

from flask import Blueprint, Response

from api.bodies import read_body
from api.context import current_node
from evidence.version2.log.witness_protocol import MAX_REQUEST_BYTES
from node_adapter.workflows.anchoring.cosigning import PATH
from node_adapter.workflows.anchoring.other_logs import log_to_witness
from node_adapter.workflows.anchoring.witness import answer_as_member
from primitives.errors import CouldNotCheck

AT_A_TIME = 2  # of the threads of this process


class _UnderCheck:
    """The logs that are being gone over in this process: few at a time, and none twice."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._origins: set[str] = set()

    @contextmanager
    def one(self, origin: str) -> Iterator[None]:
        """Go over a log.

        Raises:
            CouldNotCheck: `witness-busy`.
        """
        with self._lock:
            if origin in self._origins or len(self._origins) >= AT_A_TIME:
                raise CouldNotCheck("witness-busy", "other checkpoints are being checked; ask again in a moment")
            self._origins.add(origin)
        try:
            yield
        finally:
            with self._lock:
                self._origins.discard(origin)


def witness_blueprint() -> Blueprint:
    """Return the public route of a witness."""
    blueprint = Blueprint("witness", __name__)
    under_check = _UnderCheck()

    @blueprint.post(PATH)
    def add_checkpoint() -> Response:
        node = current_node()
        body = read_body()[: MAX_REQUEST_BYTES + 1]
        answer = answer_as_member(node, body, find=partial(log_to_witness, node), going_over=under_check.one)
        return Response(answer.body, status=answer.status, content_type=answer.content_type)

    return blueprint
