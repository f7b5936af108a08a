"""The DATA_USE record of each client whose data a joint task used."""

from __future__ import annotations

from mpc.engine import refusal_digest
from node_adapter.store.tasks import TaskClient
from node_adapter.workflows.tasks.current import Current
from node_adapter.workflows.tasks.kept import KeptResult, Refusal
from node_adapter.workflows.tasks.lost_commitment import INPUT_LOST
from node_adapter.workflows.tasks.tasks import party_dids
from primitives.errors import CouldNotCheck
from primitives.json_value import JsonValue
from primitives.timestamp import format_time


def data_use(current: Current, client: TaskClient) -> dict[str, JsonValue]:
    """Return the fact that tells a client of the use; the same task gives the same fact."""
    node, row, spec = current.node, current.row, current.spec
    outcome, digest = _outcome(current)
    if row.started_at is None:
        raise CouldNotCheck("task-input-missing", "it is not known when the data were used")
    return {
        "source_ref": f"task:{row.task_id}:{client.pid}",
        "subject": client.pid,
        "type": "DATA_USE",
        "occurred_at": format_time(row.updated_at),
        "channel": "api",
        "actor": {"did": node.did, "role": "node"},
        "payload": {
            "task_id": row.task_id,
            "purpose": spec.purpose.name,
            "consent_id": client.consent_id,
            "parties": party_dids(node, spec),
            "input_commitment": (row.commitment or b"").hex(),
            "output_kind": outcome,
            "result_hash": digest,
            "started_at": format_time(row.started_at),
        },
    }


def _outcome(current: Current) -> tuple[str, str]:
    """Return what came out, and the digest of it that stands on the chain."""
    row, engine = current.row, current.engine
    result, refusal = KeptResult.of(row), Refusal.of(row)
    if refusal is None:
        if result is None:
            raise CouldNotCheck("task-result-missing", "the stored result of the task is not there")
        return engine.output_kind, result.digest.hex()
    posted = current.chain.results.get(current.node.address)
    if refusal.code == INPUT_LOST and posted is not None:  # the run was over when the database was lost
        return engine.output_kind, posted.hex()
    return f"refused:{refusal.code}", refusal_digest(engine.name, current.spec.task_id, refusal.code).hex()
