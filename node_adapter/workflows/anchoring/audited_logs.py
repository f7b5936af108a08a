"""What a member's node gives to whoever audits a broker's log with it: its own view of the chain, and the growth.

The public part of an audit needs no member: checkpoint and tiles. With a member's node each leaf is held against the
chain that this member follows, the checkpoint's key is the one that the registry held, and the growth of the map is
shown, since the node asks for it as a member.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from did.identifiers import member_did
from evidence.version2.log.anchors import Leaf
from node_adapter.node import Node
from node_adapter.store.chain import member_registry
from node_adapter.workflows.anchoring.growth import shown_growth
from node_adapter.workflows.anchoring.other_logs import LogAsOf, address_of, fetch_growth, find_log, leaves_after
from node_adapter.workflows.operation.endpoints import node_url
from primitives.errors import Refused

MAX_LEAVES = 1000


def show_log(node: Node, broker: str, seq: int | None) -> dict[str, Any]:
    """Return a broker's log as of an anchor: {"broker", "node", "seq", "leaf", "keys", "witnesses"}.

    `node` is the URL of its node, null where nobody says; `seq` the number of its newest anchor in this index; `leaf`
    that anchor, or the one that was asked for; `keys` the key set that it names; `witnesses` the other members with
    every checkpoint key that they ever had.

    Raises:
        Refused: `log-not-found`, no such member has anchored.
        CouldNotCheck: `index-behind`.
    """
    with node.store.read() as connection:
        found = _require_log(connection, node, broker, seq)
        own = found.address == node.address
        return {
            "broker": broker,
            "node": node.settings.http.url if own else node_url(node, connection, found.address),
            "seq": found.last,
            "leaf": found.leaf.to_json(),
            "keys": found.keys.to_json(),
            "witnesses": _witnesses(node, connection, found.address),
        }


def show_leaves(node: Node, broker: str, start: int, count: int) -> dict[str, Any]:
    """Return the leaves after number `start` as this index has them: {"start", "leaves": [hex of a leaf's bytes, ...]}.

    Raises:
        Refused: `log-not-found`.
    """
    with node.store.read() as connection:
        found = _require_log(connection, node, broker)
        leaves: list[Leaf] = [found.opening] if start == 0 else []
        leaves += leaves_after(connection, found.address, max(start, found.opening.seq), start + count)
    return {"start": start, "leaves": [leaf.encode().hex() for leaf in leaves]}


def show_growth(node: Node, broker: str, start: int) -> dict[str, Any]:
    """Return what the broker's node shows this member of the growth after an anchor.

    Raises:
        Refused: `log-not-found`, no such member has anchored; `growth-not-found`, of this member's own log.
        CouldNotCheck, VerificationFailed: as `fetch_growth`.
    """
    with node.store.read() as connection:
        address = _require_log(connection, node, broker).address
        if address == node.address:
            return shown_growth(connection, start).to_json()
    return fetch_growth(node, address, start).to_json()


def _witnesses(node: Node, connection: Connection, broker: str) -> list[dict[str, Any]]:
    chain_id = node.settings.chain.chain_id
    return [
        {
            "did": member_did(chain_id, address),
            "name": member.name,
            "active": member.active,
            "keys": [
                {"version": version, "checkpoint": keys.checkpoint.hex()}
                for version, keys in enumerate(member_registry.registered_keys(connection, address), 1)
            ],
        }
        for address, member in member_registry.members(connection).items()
        if address != broker
    ]


def _require_log(connection: Connection, node: Node, broker: str, seq: int | None = None) -> LogAsOf:
    address = address_of(node, broker)
    found = None if address is None else find_log(connection, address, seq)
    if found is None:
        raise Refused("log-not-found", "no member of this DID has anchored")
    return found
