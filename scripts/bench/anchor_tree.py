"""What the tree of anchors costs in the database, and what a witness pays, at growing ages of the log.

python scripts/bench/anchor_tree.py [--quick]

Nothing of it may grow with the age but with the tree's height: a leaf appended, proofs and tiles read from stored
nodes, one proof for the anchors of a client's 200 records, a cosignature, a witness's state replaced on the disk. The
native limit of a proof is a plain question for as many rows.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from sqlalchemy import Connection, insert, select

from evidence.log.tree import NodeReader, consistency_proof, inclusion_path
from evidence.version2.log.anchor_tree import Peaks
from evidence.version2.log.anchors import AnchorLeaf
from evidence.version2.log.checkpoint import AnchorCheckpoint, sign_anchor_checkpoint
from evidence.version2.log.cosignature import cosign, witness_name
from evidence.version2.log.growth import GrowthState
from evidence.version2.log.multiproof import make_multiproof
from evidence.version2.log.witness_protocol import AddCheckpoint
from node_adapter.store import anchor_tree, migrate, schema, witnessed
from node_adapter.store.engine import Store, open_store
from node_adapter.workflows.anchoring.tiles import published_tile
from node_adapter.workflows.anchoring.witness import WitnessedLog, answer_add_checkpoint
from scripts.bench.harness import arguments, best_of, progress, table
from scripts.vectors.evidence import BROKER
from scripts.vectors.growing_log import KEYS, GrowingLog
from scripts.vectors.version2.log import BROKER_KEY, BROKER_SEED, WITNESS, WITNESS_SEED

ROWS_AT_ONCE = 20_000
RECORDS = 200


def leaf(seq: int) -> AnchorLeaf:
    """Return an anchor with some records."""
    some = hashlib.sha256(b"bench %d" % seq).digest()
    return AnchorLeaf(seq, some, 7 * seq, 7 * seq + 7, some, seq, 60 * seq, some, 1)


def fill(store: Store, age: int) -> None:
    """Write the rows of a log of so many anchors, many at a time."""
    peaks = Peaks()
    leaves: list[dict[str, object]] = []
    nodes: list[dict[str, object]] = []
    with store.write() as connection:
        for seq in range(1, age + 1):
            entry = leaf(seq)
            peaks, made = peaks.append(entry.hash())
            leaves.append({"seq": seq, "leaf": entry.encode()})
            nodes += [{"level": level, "position": position, "hash": value} for (level, position), value in made]
            if seq == age or len(leaves) == ROWS_AT_ONCE:
                connection.execute(insert(schema.log_leaf), leaves)
                connection.execute(insert(schema.log_node), nodes)
                leaves, nodes = [], []
                progress(f"anchors of {age}", seq, age)


def proved(connection: Connection, make: Callable[[NodeReader], list[bytes]]) -> list[bytes]:
    """Make a proof of the nodes that it needs."""
    return make(anchor_tree.node_reader(connection, make))


def measure(store: Store, age: int) -> None:
    """Measure and print what one age costs."""
    with store.write() as connection:
        appended, _ = best_of(
            lambda: anchor_tree.append_leaf(connection, leaf(anchor_tree.tree_size(connection) + 1)), 20
        )
    spread = [age // RECORDS * number for number in range(RECORDS)]
    with store.read() as connection:
        path, hashes = best_of(lambda: proved(connection, lambda node: inclusion_path(3, age, node)))
        rows = select(schema.log_node.c.hash).limit(len(hashes))
        native, _ = best_of(lambda: connection.execute(rows).all())
        consistency, _ = best_of(lambda: proved(connection, lambda node: consistency_proof(age // 2 + 1, age, node)))
        many, pool = best_of(lambda: proved(connection, lambda node: make_multiproof(spread, age, node)))
        tile, _ = best_of(lambda: published_tile(connection, "tile/0/000"))
        bundle, _ = best_of(lambda: published_tile(connection, "tile/entries/000"))
    checkpoint = AnchorCheckpoint(BROKER, age, bytes(32), bytes(32), 7 * age + 7)
    note = sign_anchor_checkpoint(checkpoint, BROKER_SEED)
    cosigned, _ = best_of(lambda: cosign(note, witness_name(WITNESS), age, WITNESS_SEED))
    kept, _ = best_of(lambda: keep(store, age, note))
    table(
        f"a log of {age} anchors",
        [
            ("a leaf appended, in an open transaction", appended * 1e3, "ms"),
            (f"an inclusion path of {len(hashes)} hashes", path * 1e3, "ms"),
            ("a plain question for as many rows (native limit)", native * 1e3, "ms"),
            ("ratio", path / native, ""),
            ("a consistency proof", consistency * 1e3, "ms"),
            (f"one proof for {RECORDS} anchors", many * 1e3, "ms"),
            ("its size, for each of them", 32 * len(pool) / RECORDS, "B"),
            ("a full tile of hashes", tile * 1e3, "ms"),
            ("a full bundle of entries", bundle * 1e3, "ms"),
            ("a cosignature", cosigned * 1e3, "ms"),
            ("a witness's state replaced, on the disk", kept * 1e3, "ms"),
        ],
    )


def keep(store: Store, age: int, note: str) -> None:
    """Replace what is kept of a log, as before each answer."""
    with store.write() as connection:
        before = witnessed.kept_state(connection, BROKER)
        after = GrowthState(age if before is None else before.seq + 1, bytes(32), bytes(32), age)
        if not witnessed.replace_state(connection, BROKER, before=before, after=after, note=note):
            raise AssertionError(witnessed.cosigned_note(connection, BROKER))


def witness(store: Store, anchors: int, records: int) -> float:
    """Return the seconds of one anchor's whole answer: its growth checked, the state on the disk, the cosignature."""
    log = GrowingLog()
    for _ in range(anchors):
        log.anchor(records)
    known = WitnessedLog(BROKER, BROKER_KEY, KEYS, log.opening, lambda seq, _: log.head(seq), log.growth)
    body = AddCheckpoint(0, (), log.checkpoint()).body()

    def answer() -> None:
        given = answer_add_checkpoint(
            store, body, find=lambda *_: known, name=witness_name(WITNESS), seed=WITNESS_SEED, now=1
        )
        if given.status != HTTPStatus.OK:
            raise AssertionError(given.body)

    taken, _ = best_of(answer, 1)
    return taken / anchors


def main() -> int:
    """Measure and print."""
    ages = (300, 3_000) if arguments(__doc__).parse_args().quick else (1_000, 30_000, 1_000_000)
    for age in ages:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "node.db"
            migrate.upgrade(path)
            store = open_store(path)
            fill(store, age)
            measure(store, age)
            store.dispose()
            table("", [("its database", path.stat().st_size / age, "B an anchor")])
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "node.db"
        migrate.upgrade(path)
        store = open_store(path)
        taken = witness(store, anchors=50, records=100)
        table("a witness", [("answer to a checkpoint, for each anchor of 100 records", 1e3 * taken, "ms")])
        store.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
