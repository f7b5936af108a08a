"""What this member puts into a joint task: whose data the consents allow, and the newest payload of each of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from did.identifiers import parse_did
from mpc.errors import PolicyRefused
from mpc.policy import ConsentStanding, require_consent
from mpc.registry import AnyTask, engine_of
from node_adapter.node import Node
from node_adapter.store import consents, subjects, tasks
from node_adapter.store.consents import ConsentRow
from node_adapter.store.tasks import TaskClient
from node_adapter.workflows.consent.standing import Known, known_consents
from primitives.errors import InvalidInput, Refused
from primitives.json_value import JsonObject


@dataclass(frozen=True)
class LocalInput:
    """Who takes part, by which consent, and each one's payload in the same order."""

    clients: tuple[TaskClient, ...]
    payloads: tuple[JsonObject, ...] = field(repr=False)


def standing(row: ConsentRow, known: Known) -> ConsentStanding:
    """Put together what is known about a consent: its terms are the row's, its end the earliest that anybody tells."""
    return ConsentStanding(
        consent_id=row.consent_id,
        purpose=row.purpose,
        receivers=frozenset(parse_did(did, "receivers").address for did in json.loads(row.receivers)),
        given_at=row.given_at,
        expires_at=row.expires_at if known.expires_at is None else known.expires_at,
        withdrawn_here=known.withdrawn_here,
        granted_on_chain=known.granted_on_chain,
        withdrawn_on_chain=known.withdrawn_on_chain,
    )


def local_input(
    node: Node, connection: Connection, spec: AnyTask, named: Sequence[TaskClient], now_ms: int
) -> LocalInput:
    """Return the clients whose consent covers the task now and who have data, with those data.

    Args:
        node: this member's node.
        connection: inside a transaction, so that consents and data are of one moment.
        spec: the task.
        named: the clients that the operator named; empty for every client who consents.
        now_ms: the time.

    Raises:
        PolicyRefused: a named client has no such consent or no data.
    """
    if named:
        consenting = require_named(node, connection, spec, [client.pid for client in named], now_ms)
    else:
        consenting = consenting_clients(node, connection, spec, now_ms)
    source = engine_of(spec).source
    payloads = tasks.latest_payloads(connection, source, [client.pid for client in consenting])
    clients = tuple(client for client in consenting if client.pid in payloads)
    if named and len(clients) != len(named):
        raise PolicyRefused("no-client-data", f"a client named for the task has no {source} record")
    return LocalInput(clients, tuple(json.loads(payloads[client.pid]) for client in clients))


def consenting_clients(node: Node, connection: Connection, spec: AnyTask, now_ms: int) -> list[TaskClient]:
    """Return each client with a consent that covers the task now, with the earliest such consent."""
    found: dict[str, TaskClient] = {}
    rows = consents.for_purpose(connection, spec.purpose.name, now_ms)
    for row, entry in zip(rows, _standings(node, connection, rows), strict=True):
        if row.pid not in found and _refusal(spec, node.address, entry, now_ms) is None:
            found[row.pid] = TaskClient(row.pid, row.consent_id)
    return sorted(found.values(), key=lambda client: client.pid)


def require_named(
    node: Node, connection: Connection, spec: AnyTask, pids: Iterable[str], now_ms: int
) -> list[TaskClient]:
    """Return the named clients with the consents that cover the task.

    Raises:
        PolicyRefused: with the code of the first client whose consents do not cover it.
    """
    found = []
    for pid in pids:
        standings = _standings(node, connection, consents.of_subject(connection, pid))
        refusals = [_refusal(spec, node.address, entry, now_ms) for entry in standings]
        if None in refusals:
            found.append(TaskClient(pid, standings[refusals.index(None)].consent_id))
            continue
        same_purpose = [entry for entry in standings if entry.purpose == spec.purpose.name]
        require_consent(spec, node.address, same_purpose[-1] if same_purpose else None, now_ms)
    return found


def resolve_clients(connection: Connection, references: Sequence[str]) -> list[str]:
    """Return the pseudonyms of the broker's own client references.

    Raises:
        Refused: `subject-not-found`.
        InvalidInput: a client is named twice.
    """
    known = subjects.by_client_refs(connection, references)
    for index, reference in enumerate(references):
        if reference not in known:
            raise Refused("subject-not-found", f"clients.{index}: this broker has no such client")
    if len(known) != len(references):
        raise InvalidInput("clients", "unique", "names a client twice")
    return [known[reference].pid for reference in references]


def _standings(node: Node, connection: Connection, rows: Sequence[ConsentRow]) -> list[ConsentStanding]:
    known = known_consents(node, connection, [(row.pid, row.consent_id) for row in rows])
    return [standing(row, known[row.consent_id]) for row in rows]


def _refusal(spec: AnyTask, member: str, entry: ConsentStanding, now_ms: int) -> str | None:
    try:
        require_consent(spec, member, entry, now_ms)
    except PolicyRefused as error:
        return error.code
    return None
