"""Write the worked values of docs/spec/credentials.md: the vectors and the blocks of the page itself.

Run it as `python -m scripts.vectors.credentials`; `--check` writes nothing and fails when a file would change.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from did.credentials.proofs import add_proof
from did.credentials.types.suitability import NAME, suitability_credential
from did.credentials.verify import credential_digest
from evidence.documents.issue_witness import DIGEST_FIELD, build_witness
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.timestamp import format_utc
from scripts.vectors.output import ROOT, page_with, vector_files, write_or_check
from scripts.vectors.synthetic_chain import GENESIS_TIME, World
from suitability.records.credential import ISSUE

VECTORS = ROOT / "tests" / "vectors" / "credentials"
PAGE = ROOT / "docs" / "spec" / "credentials.md"
CREDENTIAL_ID = "urn:uuid:019aa3b1-5c10-7000-8000-00000000000c"
_NOW = GENESIS_TIME * 1000
_DAY = 86_400_000


def issued(world: World) -> dict[str, Any]:
    """Return a level that the world's broker attests of its client."""
    document = suitability_credential(
        credential_id=CREDENTIAL_ID,
        issuer=world.broker,
        subject=world.client,
        level="C4",
        ruleset="suitability-demo@1:0123456789abcdef",
        assessed_at=_NOW,
        valid_from=_NOW,
        valid_until=_NOW + _DAY,
    )
    return add_proof(
        document, seed=world.broker_seed, verification_method=f"{world.broker}#signing", created=format_utc(_NOW)
    )


def witnessed_world() -> tuple[World, dict[str, Any], Any]:
    """Return a world whose broker issued a credential and anchored the record of it, the credential, its witness."""
    world = World()
    world.chain.add_block([world.admit(world.member, world.broker_seed)])
    world.chain.add_block([world.set_key(ed25519.public_key(world.client_seed))])
    world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}, "synthetic": True})
    credential = issued(world)
    record = world.accept(
        ISSUE,
        {
            DIGEST_FIELD: credential_digest(credential).hex(),
            "credential_id": CREDENTIAL_ID,
            "credential_type": NAME,
        },
    )
    anchor = world.anchor()
    index = record.promise["log_index"]
    witness = build_witness(
        record.sealed,
        index=index,
        size=anchor.size,
        path=world.tree.inclusion(index, anchor.size),
        block=anchor.block,
        seq=anchor.seq,
    )
    return world, credential, witness


def vectors() -> dict[str, dict[str, Any]]:
    """Return every worked value by name."""
    world, credential, witness = witnessed_world()
    return {
        "witness": {
            "issuer": world.broker,
            "credential": canonical_json(credential).decode(),
            "credential_bytes": canonical_json(credential).hex(),
            "digest": credential_digest(credential).hex(),
            "root": world.tree.root().hex(),
            "size": str(world.tree.size),
            "witness": canonical_json(witness).decode(),
            "witness_bytes": canonical_json(witness).hex(),
        }
    }


def outputs() -> dict[Path, str]:
    """Return every file that this script owns a part of, with its text."""
    values = vectors()
    page = page_with(PAGE.read_text(encoding="utf-8"), values, VECTORS)
    return {**vector_files(VECTORS, values), PAGE: page}


if __name__ == "__main__":
    sys.exit(write_or_check(outputs()))
