"""Write the worked values of docs/spec/breach.md: the vectors and the blocks of the page itself.

Run it as `python -m scripts.vectors.breach`; `--check` writes nothing and fails when a file would change.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

from evidence.chain.engine import HeaderChain
from evidence.chain.engines import KEPT_PROOFS
from evidence.documents.assemble import AnchorMaterial
from evidence.documents.breach import BreachAnchor, BreachClaim, OtherEntry, assemble_breach
from evidence.documents.promise import PromiseDocument
from evidence.documents.trust import parse_trust
from evidence.verify.breach import verify_breach
from primitives import ed25519
from primitives.timestamp import parse_time
from scripts.vectors.output import ROOT, page_with, vector_files, write_or_check
from scripts.vectors.synthetic_chain import Accepted, World, seeded

VECTORS = ROOT / "tests" / "vectors" / "breach"
PAGE = ROOT / "docs" / "spec" / "breach.md"


def started_world() -> World:
    """Return a world with an admitted broker and a client, nothing accepted yet."""
    world = World()
    world.chain.add_block([world.admit(world.member, world.broker_seed)])
    world.chain.add_block([world.set_key(ed25519.public_key(world.client_seed))])
    return world


def pass_time(world: World, promise: PromiseDocument) -> int:
    """Add empty blocks until one is later than `anchor_by`; return its number."""
    anchor_by = parse_time(promise["anchor_by"], "anchor_by")
    while world.chain.time(world.chain.head) * 1000 <= anchor_by:
        world.chain.add_block()
    return world.chain.head


def broken_world() -> tuple[World, Accepted]:
    """Return a world whose broker anchored one record, and the next one too late."""
    world = started_world()
    world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}, "synthetic": True})
    world.anchor()
    late = world.accept("LEVEL_RESULT", {"level": "C4", "total": 61})
    pass_time(world, late.promise)
    world.anchor()
    return world, late


def last_anchor_in_time(world: World, promise: PromiseDocument) -> AnchorMaterial | None:
    """Return the last anchor at `anchor_by`, or None."""
    anchor_by = parse_time(promise["anchor_by"], "anchor_by")
    made = [anchor for anchor in world.anchors if world.chain.time(anchor.block) * 1000 <= anchor_by]
    return made[-1] if made else None


def claim_of(
    world: World,
    promise: PromiseDocument,
    anchor: AnchorMaterial | None = None,
    other: OtherEntry | None = None,
) -> BreachClaim:
    """Return the claim that another member makes."""
    trust = parse_trust(world.trust())
    shown = anchor or last_anchor_in_time(world, promise)
    return assemble_breach(
        trust=trust,
        chain=HeaderChain(trust.headers),
        proof_kind=KEPT_PROOFS.name,
        promise=promise,
        anchor=None if shown is None else BreachAnchor(shown.seq, shown.block, shown.tx_index, shown.log_position),
        receipts=lambda number: world.chain.receipts[number],
        other=other,
    )


def forked_world() -> tuple[World, Accepted, OtherEntry]:
    """Return a world whose broker anchored another entry at the promised place, and that entry."""
    world = started_world()
    world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}, "synthetic": True})
    promised = world.accept("LEVEL_RESULT", {"level": "C4", "total": 61})
    index, fingerprint = promised.promise["log_index"], seeded("another record")
    world.tree = type(world.tree).from_leaf_hashes([world.tree.leaf(0)])
    world.tree.append(fingerprint)
    world.tree.append(seeded("a third record"))
    world.anchor()
    return world, promised, OtherEntry(fingerprint, tuple(world.tree.inclusion(index, world.tree.size)))


def vectors() -> dict[str, dict[str, Any]]:
    """Return every worked value by name."""
    late_world, late = broken_world()
    forked, promised, other = forked_world()
    found = {}
    for name, world, claim in (
        ("time", late_world, claim_of(late_world, late.promise)),
        ("other-entry", forked, claim_of(forked, promised.promise, forked.anchors[-1], other)),
    ):
        data, trust = claim.to_bytes(), world.trust()
        found[name] = {
            "sha256": hashlib.sha256(data).hexdigest(),
            "trust_sha256": hashlib.sha256(trust).hexdigest(),
            "verdict": verify_breach(data, trust).verdict,
            "claim": data.decode(),
            "claim_bytes": data.hex(),
            "trust": trust.decode(),
        }
    return found


def outputs() -> dict[Path, str]:
    """Return every file that this script owns a part of, with its text."""
    values = vectors()
    page = page_with(PAGE.read_text(encoding="utf-8"), values, VECTORS)
    return {**vector_files(VECTORS, values), PAGE: page}


if __name__ == "__main__":
    sys.exit(write_or_check(outputs()))
