"""Write the worked example of `pok-open/1`: docs/spec/vectors/pok-open-1.json.

Run it as `python -m scripts.vectors.pok_open`; `--check` writes nothing and fails when the file would change.

The certificate number is the example of GB 11643 itself; every key is the SHA-256 of a telling name.
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any

from primitives import curve, ed25519, linear, pedersen, relations
from primitives.context import ProofContext
from primitives.transcript import derive_session_id
from scripts.vectors.output import ROOT, as_file, write_or_check

TARGET = ROOT / "docs" / "spec" / "vectors" / "pok-open-1.json"
KIND, NUMBER = pedersen.RESIDENT_ID, "11010519491231002X"
ISSUED_AT = 1_795_223_798_123


def named_secret(name: str) -> bytes:
    """Return 32 bytes that everybody can compute: a key of this example alone."""
    return hashlib.sha256(f"bonafides pok-open/1 example: {name}".encode()).digest()


def worked_example() -> dict[str, Any]:
    """Prove one opening and return every intermediate value."""
    message = pedersen.certificate_message(KIND, NUMBER)
    blinding = int.from_bytes(named_secret("blinding")) % curve.ORDER
    commitment = pedersen.commit(message, blinding)
    seed, entropy = named_secret("holder"), named_secret("entropy")
    holder = "did:ethr:0x4f24:0x" + named_secret("holder's address")[:20].hex()
    context = ProofContext(
        chain_id=0x4F24,
        audience="did:ethr:0x4f24:0x" + named_secret("verifier's address")[:20].hex(),
        holder=holder,
        verification_method=f"{holder}#delegate-1",
        nonce=named_secret("nonce")[:16],
        purpose="IDENTITY_CHECK",
        issued_at=ISSUED_AT,
        expires_at=ISSUED_AT + 300_000,
    )
    wire = relations.prove_opening(context, commitment, message, blinding, entropy, seed)
    tag = context.tag(relations.POK_OPEN, linear.COMPACT, linear.CIPHERSUITE, wire["statement"])
    relation = relations.opening_relation(commitment)
    return {
        "format": "pok-open/1 worked example",
        "certificate": {"kind": KIND, "number": NUMBER},
        "message": curve.encode_scalar(message).hex(),
        "blinding": curve.encode_scalar(blinding).hex(),
        "generator": curve.encode_point(curve.GENERATOR).hex(),
        "blinding_base": curve.encode_point(pedersen.blinding_base().point).hex(),
        "commitment": commitment.hex(),
        "entropy": entropy.hex(),
        "holder_seed": seed.hex(),
        "holder_key": ed25519.public_key(seed).hex(),
        "tag": tag.decode("ascii"),
        "session_id": derive_session_id(tag).hex(),
        "instance": relation.serialize().hex(),
        "zk_proof": wire,
    }


if __name__ == "__main__":
    sys.exit(write_or_check({TARGET: as_file(worked_example(), indent=1)}))
