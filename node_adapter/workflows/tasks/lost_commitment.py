"""A joint task whose own commitment the chain holds, and this database lacks: it was restored from an older copy.

The vector and its blinding are lost, so this member cannot go on, and a second commitment would contradict the first.
The task ends, and each client whose data it used gets the DATA_USE record, with the commitment of the chain.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from mpc.registry import AnyTask, engine_of
from node_adapter.node import Node
from node_adapter.store import chain_index, tasks
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
    made = chain_index.events(connection, contract="TaskRegistry", name="InputCommitted", topic1="0x" + task_id)
    own = next((event for event in made if str(event.args["owner"]).lower() == node.address), None)
    if own is None:
        return None
    at_ms = chain_index.block_at(connection, own.block).timestamp * _MS
    clients = tasks.clients_of(connection, task_id) or consenting_clients(node, connection, spec, at_ms)
    holding = tasks.latest_payloads(connection, engine_of(spec).source, [client.pid for client in clients])
    tasks.put_clients(connection, task_id, [client for client in clients if client.pid in holding])
    return LostCommitment(bytes.fromhex(own.args["commitment"].removeprefix("0x")), at_ms)
