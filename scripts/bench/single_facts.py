"""Many clients, one fact a request, each under an Idempotency-Key, beside a Flask route that writes one row.

python scripts/bench/single_facts.py [--quick] [--clients 64] [--facts 6400]

A real node (all its processes, embedded chain) and the route (`serving/one_row.py`: the same front, as many processes
and threads, the same durability) take the same requests from the same generator (`serving/load.py`), in turn and in one
run. The processors that the generator takes are counted; what each process of the node took stands beside it. Unloaded
is one client who waits between two facts.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from typing import Any
from urllib.parse import urlsplit

from scripts.bench.harness import Broker, Row, arguments, broker, payloads, table
from scripts.bench.serving.load import Load, post, request_of
from scripts.bench.serving.one_row import SCHEMA, connect
from scripts.demo.surface import DemoError, wait_until

PROCESSES = 2  # as many as `bonafides node run` starts for HTTP
ROUNDS = 3
UNLOADED_FACTS = 100
UNLOADED_PAUSE = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def one_row(folder: Path) -> Iterator[tuple[str, int]]:
    """Serve the route; gives host and port."""
    database = folder / "one-row.db"
    connect(database).execute(SCHEMA).connection.close()
    with create_server(("127.0.0.1", 0), backlog=1024) as listening:
        number = listening.fileno()
        command = [sys.executable, "-m", "scripts.bench.serving.one_row", "--socket-fd", str(number)]
        running = [
            subprocess.Popen([*command, "--database", str(database)], pass_fds=[number]) for _ in range(PROCESSES)
        ]
        try:
            yield listening.getsockname()
        finally:
            for process in running:
                process.send_signal(signal.SIGTERM)
            for process in running:
                process.wait()


def facts_for(made: Broker, subjects: Sequence[str], count: int) -> list[dict[str, Any]]:
    """Return facts of subjects in turn."""
    kinds = list(payloads(0))
    return [
        made.fact(subjects[number % len(subjects)], kind, payloads(number)[kind])
        for number in range(count)
        for kind in [kinds[number % len(kinds)]]
    ]


def requests_of(made: Broker, facts: Sequence[dict[str, Any]]) -> list[bytes]:
    """Return a request for each fact, under a key of its own."""
    common = {"Authorization": f"Bearer {made.member.token('broker-system')}", "Content-Type": "application/json"}
    return [
        request_of("/v1/facts", json.dumps(fact).encode(), {**common, "Idempotency-Key": f"key-{fact['source_ref']}"})
        for fact in facts
    ]


def cpu_of(home: Path) -> dict[str, float]:
    """Return the seconds of a processor that each process of a node took so far, by what it does."""
    found: dict[str, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            parts = (folder / "stat").read_text("ascii").rpartition(")")[2].split()
        except OSError:  # it has ended since
            continue
        if str(home) not in line or "--only-health" in line:
            continue
        for name in ("api.server", "chain_process", "task_process"):
            if name in line:
                found[name] = found.get(name, 0.0) + (int(parts[11]) + int(parts[12])) / _TICKS
    return found


def require_taken(load: Load) -> Load:
    """Check that every fact was taken, with its promise or (202) without it."""
    if set(load.statuses) - {"201", "202"}:
        raise DemoError(f"not every fact was taken: {load.statuses}")
    return load


def as_one(loads: Sequence[Load]) -> Load:
    """Return several runs as one."""
    return Load(
        seconds=sum(load.seconds for load in loads),
        own_seconds=sum(load.own_seconds for load in loads),
        latencies=[seconds for load in loads for seconds in load.latencies],
        statuses=sum((load.statuses for load in loads), Counter[str]()),
    )


def rows_of(name: str, load: Load) -> list[Row]:
    """Return what is printed of a load."""
    return [
        (f"{name}: rate", load.rate, "/s"),
        (f"{name}: p50", 1000 * load.at(0.5), "ms"),
        (f"{name}: p99", 1000 * load.at(0.99), "ms"),
        (f"{name}: the generator's own share of a processor", load.own_seconds / load.seconds, ""),
    ]


def measure(made: Broker, folder: Path, clients: int, count: int, rounds: int) -> list[Row]:
    """Send the same requests to both, in turn, and return what is printed."""
    url = urlsplit(made.member.url)
    here = (url.hostname or "", url.port or 0)
    subjects = made.enrol(clients)
    made.submit(facts_for(made, subjects, clients))  # opens the histories
    facts: list[Load] = []
    rows: list[Load] = []
    used: dict[str, float] = {}

    def is_up() -> bool:
        return bool(post(*there, requests_of(made, facts_for(made, subjects, clients)), clients).latencies)

    with one_row(folder) as there:
        wait_until(is_up, what="the route", seconds=30)
        post(*here, requests_of(made, facts_for(made, subjects, clients)), clients)
        for _ in range(rounds):
            requests = requests_of(made, facts_for(made, subjects, count))
            rows.append(require_taken(post(*there, requests, clients)))
            before = cpu_of(made.member.home)
            facts.append(require_taken(post(*here, requests, clients)))
            after = cpu_of(made.member.home)
            used = {name: used.get(name, 0.0) + after[name] - before[name] for name in after}
        made.await_anchored()
        few = requests_of(made, facts_for(made, subjects, UNLOADED_FACTS))
        alone_there = require_taken(post(*there, few, 1, pause=UNLOADED_PAUSE))
        alone = require_taken(post(*here, few, 1, pause=UNLOADED_PAUSE))
    shares = [row.seconds / fact.seconds for row, fact in zip(rows, facts, strict=True)]
    taken = as_one(facts)
    return [
        *rows_of("one fact a request", taken),
        *rows_of("one row a request (native limit)", as_one(rows)),
        ("taken without a promise, which is owed", taken.statuses["202"], ""),
        ("ratio of the rates, fact / row, median of the rounds", statistics.median(shares), ""),
        *(
            (f"of a processor, for each fact: {name}", 1000 * seconds / len(taken.latencies), "ms")
            for name, seconds in used.items()
        ),
        ("unloaded, a fact: p50", 1000 * alone.at(0.5), "ms"),
        ("unloaded, a fact: p99", 1000 * alone.at(0.99), "ms"),
        ("unloaded, a row: p50", 1000 * alone_there.at(0.5), "ms"),
        ("unloaded, a row: p99", 1000 * alone_there.at(0.99), "ms"),
    ]


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--facts", type=int, default=6_400, help="in all rounds together")
    options = parser.parse_args()
    rounds = 1 if options.quick else ROUNDS
    count = (640 if options.quick else options.facts) // rounds
    with broker() as made:
        found = measure(made, made.directory, options.clients, count, rounds)
        table(f"{count * rounds} facts of {options.clients} clients, {PROCESSES} processes for HTTP", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
