"""Whether this member may record, and by which key it signs: every group of facts asks, only a block changes it."""

from __future__ import annotations

from sqlalchemy import Connection

from node_adapter.keys.member_keys import MemberKeys
from node_adapter.node import Node
from node_adapter.store.chain import member_registry
from node_adapter.store.chain.blocks import Block
from node_adapter.workflows.identity.keys_in_force import held_keys


def keys_of_active_member(node: Node, connection: Connection, tip: Block) -> MemberKeys:
    """Return the generation that the registry names at the newest indexed block, of a member that is active.

    What the registry says is read once for each block; whether the keystore holds the key is looked up each time.

    Args:
        node: the node.
        connection: in a transaction of a database that is no restored copy (`restored.require_caught_up`).
        tip: the newest indexed block, read in this transaction.

    Raises:
        Refused: `member-unknown`, `member-suspended`.
        CouldNotCheck: `signing-key-not-held`.
    """
    version = (tip.number, tip.hash)
    return held_keys(node, node.views.get(connection, "signs", "", version, lambda: _read(node, connection)))


def _read(node: Node, connection: Connection) -> bytes:
    return member_registry.require_active_member(connection, node.address).held.signing
