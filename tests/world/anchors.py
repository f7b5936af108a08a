"""All anchors of a node, which nothing but a test reads at once."""

import itertools

from node_adapter.store import anchors
from node_adapter.store.anchors import FIRST_ANCHOR


def every_anchor(node):
    with node.store.read() as connection:
        rows = (anchors.by_seq(connection, seq) for seq in itertools.count(FIRST_ANCHOR))
        return list(itertools.takewhile(lambda row: row is not None, rows))
