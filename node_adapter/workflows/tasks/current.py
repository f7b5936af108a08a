"""One task as it stands at the start of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mpc.engine import Run, Seen
from mpc.registry import AnyEngine, AnyTask, engine_of
from node_adapter.node import Node
from node_adapter.store import tasks
from node_adapter.store.chain.task_registry import ChainTask
from node_adapter.store.tasks import TaskRow
from primitives.canonical import parse_json
from primitives.errors import CouldNotCheck
from primitives.json_value import JsonObject
from primitives.shapes import Object


@dataclass(frozen=True)
class Current:
    """The row, what it says, and what the chain says, at one time."""

    node: Node
    row: TaskRow
    spec: AnyTask
    chain: ChainTask
    now: int

    @property
    def engine(self) -> AnyEngine:
        """The engine that the task names."""
        return engine_of(self.spec)

    @property
    def run(self) -> Run[Any]:
        """The run, as its engine sees it."""
        return Run(self.spec, self.node.settings.chain.chain_id, self.node.address)

    @property
    def state(self) -> bytes:
        """The engine's state, as it was stored before the commitment left.

        Raises:
            CouldNotCheck: `task-input-missing`.
        """
        if self.row.engine_state is None:
            raise CouldNotCheck("task-input-missing", "the stored input of the task is not there")
        return self.row.engine_state

    def seen(self) -> Seen:
        """Return the commitments and every message that is there, as the engine sees them."""
        with self.node.store.read() as connection:
            kept = {kind: tasks.messages_of(connection, self.row.task_id, kind) for kind in self.engine.message_kinds}
        bodies = {kind: {sender: message_body(text) for sender, text in found.items()} for kind, found in kept.items()}
        return Seen(self.chain.commitments, bodies)


def message_body(text: str) -> JsonObject:
    """Return the body of a stored message."""
    return Object().read(parse_json(text.encode("utf-8"), field="message"), "message")
