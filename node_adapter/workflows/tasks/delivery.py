"""What this member sends to the other owners: each message until it is there, ever more slowly."""

from __future__ import annotations

import logging

from node_adapter.peers.messages import sign_message
from node_adapter.store import tasks
from node_adapter.workflows.tasks.current import Current, message_body
from node_adapter.workflows.tasks.tasks import SPEC_DELIVERED, SPEC_KIND, SPEC_PENDING
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from primitives.json_value import JsonObject

DELIVERED = "delivered"
ATTEMPT = "attempt"
FIRST_WAIT_MS = 250
LONGEST_WAIT_MS = 15_000
_MAX_RESENDS = 16
_log = logging.getLogger(__name__)


def kept_as(kind: str, to: str | None) -> str:
    """Return under which kind an own message is kept: one to a single owner is no message of the run for the others."""
    return kind if to is None else f"{kind}>{to}"


def deliver_spec(current: Current) -> None:
    """Send the specification to each other owner who lacks it; the proposer alone has any to send."""
    node, task_id = current.node, current.row.task_id
    with node.store.read() as connection:
        pending = tasks.messages_of(connection, task_id, SPEC_PENDING).keys()
        delivered = tasks.messages_of(connection, task_id, SPEC_DELIVERED).keys()
    for peer in sorted(pending - delivered):
        _send(current, peer, SPEC_KIND, current.spec.to_json(), SPEC_DELIVERED)


def deliver_messages(current: Current) -> None:
    """Send the engine's messages to each other owner who lacks one."""
    node, task_id = current.node, current.row.task_id
    for kind in current.engine.message_kinds:
        mark = f"{DELIVERED}:{kind}"
        with node.store.read() as connection:
            delivered = tasks.messages_of(connection, task_id, mark)
            to_all = tasks.messages_of(connection, task_id, kind).get(node.address)
            bodies = {
                peer: tasks.messages_of(connection, task_id, kept_as(kind, peer)).get(node.address, to_all)
                for peer in current.run.peers
                if peer not in delivered
            }
        for peer, body in bodies.items():
            if body is not None:
                _send(current, peer, kind, message_body(body), mark)


def _send(current: Current, peer: str, kind: str, body: JsonObject, mark: str) -> None:
    """Send once, if it is time to; a peer that is down or refuses is tried again, ever more slowly."""
    node, task_id, now = current.node, current.row.task_id, current.now
    attempt = f"{ATTEMPT}:{kind}"
    with node.store.read() as connection:
        tries = int(tasks.messages_of(connection, task_id, attempt).get(peer, "0"))
        last = tasks.message_times(connection, task_id, attempt).get(peer, 0)
    wait = min(FIRST_WAIT_MS * 2 ** min(tries, _MAX_RESENDS), LONGEST_WAIT_MS)
    url = node.settings.peers.get(peer)
    if url is None or (tries and now - last < wait):
        return
    try:
        node.send(url, sign_message(node, peer, kind, body))
    except (CouldNotCheck, Refused, InvalidInput) as error:
        _log.info("task %s: %s to %s: %s", task_id, kind, peer, error)
        with node.store.write() as connection:
            tasks.put_message(connection, task_id, peer, attempt, str(tries + 1), now)
        return
    with node.store.write() as connection:
        tasks.put_message(connection, task_id, peer, mark, "", now)
