"""What one node makes of evidence, from intake to replay, in one run: each rate beside its native limit.

python scripts/bench/evidence_rates.py [--quick] [--records 20000] [--leaves 10000000]

A real node (all its processes, embedded chain) takes facts of machines in bulk on two connections, which is timed until
they are stored and until they are anchored, then acts that a client signed, then single facts of 64 clients, and
replays clients out of that log. Log and map are measured beside it, without a node. Where the other scripts measure the
same, it is by their functions.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from scripts.bench.harness import Broker, Row, arguments, best_of, broker, percentile, table
from scripts.bench.http_bulk import (
    FACTS_PER_CLIENT,
    LINES_PER_REQUEST,
    AnchorWatch,
    insert_again,
    post_all,
)
from scripts.bench.label_map import Map, cpu_seconds, digest, native_rate, timed
from scripts.bench.leaves import grow, hash_loop
from scripts.bench.replays import Client, replayed
from scripts.bench.single_facts import measure as measure_single
from scripts.demo.surface import DemoError, from_ndjson, to_ndjson

CONNECTIONS = 2
SINGLE_CLIENTS = 64
BATCH = 10_000
PROOFS = 1_000
_WATCHED_SECONDS = 0.2


def bulk_rows(made: Broker, records: int) -> list[Row]:
    """Take records of machines in bulk: how many a second until they are stored, and until they are anchored."""
    facts = made.facts_of(made.enrol(max(1, records // FACTS_PER_CLIENT)))
    per_request = min(LINES_PER_REQUEST, -(-len(facts) // CONNECTIONS))
    bodies = [to_ndjson(facts[at : at + per_request]) for at in range(0, len(facts), per_request)]
    made.submit(made.facts_of(made.enrol(1)))  # warms what the node keeps in memory
    made.await_anchored()
    watch = AnchorWatch(made)
    watch.start()
    begun = time.perf_counter()
    seconds, raw = post_all(made, bodies, CONNECTIONS)
    made.await_anchored()
    anchored = time.perf_counter() - begun
    time.sleep(_WATCHED_SECONDS)
    watch.stopping = True
    watch.join()
    answers = [answer for data in raw for answer in from_ndjson(data)]
    if any(answer["status"] != "accepted" for answer in answers):
        raise DemoError("not every fact was accepted")
    promises = [answer["promise"] for answer in answers if answer["promise"] is not None]
    late = watch.latencies(promises)
    inserting, rows, _ = insert_again(made.member.home / "node.db")
    return [
        ("machine records in bulk, stored", len(facts) / seconds, "records/s"),
        ("the same rows into SQLite (native limit)", rows / inserting, "rows/s"),
        ("ratio", (rows / inserting) / (len(facts) / seconds), ""),
        ("machine records in bulk, with map and anchors", len(facts) / anchored, "records/s"),
        ("lag from acceptance to anchor, median", percentile(late, 0.5), "s"),
        ("lag from acceptance to anchor, 99 %", percentile(late, 0.99), "s"),
        ("taken without a promise, which is owed", len(answers) - len(promises), ""),
    ]


def signed_rows(made: Broker, acts: int) -> list[Row]:
    """Take acts that a client's wallet signed, each verified before it is stored."""
    client = Client(made, "signs")
    client.live(6)
    signed = client.signed(acts)
    begun = time.perf_counter()
    made.submit(signed)
    seconds = time.perf_counter() - begun
    key = Ed25519PrivateKey.generate()
    public, signature = key.public_key(), key.sign(b"bench")

    def verify() -> None:
        for _ in range(acts):
            public.verify(signature, b"bench")

    native, _ = best_of(verify)
    return [
        ("acts of a client, verified and stored", acts / seconds, "records/s"),
        ("as many signatures of Ed25519 verified (native limit)", acts / native, "/s"),
        ("ratio", seconds / native, ""),
    ]


def tree_rows(leaves: int) -> list[Row]:
    """Append leaves to a log's tree, with a root for each batch."""
    entries = [digest("entry", number) for number in range(leaves)]
    growing, _ = best_of(lambda: grow(entries, BATCH), 2)
    native = sum(best_of(partial(hash_loop, bytes(size), leaves), 2)[0] for size in (33, 65))
    return [
        (f"leaves appended {BATCH} at a time, with roots", leaves / growing, "leaves/s"),
        ("2n - 1 plain hashes (native limit)", leaves / native, "leaves/s"),
        ("ratio", growing / native, ""),
    ]


def map_rows(leaves: int) -> list[Row]:
    """Put as many records into a stored map, and prove some of them."""
    with tempfile.TemporaryDirectory(prefix="bonafides-bench-") as folder:
        made = Map(Path(folder) / "node.db")
        building = made.grow(leaves)
        asked = [number * (leaves // PROOFS) for number in range(PROOFS)]
        with made.store.read() as connection:
            view = made.map.view(connection)
            proving, _ = timed(lambda: [view.prove(digest("label", number)) for number in asked])
        made.store.dispose()
    native = native_rate(leaves, BATCH)
    hashes = cpu_seconds(lambda: hash_loop(bytes(65), PROOFS * leaves.bit_length()))
    return [
        (f"records put into a map of {leaves:,}", 1 / building, "records/CPU s"),
        ("as many hashes (native limit)", native, "records/CPU s"),
        ("ratio", native * building, ""),
        ("proofs of presence made", PROOFS / proving, "proofs/CPU s"),
        ("as many hashes (native limit)", PROOFS / hashes, "proofs/CPU s"),
        ("ratio", proving / hashes, ""),
    ]


def replay_rows(made: Broker, records: int) -> list[Row]:
    """Replay a client of so many records out of the node's log, from asking to done."""
    client = Client(made, f"of {records}")
    client.live(records)
    made.await_anchored()
    compliance = made.member.as_role("compliance")
    replaying, replay_id = best_of(lambda: replayed(compliance, client.subject), 2)
    bundle = to_ndjson([compliance.get(f"/v1/replays/{replay_id}/bundle")])
    plain, _ = best_of(lambda: hashlib.sha256(bundle).digest())
    return [
        (f"replay of {records} records, of a log of {made.log_state()[0]:,}", replaying, "s"),
        ("SHA-256 of the bundle's bytes (native limit)", plain, "s"),
        ("ratio", replaying / plain, ""),
    ]


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--records", type=int, default=20_000, help="of machines, in bulk")
    parser.add_argument("--leaves", type=int, default=1_000_000, help="of the tree and of the map")
    given = parser.parse_args()
    records, leaves = (800, 20_000) if given.quick else (given.records, given.leaves)
    table(f"log and map of {leaves:,} records, without a node", [*tree_rows(leaves), *map_rows(leaves)])
    with broker() as made:
        table(f"{records:,} records of machines, {CONNECTIONS} connections", bulk_rows(made, records))
        table("acts that a client signed", signed_rows(made, 60 if given.quick else 1_200))
        single = 128 if given.quick else 6_400
        rounds = 1 if given.quick else 3
        found = measure_single(made, made.directory, SINGLE_CLIENTS, single // rounds, rounds)
        table(f"{single:,} single facts of {SINGLE_CLIENTS} clients", found)
        for size in (60,) if given.quick else (200, 1_000):
            table("a replay", replay_rows(made, size))
    return 0


if __name__ == "__main__":
    sys.exit(main())
