"""What those who see hashes can guess of clients: whose level is one of five, which records are of one client.

    .venv/bin/python scripts/trials/guesses.py [--clients 10000] [--seed 1]

Two adversaries: the *public* sees chain, tiles and checkpoints, so of a batch of one record its root; a *member* sees
append proofs and batches too, so label and entry of every record. Both know all that stands in an envelope, and lack
the salt alone: they seal each of the five levels under salts of their own and take the one whose bits agree best with
what they see. Levels are drawn evenly, so the base rate is a fifth. A control without salt must be broken, or the test
would tell nothing. Returns 1 where a guess leaves its 99 % interval.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from random import Random

from evidence.log.tree import leaf_hash
from evidence.version2.links import start
from evidence.version2.record import SealedRecord, seal
from scripts.vectors.synthetic_consortium import Broker, Client, Fact, consortium, seed

LEVELS = ("C1", "C2", "C3", "C4", "C5")
SIGMAS = 2.576  # of a normal distribution: 99 % lie within
HASH_BITS = 256
_NO_SALT = bytes(32)


@dataclass(frozen=True)
class Seen:
    """A record as others see it: the root of its batch, its entry, its label; what it is in truth."""

    level: str
    batch_root: bytes
    entry: bytes
    label: bytes
    record: SealedRecord


def clients(count: int, random: Random, salt: Callable[[Random], bytes]) -> Iterator[Seen]:
    """Yield the records of as many clients, each in a batch of its own, of a level drawn evenly.

    Args:
        count: how many.
        random: all chance.
        salt: gives a root salt; a constant one is none.
    """
    broker = Broker(consortium(), "north")
    for number in range(count):
        subject = random.randbytes(32)
        client = Client(broker, subject, f"client {number}", start(broker.did, subject))
        level = random.choice(LEVELS)
        record = _sealed(broker.sealed(client, Fact("LEVEL_RESULT", {"band": level})), level, salt(random))
        yield Seen(level, leaf_hash(record.entry), record.entry, record.next, record)


def public(seen: Seen) -> Sequence[bytes]:
    """Return what the public sees of a record."""
    return (seen.batch_root,)


def member(seen: Seen) -> Sequence[bytes]:
    """Return what a member sees of it."""
    return (seen.batch_root, seen.entry, seen.label)


def guess(seen: Seen, view: Callable[[Seen], Sequence[bytes]]) -> str:
    """Return the level that the adversary of this view takes: it reads of the record all but values and salt."""
    known = {name: value for name, value in seen.record.envelope.items() if name not in ("fields", "next")}

    def agreement(level: str) -> int:
        tried = seal(known, {"band": level}, _NO_SALT)
        made = Seen(level, leaf_hash(tried.entry), tried.entry, tried.next, tried)
        return sum(HASH_BITS - distance(one, other) for one, other in zip(view(seen), view(made), strict=True))

    return max(LEVELS, key=agreement)


def distance(one: bytes, other: bytes) -> int:
    """Return the number of bits in which two hashes differ."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def interval(count: int) -> float:
    """Return half the width of the 99 % interval around the base rate, of so many guesses."""
    rate = 1 / len(LEVELS)
    return SIGMAS * sqrt(rate * (1 - rate) / count)


def share_guessed(seen: Sequence[Seen], view: Callable[[Seen], Sequence[bytes]]) -> float:
    """Return the share of levels that an adversary guesses right."""
    return sum(guess(one, view) == one.level for one in seen) / len(seen)


def salted(random: Random) -> bytes:
    """Return a root salt as a node and a wallet draw it."""
    return random.randbytes(32)


def unsalted(_: Random) -> bytes:
    """Return the control's: the same for all, which everybody knows."""
    return _NO_SALT


def leaves_of_clients(count: int) -> list[tuple[bytes, bytes]]:
    """Return what a witness sees of as many clients of two records each: the labels of both, client by client."""
    broker = Broker(consortium(), "north")
    pairs = []
    for number in range(count):
        subject = seed(f"subject {number}")
        client = Client(broker, subject, None, start(broker.did, subject))
        for band in ("C1", "C1"):
            broker.record(client, "LEVEL_RESULT", {"band": band})
        pairs.append((client.labels[0] + client.records[0].entry, client.labels[1] + client.records[1].entry))
    return pairs


def linked_by(pairs: Sequence[tuple[bytes, bytes]]) -> float:
    """Return how many sigmas the leaves of one client lie closer together, or further apart, than two of strangers."""
    same = [distance(one, other) for one, other in pairs]
    strange = [distance(one, pairs[at - 1][1]) for at, (one, _) in enumerate(pairs)]
    bits = 8 * len(pairs[0][0])
    return (_mean(strange) - _mean(same)) / sqrt(2 * bits / 4 / len(pairs))


def _mean(values: Iterable[int]) -> float:
    found = list(values)
    return sum(found) / len(found)


def _sealed(drawn: SealedRecord, level: str, salt: bytes) -> SealedRecord:
    stated = {name: value for name, value in drawn.envelope.items() if name not in ("fields", "next")}
    return seal(stated, {"band": level}, salt)


def main() -> int:
    """Return 0 when nobody guesses better than by chance, and the controls are broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random = Random(options.seed)  # noqa: S311 - chance that can be had again
    real, control = (list(clients(options.clients, random, salt)) for salt in (salted, unsalted))
    rate, width, good = 1 / len(LEVELS), interval(options.clients), True
    for view in (public, member):
        found, broken = share_guessed(real, view), share_guessed(control, view)
        good &= abs(found - rate) <= width and broken == 1
        print(
            f"{view.__name__:>7}: {found:.4f} of the levels (chance: {rate} +- {width:.4f}), without salt {broken:.4f}"
        )
    sigmas = linked_by(leaves_of_clients(options.clients))
    print(f"  links: leaves of one client lie {sigmas:+.2f} sigmas closer than those of strangers")
    return 0 if good and abs(sigmas) <= SIGMAS else 1


if __name__ == "__main__":
    sys.exit(main())
