"""How far witnesses are: the other members with this member's log, and this member with theirs.

The lag is in anchors: how many final ones were made since the newest that was gone over and cosigned.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from did.identifiers import member_did
from node_adapter.node import Node
from node_adapter.store import anchors, cosignatures, witnessed
from node_adapter.store.chain import member_registry
from node_adapter.store.cosignatures import Cosigner
from node_adapter.workflows.anchoring.other_logs import newest_leaf


def own_witnesses(node: Node, connection: Connection) -> list[dict[str, Any]]:
    """Return how far each other active member is with this member's log; nothing before the first anchor.

    `failed_since` (ms) and `failure` say since when and why one does not cosign; both null of one that does.
    """
    newest = anchors.last_final(connection)
    if newest is None:
        return []
    known = cosignatures.cosigners(connection)
    found = []
    for address, member in member_registry.members(connection).items():
        if member.active and address != node.address:
            state = known.get(address, Cosigner(address))
            found.append(
                {
                    "member": address,
                    "name": member.name,
                    "seq": state.seq,
                    "lag": newest.seq - state.seq,
                    "cosigned_at": state.cosigned_at,
                    "failed_since": state.failed_since,
                    "failure": state.failure,
                }
            )
    return found


def witnessed_logs(node: Node, connection: Connection) -> list[dict[str, Any]]:
    """Return how far this member is with the log of each other active broker that has anchored.

    `anew` says when and why its operator let it begin anew with one, and how far it had come before; null where never.
    """
    found = []
    for address, member in member_registry.members(connection).items():
        if not member.active or member.role != "broker" or address == node.address:
            continue
        last = newest_leaf(connection, address)
        if last is not None:
            did = member_did(node.settings.chain.chain_id, address)
            kept, anew = witnessed.kept_state(connection, did), witnessed.begun_anew(connection, did)
            seq = 0 if kept is None else kept.seq
            reached = {"member": address, "name": member.name, "seq": seq, "lag": last.seq - seq}
            found.append({**reached, "anew": None if anew is None else vars(anew)})
    return found
