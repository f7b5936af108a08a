"""What a node costs the older it is: start, memory, a fact, a replay, receipts and a check of all, at several lengths.

python scripts/bench/growth.py [--quick] [--sizes 1000 10000 100000]

A real node (all its processes, embedded chain) takes facts of ever more clients. At each length of its log it is
started anew and measured, with one client who stays the same. Beside each figure stands its ratio to the shortest log:
1 says that age costs nothing. Of the log and the map a process keeps the upper levels in memory, as it reads them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from did.identifiers import member_did
from node_adapter.fsck.check import Fsck, FsckState
from node_adapter.settings import Settings
from node_adapter.store import tokens
from node_adapter.store.engine import open_store
from scripts.bench.harness import NAME, Broker, arguments, best_of, broker, payloads, progress
from scripts.bench.replays import Client, replayed
from scripts.demo.surface import Http

SIZES = (1_000, 10_000, 100_000)
QUICK = (200, 800)
RECORDS_OF_CLIENT = 60
CLIENTS_AT_ONCE = 500
PAGE = 20
_TOKEN = "of the client that stays the same"  # noqa: S105 - of a network that is gone at the end
_SESSION_MS = 86_400_000
_PROCESSES = ("chain_process", "task_process", "api.server")


def grow(made: Broker, size: int) -> None:
    """Let the node take facts of new clients until its log has a length, and anchor them."""
    while (missing := size - made.log_state()[0]) > 0:
        fresh = made.enrol(min(CLIENTS_AT_ONCE, -(-missing // len(payloads(0)))))
        made.submit(made.facts_of(fresh)[:missing])
        progress("records", made.log_state()[0], size)
    made.await_anchored()


def measure(made: Broker, client: Client) -> dict[str, float]:
    """Start the node anew and measure it; seconds, and MiB of memory."""
    made.stop_node(NAME)
    begun = time.perf_counter()
    made.start_nodes(NAME)
    found = {"start until ready, s": time.perf_counter() - begun}
    system, compliance = made.member.as_role("broker-system"), made.member.as_role("compliance")
    own = Http(made.member.url, _TOKEN)
    asked: dict[str, Callable[[], object]] = {
        "a fact, s": lambda: system.post("/v1/facts", a_fact(made, client), expect=201),
        f"a page of {PAGE} receipts, s": lambda: own.get("/v1/client/receipts", limit=PAGE),
        f"a replay of {RECORDS_OF_CLIENT} records, s": lambda: replayed(compliance, client.subject),
    }
    for what, ask in asked.items():
        begun = time.perf_counter()
        ask()
        found[f"{what}, the first after the start"] = time.perf_counter() - begun
        found[what], _ = best_of(ask)
    begun = time.perf_counter()
    found["evidence fsck, records a second"] = gone_over(made) / (time.perf_counter() - begun)
    found |= {f"memory of {name}, MiB": mib for name, mib in memory(made.member.home).items()}
    return found


def gone_over(made: Broker) -> int:
    """Go over the store beside the running node; return how many records were looked at."""
    settings = Settings.load(made.member.home)
    store = open_store(settings.database)
    try:
        begun = FsckState.begun(member_did(settings.chain.chain_id, settings.member.address))
        report = Fsck(store, settings.member.address, begun, lambda _: None).run()
    finally:
        store.dispose()
    if report["difference"] is not None:
        raise RuntimeError(f"the store differs: {report['difference']}")
    return int(report["looked_at"]["records"])


def a_fact(made: Broker, client: Client) -> dict[str, object]:
    """Return a new fact about the client."""
    return made.fact(client.subject, "DUTY_NOTICE", payloads(1)["DUTY_NOTICE"])


def memory(home: Path) -> dict[str, float]:
    """Return what each process of a node holds in memory now, in MiB; of several that do the same, the largest."""
    found: dict[str, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().decode(errors="replace")
            pages = int((folder / "statm").read_text("ascii").split()[1])
        except OSError:  # it has ended since
            continue
        name = next((name for name in _PROCESSES if name in line and str(home) in line), None)
        if name is not None:
            found[name] = max(found.get(name, 0.0), pages * 4096 / 2**20)
    return found


def give_token(made: Broker, client: Client) -> None:
    """Let the client in, as a session does."""
    store = open_store(made.member.home / "node.db")
    end = int(time.time() * 1000) + _SESSION_MS
    with store.write() as connection:
        tokens.insert_token(connection, _TOKEN, tokens.CLIENT_ROLE, name=client.did, did=client.did, expires_at=end)
    store.dispose()


def show(curve: dict[int, dict[str, float]]) -> None:
    """Print each figure at each length, with its ratio to the shortest log."""
    sizes = list(curve)
    print(f"{'records in the log':48s}" + "".join(f"{size:>20,}" for size in sizes))
    for what, first in curve[sizes[0]].items():
        cells = (f"{curve[size].get(what, 0.0):>12.4g} x{curve[size].get(what, 0.0) / first:<6.3g}" for size in sizes)
        print(f"{what:48s}" + "".join(cells))


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="records in the log, ascending")
    options = parser.parse_args()
    curve: dict[int, dict[str, float]] = {}
    with broker() as made:
        client = Client(made, "the same")
        client.live(RECORDS_OF_CLIENT)
        give_token(made, client)
        for size in QUICK if options.quick else options.sizes:
            grow(made, size)
            curve[size] = measure(made, client)
    show(curve)
    return 0


if __name__ == "__main__":
    sys.exit(main())
