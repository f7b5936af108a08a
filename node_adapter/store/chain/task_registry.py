"""What TaskRegistry says: how far a joint task is, and whose a data set is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from node_adapter.store.chain import event_log
from node_adapter.store.chain.event_log import raw

TASK_REGISTRY = "TaskRegistry"
_COMMITTED = "InputCommitted"
_MS = 1000


@dataclass(frozen=True)
class Commitment:
    """What an owner committed to, and the time of the block that holds it, in ms."""

    value: bytes
    at_ms: int


@dataclass(frozen=True)
class ChainTask:
    """A task as the final events say. Addresses are lower-case 0x hex."""

    proposer: str | None = None
    spec_hash: bytes | None = None
    datasets: frozenset[bytes] = frozenset()
    approved: frozenset[str] = frozenset()
    commitments: dict[str, bytes] = field(default_factory=dict)
    last_commitment_block: int = 0
    results: dict[str, bytes] = field(default_factory=dict)
    refused: dict[str, bytes] = field(default_factory=dict)


def chain_task(connection: Connection, task_id: str) -> ChainTask:
    """Fold the final events of a task; the contract admits each step of an owner once."""
    values: dict[str, Any] = {}
    approved: set[str] = set()
    commitments: dict[str, bytes] = {}
    results: dict[str, bytes] = {}
    refused: dict[str, bytes] = {}
    for event in event_log.events(connection, contract=TASK_REGISTRY, topic1="0x" + task_id):
        args = event.args
        owner = str(args.get("owner", "")).lower()
        if event.name == "TaskProposed":
            datasets = frozenset(raw(dataset) for dataset in args["datasetIds"])
            proposer, spec_hash = str(args["proposer"]).lower(), raw(args["specHash"])
            values |= {"proposer": proposer, "spec_hash": spec_hash, "datasets": datasets}
        elif event.name == "TaskApproved":
            approved.add(owner)
        elif event.name == _COMMITTED:
            commitments.setdefault(owner, raw(args["commitment"]))
            values["last_commitment_block"] = event.block
        elif event.name == "ResultPosted":
            results[owner] = raw(args["resultHash"])
        elif event.name == "TaskRefused":
            refused[owner] = raw(args["reasonHash"])
    return ChainTask(**values, approved=frozenset(approved), commitments=commitments, results=results, refused=refused)


def commitment_of(connection: Connection, task_id: str, owner: str) -> Commitment | None:
    """Return what an owner (address) committed to in a task, or None."""
    made = event_log.events(connection, contract=TASK_REGISTRY, name=_COMMITTED, topic1="0x" + task_id)
    own = next((event for event in made if str(event.args["owner"]).lower() == owner), None)
    return None if own is None else Commitment(raw(own.args["commitment"]), own.timestamp * _MS)


def dataset_owner(connection: Connection, dataset: bytes) -> str | None:
    """Return who registered a data set, or None."""
    topic = "0x" + dataset.hex()
    event = event_log.last_event(connection, contract=TASK_REGISTRY, name="DatasetRegistered", topic1=topic)
    return None if event is None else str(event.args["owner"]).lower()
