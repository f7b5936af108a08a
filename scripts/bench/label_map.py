"""What the append-only map costs: leaves inserted at several sizes, memory and disk, proofs made and checked.

python scripts/bench/label_map.py [--quick] [--leaves N ...] [--database URL]

The map lies in a database of its own, as in a node: a file of SQLite, or an empty database of PostgreSQL, whose own CPU
time is in the rates by the clock alone. It grows in batches of 100,000 to each size, where batches of 100,
1,000 and 10,000 are then measured. The native limit of a batch is its hashes alone: a leaf, and a node for each level
of the map that it does not share with the other leaves of its batch. That of a proof's check is as many hashes as its
path is long. Rates are of CPU seconds of one process.
"""

from __future__ import annotations

import hashlib
import json
import math
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from evidence.version2.map.append_proof import APPEND_PROOF, verify_append
from evidence.version2.map.label_map import Absence, verify_absence, verify_presence
from node_adapter.store import migrate
from node_adapter.store.engine import Store, open_store
from node_adapter.store.label_map import LabelMapStore
from node_adapter.store.place import Place, read_database_url
from scripts.bench.harness import arguments, progress, table
from scripts.bench.leaves import hash_loop

BUILDING = 100_000
BATCHES = (100, 1_000, 10_000)
LEAF_INPUT, NODE_INPUT = bytes(81), bytes(65)
Result = TypeVar("Result")


def digest(kind: str, number: int) -> bytes:
    """Return a label or an entry; they are as random as those of records."""
    return hashlib.sha256(f"{kind} {number}".encode()).digest()


def entries(first: int, count: int) -> dict[bytes, bytes]:
    """Return so many labels with their entries."""
    return {digest("label", number): digest("entry", number) for number in range(first, first + count)}


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return what work takes of this process's CPU time."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return the CPU seconds of work, and its outcome."""
    begun = time.process_time()
    outcome = work()
    return time.process_time() - begun, outcome


class Insertion(NamedTuple):
    """Records inserted in a second of this process's CPU time, and in a second by the clock."""

    cpu: float
    clock: float


class Map:
    """A map in a database, and how far it has grown."""

    def __init__(self, place: Place) -> None:
        """Start empty, in a file or on a server."""
        migrate.upgrade(place)
        self.place = place
        self.store: Store = open_store(place)
        self.map = LabelMapStore()
        self.seq = self.size = 0

    def add(self, batch: dict[bytes, bytes]) -> None:
        """Insert a batch under the next anchor, to its commit."""
        self.seq += 1
        with self.store.write() as connection:
            self.map.insert(connection, self.seq, batch)
        self.size += len(batch)

    def bytes_stored(self) -> int:
        """Return what the database takes."""
        if isinstance(self.place, Path):
            return self.place.stat().st_size
        with self.store.read() as connection:
            return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())

    def grow(self, size: int) -> float:
        """Grow to a size; return the CPU seconds of a record on the way."""
        begun, taken = self.size, 0.0
        while self.size < size:
            batch = entries(self.size, min(BUILDING, size - self.size))
            taken += cpu_seconds(partial(self.add, batch))
            progress("leaves", self.size, size)
        return taken / max(1, size - begun)

    def insertion(self, count: int, times: int) -> Insertion:
        """Insert batches of a size."""
        batches = [entries(self.size + number * count, count) for number in range(times)]

        def add_all() -> None:
            for batch in batches:
                self.add(batch)

        begun = time.monotonic()
        taken = cpu_seconds(add_all)
        return Insertion(count * times / taken, count * times / (time.monotonic() - begun))


def native_rate(size: int, batch: int) -> float:
    """Return the records a second of the hashes alone."""
    alone = max(1.0, math.log2(size) - math.log2(batch)) + 2  # nodes of one leaf only, and its share of those above
    count = 20_000
    leaves = cpu_seconds(lambda: hash_loop(LEAF_INPUT, count))
    return count / (leaves + cpu_seconds(lambda: hash_loop(NODE_INPUT, int(count * alone))))


def measure(made: Map, size: int, proofs: int, times: int) -> None:
    """Grow to a size, and print what things cost there."""
    building = made.grow(size)
    rows = [(f"built in batches of {BUILDING}", 1 / building, "records/CPU s")]
    for batch in BATCHES:
        rate, native = made.insertion(batch, max(1, times * BATCHES[-1] // (4 * batch))), native_rate(size, batch)
        rows += [
            (f"inserted in batches of {batch}", rate.cpu, "records/CPU s"),
            ("by the clock", rate.clock, "records/s"),
            ("as many hashes (native limit)", native, "records/CPU s"),
            ("ratio", native / rate.cpu, ""),
        ]
        rows += append_rows(made, batch)
    rows += proof_rows(made, proofs)
    rows += start_rows(made)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows += [("memory of the process, at most", memory, "MiB")]
    rows += [("database", made.bytes_stored() / made.size, "B/leaf")]
    table(f"a map of {size} leaves", rows)


def append_rows(made: Map, batch: int) -> list[tuple[str, float, str]]:
    """Return what the append proof of the last batch costs."""
    with made.store.read() as connection:
        making, proof = timed(lambda: made.map.append_proof(connection, made.seq - 1, made.seq))
    text = json.dumps(proof.to_json(), separators=(",", ":"))
    reading = cpu_seconds(lambda: APPEND_PROOF.read(json.loads(text), "proof"))
    checking = cpu_seconds(lambda: verify_append(proof.old, proof))
    return [
        (f"append proof of {batch}, leaves and all", len(text) / batch, "B/record"),
        ("append proof made", batch / making, "records/CPU s"),
        ("append proof read and checked", batch / (reading + checking), "records/CPU s"),
    ]


def proof_rows(made: Map, proofs: int) -> list[tuple[str, float, str]]:
    """Return what proofs of presence and absence cost, of the newest map and of the one before."""
    asked = [number * (made.size // proofs) for number in range(proofs)]
    with made.store.read() as connection:
        newest = made.map.view(connection)
        making, paths = timed(lambda: [newest.prove(digest("label", number)).path for number in asked])
        absent, absences = timed(lambda: [newest.prove(digest("nobody", number)) for number in asked])
        before = made.map.view(connection, made.seq - 1)
        older = cpu_seconds(lambda: [before.prove(digest("label", number)) for number in asked])
        root = newest.root

    def check() -> None:
        for number, path in zip(asked, paths, strict=True):
            verify_presence(root, digest("label", number), digest("entry", number), path)

    def check_absences() -> None:
        for number, proof in zip(asked, absences, strict=True):
            if isinstance(proof, Absence):
                verify_absence(root, digest("nobody", number), proof)

    checking = cpu_seconds(check)
    checking_absence = cpu_seconds(check_absences)
    nodes = sum(map(len, paths))
    native = cpu_seconds(lambda: hash_loop(NODE_INPUT, nodes + proofs))
    return [
        ("nodes of a path", nodes / proofs, ""),
        ("presence proved", 1e6 * making / proofs, "us"),
        ("absence proved", 1e6 * absent / proofs, "us"),
        ("presence proved in the map before", 1e6 * older / proofs, "us"),
        ("presence checked", 1e6 * checking / proofs, "us"),
        ("absence checked", 1e6 * checking_absence / proofs, "us"),
        ("hashes of as many nodes (native limit)", 1e6 * native / proofs, "us"),
        ("ratio of checking", checking / native, ""),
    ]


def start_rows(made: Map) -> list[tuple[str, float, str]]:
    """Return what the first proof after a start costs."""
    with made.store.read() as connection:
        begun = cpu_seconds(lambda: LabelMapStore().prove(connection, digest("label", 0)))
    return [("first proof after a start", begun * 1000, "ms")]


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--leaves", type=int, nargs="+", help="the sizes, ascending; 100,000 unless told")
    parser.add_argument("--database", type=read_database_url, help="of PostgreSQL, and empty; SQLite unless told")
    given = parser.parse_args()
    sizes = given.leaves or ([20_000] if given.quick else [100_000])
    with tempfile.TemporaryDirectory(prefix="bonafides-bench-") as folder:
        if given.database is not None:
            migrate.require_empty(given.database)
        made = Map(given.database or Path(folder) / "node.db")
        for size in sizes:
            measure(made, size, 200 if given.quick else 2_000, 1 if given.quick else 4)
        made.store.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
