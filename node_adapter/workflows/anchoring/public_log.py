"""What anybody may read of a member's log: the anchored checkpoint and the entries under it, which are salted HMACs."""

from __future__ import annotations

from node_adapter.node import Node
from node_adapter.store import anchors, records
from primitives.errors import InvalidInput, Refused

MAX_ENTRIES = 1000


def published_checkpoint(node: Node) -> str:
    """Return the signed note of the newest anchor that is final.

    Raises:
        Refused: `checkpoint-not-found`, nothing is anchored yet.
    """
    with node.store.read() as connection:
        newest = anchors.last_final(connection)
    if newest is None:
        raise Refused("checkpoint-not-found", "this member has anchored nothing yet")
    return newest.checkpoint


def published_entries(node: Node, start: int, count: int) -> list[bytes]:
    """Return up to `count` entries from `start`, as far as they are anchored."""
    if not 0 < count <= MAX_ENTRIES:
        raise InvalidInput("count", "range", f"must be between 1 and {MAX_ENTRIES}")
    with node.store.read() as connection:
        size = anchors.anchored_size(connection)
        if start > size:
            raise InvalidInput("start", "range", f"the anchored log has {size} entries")
        return records.fingerprints(connection, start, min(start + count, size))
