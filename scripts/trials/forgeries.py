"""Forged bundles by the thousand, and as many clean ones, each answered as the specification's table says.

    .venv/bin/python scripts/trials/forgeries.py [--count 10000] [--seed 1]
    .venv/bin/python scripts/trials/forgeries.py --table        the table of docs/spec/evidence-2.md, section 19

Each forged bundle is made in a random honest world of its own by one of the ways of `forged_bundles`, taken in turn;
the world's honest bundle comes first and must be accepted without a finding. Returns 1 at the first wrong answer,
which it names with the seed that makes it again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from random import Random

from scripts.trials.forged_bundles import WAYS, Forged, Way, answers_of
from scripts.trials.honest_worlds import live

_LINES = 20


def main() -> int:
    """Return 0 when every bundle got its answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if options.table:
        print("\n".join(table()))
        return 0
    return _try(options.count, options.seed)


def table() -> Iterator[str]:
    """Yield the lines of the table: every way, who goes it, the answer."""
    yield "| forged | by | answer |"
    yield "|---|---|---|"
    for way in WAYS:
        yield f"| {way.name} | {way.by} | {' or '.join(way.answers)} |"


def wrong_answers(way: Way, seed: str) -> Iterator[str]:
    """Yield what is wrong about the answers to one world's honest bundle, and to one forged this way."""
    clean = live(Random(seed))  # noqa: S311 - chance that can be had again
    answers = answers_of(Forged(clean, *clean.bundle()))
    if answers:
        yield f"seed {seed}: the clean bundle is answered by {sorted(answers)}"
    answers = answers_of(way.forge(clean))
    if not answers.intersection(way.answers):
        told = sorted(answers) or "nothing: it is accepted"
        yield f"seed {seed}: {way.name} by the {way.by} is answered by {told}, not by {' or '.join(way.answers)}"


def _try(count: int, seed: int) -> int:
    print(f"{count} forged bundles and {count} clean ones, seed {seed}, {len(WAYS)} ways", flush=True)
    begun, done = time.monotonic(), Counter[str]()
    for number in range(count):
        way = WAYS[number % len(WAYS)]
        for wrong in wrong_answers(way, f"{seed}-{number}"):
            print(wrong)
            return 1
        done[way.by] += 1
        if (number + 1) % max(1, count // _LINES) == 0:
            print(f"{number + 1:>8} of each in {time.monotonic() - begun:.0f} s", flush=True)
    print(f"every answer is the table's: {count} clean, " + ", ".join(f"{n} by the {by}" for by, n in done.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
