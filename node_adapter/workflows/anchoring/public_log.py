"""What anybody may read of a member's log: its checkpoint and its tiles, none of which says anything of a record.

Batches are no part of it: they are shown to members (docs/spec/evidence-2.md, sections 8.2 and 16).
"""

from __future__ import annotations

from node_adapter.node import Node
from node_adapter.store import anchors
from node_adapter.workflows.anchoring.tiles import published_tile
from primitives.errors import Refused


def published_checkpoint(node: Node) -> str:
    """Return the signed note of the newest anchor that is final.

    Raises:
        Refused: `checkpoint-not-found`, nothing is anchored yet.
    """
    with node.store.read() as connection:
        newest = anchors.last_signed(connection)
    if newest is None:
        raise Refused("checkpoint-not-found", "this member has anchored nothing yet")
    return newest.checkpoint


def tile_of_log(node: Node, path: str) -> bytes:
    """Return the bytes of a tile, or of a bundle of entries, by its path below the log's prefix.

    Raises:
        InvalidInput: no path of a tile.
        Refused: `tile-not-found`; the log has not so much.
    """
    with node.store.read() as connection:
        return published_tile(connection, path)
