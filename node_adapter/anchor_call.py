"""The call by which this member anchors: made of the tree as it is when the call leaves.

The contract checks the peaks of the tree before, and a leaf names the block in which it was made: after a reset of the
chain the same anchor has another leaf, and every anchor after it other peaks.
"""

from __future__ import annotations

from sqlalchemy import Connection

from evidence.version2.log.anchors import FIRST_ANCHOR
from node_adapter.chain.abi import LOG_OF_ANCHORS, encode_call
from node_adapter.store import anchor_tree
from node_adapter.store.anchors import AnchorRow


def anchor_call(connection: Connection, row: AnchorRow) -> bytes | None:
    """Return the call data of an anchor that is not final; None while the one before it is not final either.

    Args:
        connection: a connection inside a transaction.
        row: the anchor.
    """
    size = anchor_tree.tree_size(connection)
    if size != (0 if row.seq == FIRST_ANCHOR else row.seq - 1):
        return None
    peaks = list(anchor_tree.peaks_at(connection, size).hashes)
    return encode_call(LOG_OF_ANCHORS, "anchor", row.seq, peaks, row.batch_root, row.size, row.map_root)
