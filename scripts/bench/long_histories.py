"""What a fact costs the longer its client's own history is, beside facts of new clients in the same run.

python scripts/bench/long_histories.py [--quick] [--lengths 40 400 2000]

A real node (all its processes, embedded chain) takes facts of the same few clients, in bulk. At each length of their
histories it is measured what a further fact of theirs takes of a processor, in the processes that answer HTTP, and
beside it a fact of clients who are new. Their ratio says what a long life costs: 1 is nothing. What those processes
hold in memory stands beside it.
"""

from __future__ import annotations

import sys

from scripts.bench.growth import memory
from scripts.bench.harness import Broker, arguments, broker, payloads, progress
from scripts.bench.single_facts import cpu_of

LENGTHS = (40, 400, 2_000)
QUICK = (12, 60)
CLIENTS = 10
ROUNDS = 10  # of facts that are measured, at each length
_HTTP = "api.server"


def cost(made: Broker, subjects: list[str], rounds: int) -> float:
    """Take some rounds of facts; return the milliseconds of a processor for one."""
    before = cpu_of(made.member.home)[_HTTP]
    for _ in range(rounds):
        made.submit(made.facts_of(subjects))
    taken = cpu_of(made.member.home)[_HTTP] - before
    return 1000 * taken / (rounds * len(subjects) * len(payloads(0)))


def measure(made: Broker, lengths: tuple[int, ...] | list[int]) -> None:
    """Let the clients grow old, and print what a fact of theirs costs at each length."""
    old = made.enrol(CLIENTS)
    made.submit(made.facts_of(old))
    a_round = len(payloads(0))
    records = a_round
    print(f"{'records of a client':>20} {'a fact':>12} {'of a new one':>12} {'ratio':>8} {'memory':>12}")
    for length in lengths:
        while records + a_round <= length:
            made.submit(made.facts_of(old))
            records += a_round
            progress("records of a client", records, length)
        mine = cost(made, old, ROUNDS)
        records += ROUNDS * a_round
        new = cost(made, made.enrol(CLIENTS * ROUNDS), 1)
        held = memory(made.member.home)[_HTTP]
        print(f"{records:>20} {mine:>9.2f} ms {new:>9.2f} ms {mine / new:>8.2f} {held:>8.0f} MiB", flush=True)


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=list(LENGTHS), help="records of a client, ascending")
    options = parser.parse_args()
    with broker() as made:
        measure(made, QUICK if options.quick else options.lengths)
    return 0


if __name__ == "__main__":
    sys.exit(main())
