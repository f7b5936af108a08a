"""Who still has to do something after a migration, so that what held in the old network holds in the new one.

Keys, consents and tasks stood on contracts that are used no more; enrolments of staff and ratings of products were
records of a log that has ended. A line tells of each client, person, product, consent and task that had not ended. A
client on paper owes nothing: the next fact about it opens the history. Credentials go on until they end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from domain.opening import CLIENT
from evidence.log.roster import StaffKey
from node_adapter.node import Node
from node_adapter.store import records, subjects, tasks
from node_adapter.store.chain import blocks
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.former.opened import former_node
from node_adapter.workflows.identity.identities import history
from node_adapter.workflows.identity.roster import roster_of
from node_adapter.workflows.intake.fold import state_of
from node_adapter.workflows.intake.house import house_of
from primitives.timestamp import format_time, parse_time
from suitability.subject import Consent

_PAGE = 200


def outstanding(node: Node) -> Iterator[dict[str, Any]]:
    """Yield a line for whatever is still to be done.

    {"kind": "client", "client_ref", "subject", "did", "lacks": ["key" and "opening", or one], "continues"}
    {"kind": "consent", "client_ref", "subject", "consent_id", "purpose", "receivers", "expires_at"}
    {"kind": "staff", "name", "role", "key"}
    {"kind": "product", "product_id", "subject"}
    {"kind": "task", "task_id"}

    Raises:
        Refused: `former-not-found`, this node was not migrated.
        CouldNotCheck: `index-empty`, the node has not read the new network yet; `node-restored`.
    """
    with former_node(node) as former, former.store.read() as before, node.store.read() as connection:
        blocks.tip(connection)
        yield from _clients(node, connection, former, before)
        yield from _staff(node, connection, former, before)
        yield from _products(node, connection)
        yield from ({"kind": "task", "task_id": one.task_id} for one in tasks.open_tasks(before))


def _clients(node: Node, connection: Connection, former: Node, before: Connection) -> Iterator[dict[str, Any]]:
    after = ""
    while page := subjects.continuing(connection, after, _PAGE):
        after = page[-1].pid
        old = subjects.by_pids(before, [row.pid for row in page])
        for row in page:
            if row.kind == CLIENT and row.did is not None:
                yield from _client(node, connection, row, row.did)
                yield from _consents(node, connection, row, state_of(former, before, old[row.pid]).consents)


def _client(node: Node, connection: Connection, row: SubjectRow, did: str) -> Iterator[dict[str, Any]]:
    tip = blocks.tip(connection)
    keys = history(node, connection, did).keys_at(tip.number, tip.timestamp)
    lacks = [name for name, there in (("key", bool(keys)), ("opening", row.joined)) if not there]
    if lacks:
        who = {"client_ref": row.client_ref, "subject": row.pid, "did": did}
        yield {"kind": "client", **who, "lacks": lacks, "continues": row.continues}


def _consents(
    node: Node, connection: Connection, row: SubjectRow, given: Mapping[str, Consent]
) -> Iterator[dict[str, Any]]:
    now, known = node.clock.now_ms(), state_of(node, connection, row).consents
    again = {(one.purpose, one.receivers) for name, one in known.items() if name not in given}
    for consent_id, one in given.items():
        in_force = one.withdrawn_at is None and one.expires_at > now and known[consent_id].withdrawn_at is None
        if in_force and (one.purpose, one.receivers) not in again:
            yield {
                "kind": "consent",
                "client_ref": row.client_ref,
                "subject": row.pid,
                "consent_id": consent_id,
                "purpose": one.purpose,
                "receivers": list(one.receivers),
                "expires_at": format_time(one.expires_at),
            }


def _staff(node: Node, connection: Connection, former: Node, before: Connection) -> Iterator[dict[str, Any]]:
    now = node.clock.now_ms()
    roster = roster_of(node, connection, records.log_size(connection))
    for entry in roster_of(former, before, records.log_size(before)).keys:
        if entry.ended_at is None and _is_valid(entry, now) and roster.find(entry.key) is None:
            yield {"kind": "staff", "name": entry.name, "role": entry.role, "key": entry.key}


def _is_valid(entry: StaffKey, now_ms: int) -> bool:
    return parse_time(entry.expires_at, "expires_at") > now_ms


def _products(node: Node, connection: Connection) -> Iterator[dict[str, Any]]:
    rated = {domain.name: house_of(node, connection, domain, records.log_size(connection)) for domain in node.domains}
    for row in subjects.products_continuing(connection):
        if row.opens is not None and not any(house.last_of(row.opens) for house in rated.values()):
            yield {"kind": "product", "product_id": row.opens, "subject": row.pid}
