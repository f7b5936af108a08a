"""The tree of this member's anchors (format 2): its leaves, and the hash of every complete subtree, written once.

A leaf comes when its anchor is final. From these rows any tile, path or consistency proof is read, at whatever size the
tree had, by a number of rows that grows with its height alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, func, insert, select

from evidence.version2.log.anchor_tree import NodeReader, Peaks, Place, peaks_of, places
from evidence.version2.log.anchors import Leaf, decode_leaf
from node_adapter.store.operations import in_parts
from node_adapter.store.schema import log_leaf, log_node
from primitives.errors import InvalidInput

_NODE = select(log_node.c.hash).where(log_node.c.level == bindparam("at_level"), log_node.c.position == bindparam("at"))


def tree_size(connection: Connection) -> int:
    """Return the number of leaves."""
    return connection.execute(select(func.max(log_leaf.c.seq))).scalar_one() or 0


def append_leaf(connection: Connection, leaf: Leaf) -> Peaks:
    """Add the next leaf, and return the tree with it.

    Raises:
        InvalidInput: `order`; it is not the next one.
    """
    size = tree_size(connection)
    if leaf.seq != size + 1:
        raise InvalidInput("leaf.seq", "order", f"must be {size + 1}, the next one")
    peaks, nodes = peaks_at(connection, size).append(leaf.hash())
    connection.execute(insert(log_leaf).values(seq=leaf.seq, leaf=leaf.encode()))
    rows = [{"level": level, "position": position, "hash": hash_} for (level, position), hash_ in nodes]
    connection.execute(insert(log_node), rows)
    return peaks


def peaks_at(connection: Connection, size: int) -> Peaks:
    """Return the peaks of the tree of the first `size` leaves."""
    return peaks_of(size, node_reader(connection, lambda node: peaks_of(size, node)))


def node_reader(connection: Connection, make: Callable[[NodeReader], object]) -> NodeReader:
    """Return a reader of the nodes that a maker of proofs asks for, all of which are read together.

    Raises:
        InvalidInput: `index`; one of them is not in the tree.
    """
    return read_nodes(connection, log_node, make)


def read_nodes(
    connection: Connection, table: Table, make: Callable[[NodeReader], object], *of: ColumnElement[bool]
) -> NodeReader:
    """Return a reader as `node_reader` does, of another tree: of those rows of a table of which `of` holds.

    Raises:
        InvalidInput: `index`; one of them is not in the tree.
    """
    wanted = places(make)
    levels: defaultdict[int, list[int]] = defaultdict(list)
    for level, position in wanted:
        levels[level].append(position)
    found: dict[Place, bytes] = {}
    for level, positions in levels.items():  # one level a question: of pairs SQLite would compare every row
        for part in in_parts(positions):
            rows = select(table.c.position, table.c.hash).where(*of, table.c.level == level, table.c.position.in_(part))
            found.update(((level, row.position), row.hash) for row in connection.execute(rows))
    if len(found) != len(wanted):
        raise InvalidInput("size", "index", "the tree is not as large")
    return lambda level, position: found[level, position]


def node(connection: Connection, level: int, position: int) -> bytes:
    """Return the hash of one complete subtree.

    Raises:
        InvalidInput: `index`; it is not in the tree.
    """
    found: bytes | None = connection.execute(_NODE, {"at_level": level, "at": position}).scalar_one_or_none()
    if found is None:
        raise InvalidInput("size", "index", "the tree is not as large")
    return found


def node_row(connection: Connection, level: int, first: int, count: int) -> list[bytes]:
    """Return up to `count` hashes of one level from `first` on."""
    row = select(log_node.c.hash).where(log_node.c.level == level, log_node.c.position >= first)
    return list(connection.execute(row.order_by(log_node.c.position).limit(count)).scalars())


def find_leaf(connection: Connection, seq: int) -> Leaf | None:
    """Return the leaf of a number, or None."""
    data = connection.execute(select(log_leaf.c.leaf).where(log_leaf.c.seq == seq)).scalar_one_or_none()
    return None if data is None else decode_leaf(data)


def leaves(connection: Connection, first: int, count: int) -> list[bytes]:
    """Return the bytes of up to `count` leaves from number `first` on, which counts from 1."""
    rows = select(log_leaf.c.leaf).where(log_leaf.c.seq >= first).order_by(log_leaf.c.seq).limit(count)
    return list(connection.execute(rows).scalars())


def truncate(connection: Connection, size: int) -> None:
    """The chain has lost the anchors after number `size`: take their leaves back, and what was hashed of them."""
    newest = tree_size(connection)
    connection.execute(delete(log_leaf).where(log_leaf.c.seq > size))
    for level in range(newest.bit_length()):
        beyond = log_node.c.position >= size >> level
        connection.execute(delete(log_node).where(log_node.c.level == level, beyond))
