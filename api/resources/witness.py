"""This member as a witness of other members' logs: C2SP tlog-witness `add-checkpoint`.

Anybody may send a checkpoint: the broker's signature under it is the guard. To look at the growth behind it this node
asks that broker's node, so few logs are gone over at a time: the threads stay free for others. A broker that answers
slowly and shows nothing good gets a fifth of one thread's time, however often it is asked for. Of a checkpoint that is
kept nobody is asked, and whoever holds no signature of the broker takes no turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
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
LONG_SECONDS = 1.0  # a failure that took less is asked for again at once: it costs little
REST = 4  # times as long as it took until a log is gone over again that took long and failed


class _UnderCheck:
    """The logs that are being gone over in this process: few at a time, none twice, and none that wastes the time."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = Lock()
        self._origins: set[str] = set()
        self._rest_until: dict[str, float] = {}  # of logs of members alone, so there are few

    @contextmanager
    def one(self, origin: str) -> Iterator[None]:
        """Go over a log.

        Raises:
            CouldNotCheck: `witness-busy`.
        """
        begun = self._monotonic()
        with self._lock:
            if origin in self._origins or len(self._origins) >= AT_A_TIME:
                raise CouldNotCheck("witness-busy", "other checkpoints are being checked; ask again in a moment")
            if begun < self._rest_until.get(origin, begun):
                raise CouldNotCheck("witness-busy", "this log took long and was not shown whole; ask again later")
            self._origins.add(origin)
        held = False
        try:
            yield
            held = True
        finally:
            ended = self._monotonic()
            with self._lock:
                self._origins.discard(origin)
                self._rest_until.pop(origin, None)
                if not held and ended - begun > LONG_SECONDS:
                    self._rest_until[origin] = ended + REST * (ended - begun)


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
