"""Consents whose call comes alone, and the consents of one client.

A fact brings act and call through the same door (`door`). Alone a call comes before its act, or signed again because
the first came too late for the chain. A withdrawal counts here at once, whatever the chain does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from node_adapter.node import Node
from node_adapter.store import consents, restored, subjects
from node_adapter.store.chain import member_registry
from node_adapter.store.consents import ConsentRow
from node_adapter.workflows.consent import door, truths
from node_adapter.workflows.consent.standing import Known, known_consents
from node_adapter.workflows.intake.outcomes import Outcome, each
from primitives.timestamp import format_time
from replay.wire.consent_call import read_call


def grant_consents(node: Node, requests: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Store and relay grants in one transaction; each gets its own outcome, in order."""
    return _each(node, requests, "grant")


def withdraw_consents(node: Node, requests: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Note and relay withdrawals in one transaction; each gets its own outcome, in order."""
    return _each(node, requests, "withdraw")


def consents_of(node: Node, did: str) -> list[dict[str, Any]]:
    """Return a client's consents, each with what the chain says of it, and how far it was told."""
    with node.store.read() as connection:
        subject = subjects.find_by_did(connection, did)
        rows = [] if subject is None else consents.of_subject(connection, subject.pid)
        known = known_consents(node, connection, [(row.pid, row.consent_id) for row in rows])
        return [_shown(connection, row, known[row.consent_id]) for row in rows]


def _each(node: Node, requests: Sequence[Mapping[str, Any]], function: str) -> list[Outcome]:
    def take(request: Mapping[str, Any]) -> dict[str, Any]:
        prepared = door.prepare(node, connection, read_call(function, request))
        door.put(node, connection, prepared)
        truths.compare(node, connection, [(prepared.pid, prepared.call.consent_id.hex())])
        return prepared.to_json()

    with node.store.write() as connection:
        restored.require_caught_up(connection)
        member_registry.require_active_member(connection, node.address)
        return each(requests, take)


def _shown(connection: Connection, row: ConsentRow, known: Known) -> dict[str, Any]:
    return {
        "consent_id": row.consent_id,
        "purpose": row.purpose,
        "receivers": json.loads(row.receivers),
        "given_at": format_time(row.given_at),
        "expires_at": format_time(row.expires_at),
        "withdrawn_at": None if row.withdrawn_at is None else format_time(row.withdrawn_at),
        "on_chain": known.chain.state,
        "relay": truths.relay_of(connection, known).state,
    }
