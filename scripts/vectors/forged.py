"""Vectors: false histories that a broker forged with its own keys, and what a verifier has to say to each.

Run it as `python -m scripts.vectors.forged`; `--check` writes nothing and fails when a file would change.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from evidence.documents.record import seal
from primitives import ed25519
from scripts.vectors.forged_staff import STAFF_FORGERIES
from scripts.vectors.output import ROOT, as_file, write_or_check
from scripts.vectors.synthetic_chain import World, seeded, verify_bundle

VECTORS = ROOT / "tests" / "vectors" / "forged"
DAY = 86_400
Forgery = tuple[World, list[Mapping[str, Any]] | None]
Making = Callable[[], tuple[Forgery, Sequence[bytes]]]  # with the subjects that the bundle refers to


def started(*, promise_ms: int = 30_000) -> World:
    """Return a world with a broker, a client's key and one record."""
    world = World(promise_ms=promise_ms)
    world.chain.add_block([world.admit(world.member, world.broker_seed)])
    world.chain.add_block([world.set_key(ed25519.public_key(world.client_seed))])
    world.accept("LEVEL_RESULT", {"level": "C4"})
    return world


def dated_back() -> Forgery:
    """The whole file is made ninety days later; all times within it agree, and each promise is kept."""
    world = started(promise_ms=100 * DAY * 1000)
    world.accept("LEVEL_CONFIRM", {"level": "C4"}, signed=True)
    world.chain.stood_still = 90 * DAY
    world.anchor()
    return world, None


def one_act_twice() -> Forgery:
    """One signature of the client stands in two records."""
    world = started()
    first = world.accept("RISK_CONFIRM", {"items": ["a"]}, signed=True).sealed
    again = {
        **first.envelope,
        "seq": 3,
        "prev": first.fingerprint.hex(),
        "record_id": "019aa3b1-0000-7000-8000-000000000009",
    }
    world.append(seal(again, first.values, first.root_salt), world.chain.time(world.chain.head) * 1000 + 5)
    world.anchor()
    return world, None


def one_record_id_twice() -> Forgery:
    """Two records bear one name."""
    world = started()
    world.accept("DUTY_NOTICE", {}, record_id=world.records[world.subject][0].sealed.envelope["record_id"])
    world.anchor()
    return world, None


def never_counted() -> Forgery:
    """A promised record stands in the log and in no map."""
    world = started()
    hidden = world.accept("MISMATCH_INSIST", {"text_sha256": "00"}, signed=True)
    world.records[world.subject].pop()
    world.accept("DUTY_NOTICE", {})
    world.anchor()
    return world, [hidden.promise]


def never_logged() -> Forgery:
    """A promised record is not in the log, and its time is over."""
    world = started()
    hidden = world.accept("MISMATCH_WARN", {})
    world.records[world.subject].pop()
    world.tree = type(world.tree).from_leaf_hashes([world.tree.leaf(0)])
    for _ in range(20):
        world.chain.add_block()
    world.anchor()
    return world, [hidden.promise]


def another_pseudonym() -> Forgery:
    """A record of the client is kept under a second pseudonym."""
    world = started()
    hidden = world.accept("MISMATCH_WARN", {}, subject=seeded("a second pseudonym"))
    world.anchor()
    return world, [hidden.promise]


def promise_swapped() -> Forgery:
    """The bundle shows a later promise than the one that was given."""
    world = started()
    accepted = world.records[world.subject][0]
    given, world.promise_ms = accepted.promise, 2 * world.promise_ms
    accepted.promise = world.promise(accepted.sealed, 0, world.chain.time(world.chain.head) * 1000 + 1)
    world.anchor()
    return world, [given]


FORGERIES: tuple[Callable[[], Forgery], ...] = (
    dated_back,
    one_act_twice,
    one_record_id_twice,
    never_counted,
    never_logged,
    another_pseudonym,
    promise_swapped,
)


def about_staff(forgery: Callable[[World], Sequence[bytes]]) -> tuple[Forgery, Sequence[bytes]]:
    """Return a forgery about the broker's staff, in a world that has begun."""
    world = started()
    references = forgery(world)
    world.anchor()
    return (world, None), references


def vector(making: Making, about: str | None) -> dict[str, Any]:
    """Return one forgery with what the verifier says."""
    (world, promises), references = making()
    bundle, trust = world.seal(world.bundle(references=references).body()), world.trust()
    report = verify_bundle(bundle, trust, promises=promises)
    return {
        "about": about,
        "failed": list(report.failed),
        "verdict": report.verdict,
        "findings": sorted({finding.code for finding in report.findings}),
        "promises": promises,
        "bundle": bundle.decode(),
        "trust": trust.decode(),
    }


def makings() -> dict[str, tuple[Making, str | None]]:
    """Return how each forgery is made, and what it is, by name."""
    plain = {forgery.__name__: (lambda f=forgery: (f(), ()), forgery.__doc__) for forgery in FORGERIES}
    staff = {forgery.__name__: (partial(about_staff, forgery), forgery.__doc__) for forgery in STAFF_FORGERIES}
    return {**plain, **staff}


def outputs() -> dict[Path, str]:
    """Return every file that this script writes, with its text."""
    return {VECTORS / f"{name.replace('_', '-')}.json": as_file(vector(*making)) for name, making in makings().items()}


if __name__ == "__main__":
    sys.exit(write_or_check(outputs()))
