"""What one node takes over HTTP in bulk, and how soon it is anchored, against SQLite alone.

python scripts/bench/http_bulk.py [--quick] [--clients 2500]

A real node (all its processes, embedded chain) gets facts without a client's signature as NDJSON on one connection.
The native limit is the same rows, taken from the node's database, inserted into an empty one of the same schema with
the same durability (WAL, synchronous FULL) and as many rows a transaction. Anchored means final on the chain, as the
node itself says; the chain's own share is one plain transaction from sending to its receipt.
"""

from __future__ import annotations

import hashlib
import sqlite3
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from node_adapter.chain.rpc import HttpRpc
from node_adapter.chain.transactions import sign_transaction
from primitives.secp256k1 import address_of
from primitives.timestamp import parse_time
from scripts.bench.harness import Broker, arguments, broker, percentile, progress, table
from scripts.demo.surface import NDJSON, DemoError, from_ndjson, to_ndjson

FACTS_PER_CLIENT = 4
LINES_PER_REQUEST = 2_000
ROWS_PER_TRANSACTION = 200  # as many as the node writes in one
_POLL_SECONDS = 0.02


class AnchorWatch(threading.Thread):
    """Notes when the node first said how far its log is anchored."""

    def __init__(self, made: Broker) -> None:
        """Watch with a connection of its own."""
        super().__init__(daemon=True)
        self._broker = made
        self.seen: list[tuple[int, float]] = []
        self.stopping = False

    def run(self) -> None:
        """Poll until told to stop."""
        while not self.stopping:
            _, anchored = self._broker.log_state()
            if not self.seen or anchored > self.seen[-1][0]:
                self.seen.append((anchored, time.time()))
            time.sleep(_POLL_SECONDS)

    def latencies(self, promises: list[dict[str, Any]]) -> list[float]:
        """Return the seconds from acceptance to anchoring of every promise."""
        found = []
        for promise in promises:
            anchored_at = next(at for size, at in self.seen if size > promise["log_index"])
            found.append(anchored_at - parse_time(promise["recorded_at"], "recorded_at") / 1000)
        return found


def post_all(made: Broker, bodies: list[bytes], connections: int = 1) -> tuple[float, list[bytes]]:
    """Post bodies, on each connection one after the other; return the seconds and the raw answers."""
    headers = {"Authorization": f"Bearer {made.member.token('broker-system')}", "Content-Type": NDJSON}
    with (
        httpx.Client(base_url=made.member.url, headers=headers, timeout=300) as client,
        ThreadPoolExecutor(connections) as pool,
    ):

        def post(body: bytes) -> bytes:
            response = client.post("/v1/facts", content=body)
            response.raise_for_status()
            return response.content

        begun = time.perf_counter()
        answers = []
        for number, answer in enumerate(pool.map(post, bodies), 1):
            answers.append(answer)
            progress("requests of facts", number, len(bodies))
        return time.perf_counter() - begun, answers


def insert_again(database: Path) -> tuple[float, int, int]:
    """Insert the node's records into an empty database of the same schema; return seconds, rows and bytes."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as source:
        schema = [sql for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'record'") if sql]
        rows = source.execute("SELECT * FROM record ORDER BY log_index").fetchall()
    size = sum(len(value) for row in rows for value in row if isinstance(value, str | bytes))
    with tempfile.TemporaryDirectory(prefix="bonafides-bench-") as folder:
        target = sqlite3.connect(Path(folder) / "raw.db", isolation_level=None)
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", *schema):
            target.execute(statement)
        insert = f"INSERT INTO record VALUES ({','.join('?' * len(rows[0]))})"  # noqa: S608 - only question marks
        begun = time.perf_counter()
        for start in range(0, len(rows), ROWS_PER_TRANSACTION):
            target.execute("BEGIN IMMEDIATE")
            target.executemany(insert, rows[start : start + ROWS_PER_TRANSACTION])
            target.execute("COMMIT")
        seconds = time.perf_counter() - begun
        target.close()
    return seconds, len(rows), size


def plain_transactions(rpc_url: str, chain_id: int, count: int) -> list[float]:
    """Return the seconds from sending to receipt of transactions that do nothing."""
    key = hashlib.sha256(b"bench: plain transactions").digest()
    to, rpc = bytes.fromhex(address_of(key)[2:]), HttpRpc(rpc_url)
    times = []
    for nonce in range(count):
        call = {"nonce": nonce, "gasPrice": 0, "gas": 21_000, "to": to, "value": 0, "data": b"", "chainId": chain_id}
        raw, tx_hash = sign_transaction(call, key)
        begun = time.perf_counter()
        rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
        while rpc.call("eth_getTransactionReceipt", "0x" + tx_hash.hex()) is None:
            time.sleep(0.001)
        times.append(time.perf_counter() - begun)
    rpc.close()
    return times


def measure(made: Broker, clients: int) -> None:
    """Submit, wait for the anchors, compare, print."""
    facts = made.facts_of(made.enrol(clients))
    bodies = [to_ndjson(facts[at : at + LINES_PER_REQUEST]) for at in range(0, len(facts), LINES_PER_REQUEST)]
    made.submit(made.facts_of(made.enrol(1)))  # the first request warms what the node keeps in memory
    made.await_anchored()
    watch = AnchorWatch(made)
    watch.start()
    seconds, raw = post_all(made, bodies)
    made.await_anchored()
    time.sleep(10 * _POLL_SECONDS)
    watch.stopping = True
    watch.join()
    answers = [answer for data in raw for answer in from_ndjson(data)]
    promises = [answer["promise"] for answer in answers if answer["status"] == "accepted"]
    if len(promises) != len(facts):
        raise DemoError(f"{len(facts) - len(promises)} of {len(facts)} facts were not accepted")
    promises = [promise for promise in promises if promise is not None]
    late = watch.latencies(promises)
    plain = percentile(plain_transactions(made.rpc_url, made.chain_id, 20), 0.5)
    sqlite_seconds, rows, size = insert_again(made.member.home / "node.db")
    accepted, inserted = len(facts) / seconds, rows / sqlite_seconds
    table(
        f"{len(facts)} facts of {clients} subjects, {LINES_PER_REQUEST} lines a request, {size // rows} bytes a row",
        [
            ("accepted over HTTP", accepted, "records/s"),
            ("inserted into SQLite (native limit)", inserted, "rows/s"),
            ("ratio SQLite / HTTP", inserted / accepted, ""),
            ("accepted to anchored, median", percentile(late, 0.5), "s"),
            ("accepted to anchored, 95 %", percentile(late, 0.95), "s"),
            ("plain transaction to its receipt (native limit)", plain, "s"),
            ("ratio anchored, median / plain transaction", percentile(late, 0.5) / plain, ""),
            *((f"set-up: {what}", taken, "s") for what, taken in made.seconds.items()),
        ],
    )


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--clients", type=int, default=2_500, help=f"each with {FACTS_PER_CLIENT} facts")
    options = parser.parse_args()
    with broker() as made:
        measure(made, 100 if options.quick else options.clients)
    return 0


if __name__ == "__main__":
    sys.exit(main())
