"""Write the worked example of `masked-sum/1`: docs/spec/vectors/masked-sum-1.json.

Run it as `python -m scripts.vectors.masked_sum`; `--check` writes nothing and fails when the file would change.

Every key is the SHA-256 of a telling name and serves nothing else.
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mpc.engines.masked_sum.protocol import Committing, Session, expand_masks, pair_seed
from mpc.registry import read_task
from primitives.canonical import canonical_json
from scripts.vectors.output import ROOT, as_file, write_or_check

TARGET = ROOT / "docs" / "spec" / "vectors" / "masked-sum-1.json"
CHAIN_ID = 31_337
MEMBERS = ("0x" + "0a" * 20, "0x" + "5b" * 20, "0x" + "c0" * 20)
VECTORS = (
    (12, 4_500_000_00, 1_500_000_00, 800_000_00, 3_000_000_00),
    (25, 9_100_000_00, 3_300_000_00, 0, 5_250_000_00),
    (10, 700_000_01, 350_000_00, 99_999_99, 2**64 - 1),
)


def named_secret(name: str) -> bytes:
    """Return 32 bytes that everybody can compute: a key of this example alone."""
    return hashlib.sha256(f"bonafides masked-sum/1 example: {name}".encode()).digest()


def public_of(private: bytes) -> bytes:
    """Return the X25519 public key."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def worked_example() -> dict[str, Any]:
    """Run the three owners and return every intermediate value."""
    spec = read_task(
        {
            "format": "bonafides.task/1",
            "task_id": named_secret("task").hex(),
            "purpose": "MARKET_RISK",
            "statistics": ["clients", "holding_risk", "leverage"],
            "owners": [
                {"member": member, "dataset": named_secret(f"data set of {member}").hex()} for member in MEMBERS
            ],
            "receivers": list(MEMBERS),
            "policy": {"min_contributors": 3, "min_clients": 10},
            "deadline": "2026-12-31T23:59:59.000+08:00",
            "engine": "masked-sum/1",
        }
    )
    keys = {member: named_secret(f"agreement key of {member}") for member in MEMBERS}
    blindings = {member: int.from_bytes(named_secret(f"blinding of {member}")) >> 2 for member in MEMBERS}
    parties = [
        Committing(spec, member, values, blindings[member]) for member, values in zip(MEMBERS, VECTORS, strict=True)
    ]
    session = Session.open(spec, CHAIN_ID, {party.member: party.commitment() for party in parties})
    seeds = {
        (own, peer): pair_seed(spec, CHAIN_ID, own, keys[own], peer, public_of(keys[peer]))
        for own in MEMBERS
        for peer in MEMBERS
        if own != peer
    }
    states = [
        party.mask(session, {peer: seeds[party.member, peer] for peer in MEMBERS if peer != party.member})
        for party in parties
    ]
    bodies = {state.member: state.outgoing() for state in states}
    heard = states[0]
    for member, body in bodies.items():
        heard = heard.receive(member, body)
    result = heard.result()
    return {
        "format": "masked-sum/1 worked example",
        "task": spec.to_json(),
        "task_canonical": canonical_json(spec.to_json()).decode("utf-8"),
        "spec_digest": spec.digest().hex(),
        "chain_id": CHAIN_ID,
        "owners": [
            {
                "member": party.member,
                "agreement_private": keys[party.member].hex(),
                "agreement_public": public_of(keys[party.member]).hex(),
                "values": [str(value) for value in party.values],
                "blinding": party.blinding.to_bytes(32).hex(),
                "commitment": party.commitment().hex(),
                "message": bodies[party.member],
            }
            for party in parties
        ],
        "transcript": session.transcript().hex(),
        "pairs": [
            {
                "low": low,
                "high": high,
                "seed": seeds[low, high].hex(),
                "masks": [mask.to_bytes(32).hex() for mask in expand_masks(seeds[low, high], session.transcript(), 6)],
            }
            for low in MEMBERS
            for high in MEMBERS
            if low < high
        ],
        "totals": [str(total) for total in result.totals],
        "blinding_sum": result.blinding.to_bytes(32).hex(),
        "result": result.document,
        "result_digest": result.digest().hex(),
    }


if __name__ == "__main__":
    sys.exit(write_or_check({TARGET: as_file(worked_example(), indent=1)}))
