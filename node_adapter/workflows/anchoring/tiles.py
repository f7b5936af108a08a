"""This member's log as C2SP tlog-tiles, each rendered from stored rows when it is asked for.

Specification: docs/spec/evidence-2.md, section 16. Nothing of a tile ever changes, so whoever stands before the node
may keep it; nothing reads more rows than it shows.
"""

from __future__ import annotations

from sqlalchemy import Connection

from evidence.version2.log.tiles import encode_entries, parse_tile_path
from node_adapter.store import anchor_tree
from primitives.errors import Refused


def published_tile(connection: Connection, path: str) -> bytes:
    """Return the bytes of a tile, or of a bundle of entries, by its path below the log's prefix.

    Raises:
        InvalidInput: no path of a tile.
        Refused: `tile-not-found`; the log has not so much.
    """
    tile = parse_tile_path(path)
    if not tile.is_in(anchor_tree.tree_size(connection)):
        raise Refused("tile-not-found", "the log has not grown so far")
    if tile.level is None:
        return encode_entries(anchor_tree.leaves(connection, tile.first + 1, tile.width))
    row, _ = tile.places()[0]
    return b"".join(anchor_tree.node_row(connection, row, tile.first, tile.width))
