"""All anchors of a node, which nothing but a test reads at once."""

import itertools

from evidence.version2.log.anchors import FIRST_ANCHOR
from node_adapter.store import anchors


def every_anchor(node):
    with node.store.read() as connection:
        rows = (anchors.by_seq(connection, seq) for seq in itertools.count(FIRST_ANCHOR))
        return list(itertools.takewhile(lambda row: row is not None, rows))
