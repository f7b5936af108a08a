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
from evidence.version2.documents.issue_witness import build_witness as build_witness_2
from evidence.version2.log.anchors import AnchorLeaf
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.timestamp import format_utc
from scripts.vectors import synthetic_consortium
from scripts.vectors.output import ROOT, page_with, vector_files, write_or_check
from scripts.vectors.synthetic_chain import GENESIS_TIME, World
from suitability.records.credential import ISSUE

VECTORS = ROOT / "tests" / "vectors" / "credentials"
PAGE = ROOT / "docs" / "spec" / "credentials.md"
CREDENTIAL_ID = "urn:uuid:019aa3b1-5c10-7000-8000-00000000000c"
_NOW = GENESIS_TIME * 1000
_DAY = 86_400_000


def issued(issuer: str, secret: bytes, client: str, now_ms: int) -> dict[str, Any]:
    """Return a level that a broker attests of its client."""
    document = suitability_credential(
        credential_id=CREDENTIAL_ID,
        issuer=issuer,
        subject=client,
        level="C4",
        ruleset="suitability-demo@1:0123456789abcdef",
        assessed_at=now_ms,
        valid_from=now_ms,
        valid_until=now_ms + _DAY,
    )
    return add_proof(document, seed=secret, verification_method=f"{issuer}#signing", created=format_utc(now_ms))


def issue_values(credential: dict[str, Any]) -> dict[str, str]:
    """Return the fields of the record that this credential was issued."""
    return {
        DIGEST_FIELD: credential_digest(credential).hex(),
        "credential_id": CREDENTIAL_ID,
        "credential_type": NAME,
    }


def witnessed_world() -> tuple[World, dict[str, Any], Any]:
    """Return a world of version 1 whose broker anchored the record of an issue, the credential, its witness."""
    world = World()
    world.chain.add_block([world.admit(world.member, world.broker_seed)])
    world.chain.add_block([world.set_key(ed25519.public_key(world.client_seed))])
    world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}, "synthetic": True})
    credential = issued(world.broker, world.broker_seed, world.client, _NOW)
    record = world.accept(ISSUE, issue_values(credential))
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


def witnessed_by_batch() -> tuple[AnchorLeaf, synthetic_consortium.Broker, dict[str, Any], dict[str, Any]]:
    """Return the anchor of the record of an issue, the broker that issued, the credential, its witness."""
    broker = synthetic_consortium.Broker(synthetic_consortium.consortium(), "north")
    client = broker.client("ada")
    broker.anchor()
    member, issuer = broker.member, broker.did
    credential = issued(issuer, member.secret, synthetic_consortium.did("ada"), broker.world.now)
    broker.record(broker.client("bob"), "LEVEL_RESULT", {"band": "C1", "total": 12})
    record = broker.record(client, ISSUE, issue_values(credential))
    broker.anchor()
    leaf, index = broker.leaves[-1], client.places[-1]
    path = broker.batches[leaf.seq].inclusion(index - leaf.size_before, leaf.added)
    witness = build_witness_2(record, log_index=index, path=path, block=leaf.block, seq=leaf.seq)
    return leaf, broker, credential, witness


def vectors() -> dict[str, dict[str, Any]]:
    """Return every worked value by name."""
    world, credential, witness = witnessed_world()
    leaf, broker, attested, shown = witnessed_by_batch()
    return {
        "witness-2": {
            "issuer": broker.did,
            "credential": canonical_json(attested).decode(),
            "digest": credential_digest(attested).hex(),
            "leaf": leaf.encode().hex(),
            "witness": canonical_json(shown).decode(),
        },
        "witness": {
            "issuer": world.broker,
            "credential": canonical_json(credential).decode(),
            "credential_bytes": canonical_json(credential).hex(),
            "digest": credential_digest(credential).hex(),
            "root": world.tree.root().hex(),
            "size": str(world.tree.size),
            "witness": canonical_json(witness).decode(),
            "witness_bytes": canonical_json(witness).hex(),
        },
    }


def outputs() -> dict[Path, str]:
    """Return every file that this script owns a part of, with its text."""
    values = vectors()
    page = page_with(PAGE.read_text(encoding="utf-8"), values, VECTORS)
    return {**vector_files(VECTORS, values), PAGE: page}


if __name__ == "__main__":
    sys.exit(write_or_check(outputs()))
