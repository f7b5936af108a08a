"""A joint task whose own commitment the chain holds, and this database lacks: it was restored from an older copy.

The vector and its blinding are lost, so this member cannot go on, and a second commitment would contradict the first.
The task ends, and each client whose data it used gets the DATA_USE record, with the commitment of the chain.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from mpc.registry import AnyTask, engine_of
from node_adapter.node import Node
from node_adapter.store import tasks
from node_adapter.store.chain import task_registry
from node_adapter.workflows.tasks.input import consenting_clients

INPUT_LOST = "task-input-lost"
_MS = 1000


@dataclass(frozen=True)
class LostCommitment:
    """What the chain still tells: the commitment, and the time of its block in milliseconds."""

    commitment: bytes
    started_at: int


def lost_commitment(node: Node, connection: Connection, spec: AnyTask) -> LostCommitment | None:
    """Note whose data a lost commitment used, and return what the task keeps of it; None when the chain holds none.

    The clients are those whom the order to run named, else those whose consent, as far as it is known here, covered
    the task at the time of the commitment's block.

    Args:
        node: this member's node.
        connection: inside the caller's write transaction.
        spec: the task.
    """
    task_id = spec.task_id.hex()
    own = task_registry.commitment_of(connection, task_id, node.address)
    if own is None:
        return None
    clients = tasks.clients_of(connection, task_id) or consenting_clients(node, connection, spec, own.at_ms)
    holding = tasks.latest_payloads(connection, engine_of(spec).source, [client.pid for client in clients])
    tasks.put_clients(connection, task_id, [client for client in clients if client.pid in holding])
    return LostCommitment(own.value, own.at_ms)
