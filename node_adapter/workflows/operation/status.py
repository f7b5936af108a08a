"""How a node stands: its index, its log, its outbox and its alarms."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection

from node_adapter.node import Node
from node_adapter.store import (
    alarms,
    anchors,
    credentials,
    identity,
    outbox,
    records,
    retention,
    subjects,
    tokens,
    wrong_anchors,
)
from node_adapter.store.chain import blocks
from node_adapter.workflows.convictions.shown import convicted_members
from node_adapter.workflows.identity.staff_tokens import describe, ending_soon
from node_adapter.workflows.operation.letting_go import shown
from node_adapter.workflows.operation.readiness import member_check
from node_adapter.workflows.operation.witnesses import own_witnesses, witnessed_logs
from primitives.errors import CouldNotCheck

_MOST_ALARMS = 100


def status_of(node: Node) -> dict[str, Any]:
    """Return the node's state for its operator."""
    now = node.clock.now_ms()
    with node.store.read() as connection:
        size, anchored_size = records.log_size(connection), anchors.anchored_size(connection)
        oldest = records.oldest_accepted_at(connection, anchored_size)
        newest = anchors.last_final(connection)
        chain, gone = _chain(node, connection), retention.let_go_so_far(connection)
        return {
            "member": {
                "address": node.address,
                "did": node.did,
                "name": node.settings.member.name,
                "role": node.settings.member.role,
                "suite": node.suite.name,
                "state": member_check(node, connection),
            },
            "chain": chain,
            "worker": {
                **asdict(identity.worker_status(connection)),
                "tasks_seen_at": identity.tasks_seen(connection),
            },
            "log": {
                "size": size,
                "anchored": anchored_size,
                "oldest_unanchored_ms": None if oldest is None else now - oldest,
                "promises_broken": records.broken_count(connection),
                "promises_owed": records.owed_count(connection),
                "anchor": None if newest is None else {"seq": newest.seq, "block": newest.block},
                "wrong": [asdict(one) for one in wrong_anchors.decisions(connection)],
            },
            "witnesses": own_witnesses(node, connection),
            "witnessed": witnessed_logs(node, connection) if chain["indexed"] is not None else [],
            "convictions": convicted_members(connection),
            "subjects": subjects.total(connection),
            "credentials": _credential_counts(connection),
            "findings": records.finding_counts(connection),
            "outbox": outbox.counts(connection),
            "gas": dict(Counter(outbox.gas_used(connection)) + Counter(gone.gas)),
            "retention": shown(gone),
            "alarms": _alarms(connection),
            "tokens": _tokens(connection, now),
        }


def _chain(node: Node, connection: Connection) -> dict[str, Any]:
    settings = node.settings.chain
    try:
        block = blocks.tip(connection)
    except CouldNotCheck:
        indexed = None
    else:
        indexed = {"number": block.number, "hash": "0x" + block.hash.hex(), "timestamp": block.timestamp}
    return {"chain_id": settings.chain_id, "directory": settings.directory, "indexed": indexed}


def _credential_counts(connection: Connection) -> dict[str, int]:
    issued, revoked = credentials.counts(connection)
    return {"issued": issued, "revoked": revoked}


def _tokens(connection: Connection, now_ms: int) -> list[dict[str, Any]]:
    """Return the valid tokens of the staff; `ending` marks those that must be renewed soon."""
    rows = [row for row in tokens.staff_tokens(connection) if row.ended(now_ms) is None]
    soon = {row.id for row in ending_soon(rows, now_ms)}
    return [{**describe(row, now_ms), "ending": row.id in soon} for row in rows]


def _alarms(connection: Connection) -> list[dict[str, Any]]:
    return [asdict(entry) for entry in alarms.list_alarms(connection)[-_MOST_ALARMS:]]
