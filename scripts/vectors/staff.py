"""Write the worked values of docs/spec/staff.md: docs/spec/vectors/staff-1.json and the block of the page.

Run it as `python -m scripts.vectors.staff`; `--check` writes nothing and fails when a file would change.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from evidence.documents import staff_signature as staff
from evidence.documents.act import field_digests
from evidence.log import roster
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from scripts.vectors.evidence import BROKER, ROOT_SALT, SUBJECT, seeded
from scripts.vectors.output import ROOT, as_file, page_with, write_or_check

PAGE = ROOT / "docs" / "spec" / "staff.md"
VECTOR = ROOT / "docs" / "spec" / "vectors" / "staff-1.json"
SEED = seeded("reviewer")
NAME, ROLE = "Li Wei (synthetic)", "reviewer"


def worked_example() -> dict[str, Any]:
    """Enrol one reviewer and sign one decision; every intermediate value is there."""
    key = ed25519.public_key(SEED).hex()
    possession = staff.possession_digest(BROKER, NAME, ROLE, key)
    values = {"application_id": "A-1", "decision": "APPROVED", "reviewer": NAME}
    stated = {
        "broker": BROKER,
        "subject": SUBJECT.hex(),
        "type": "BIZ_DECIDE",
        "occurred_at": "2026-11-21T09:18:02.004+08:00",
        "channel": "branch",
        "actor": {"did": BROKER, "role": "broker-system"},
        "attachments": [],
    }
    digests = field_digests(values, ROOT_SALT)
    digest = staff.act_digest(stated, digests)
    return {
        "seed": SEED.hex(),
        "key": key,
        "subject": roster.staff_subject(BROKER, key),
        "did_key": roster.did_key(key),
        "possession_bytes": canonical_json({"broker": BROKER, "name": NAME, "role": ROLE, "key": key}).hex(),
        "possession_digest": possession.hex(),
        "proof": encode_base64url(ed25519.sign(SEED, possession)),
        "root_salt": ROOT_SALT.hex(),
        "values": canonical_json(values).decode(),
        "signed": canonical_json({**stated, "fields": digests}).decode(),
        "signed_bytes": canonical_json({**stated, "fields": digests}).hex(),
        "digest": digest.hex(),
        "signature": ed25519.sign(SEED, digest).hex(),
        "countersigned": canonical_json([{"key": key, "value": encode_base64url(ed25519.sign(SEED, digest))}]).decode(),
    }


def outputs() -> dict[Path, str]:
    """Return the files that this script owns a part of, with their text."""
    example = worked_example()
    page = page_with(PAGE.read_text(encoding="utf-8"), {"staff": example}, VECTOR.parent)
    return {VECTOR: as_file(example), PAGE: page}


if __name__ == "__main__":
    sys.exit(write_or_check(outputs()))
