"""What sealing a record costs, against hashing as many bytes.

python scripts/bench/fingerprints.py [--quick]

Sealing checks the envelope, derives a salt and a digest for every field and the label of the record after, writes the
canonical form and takes its HMAC. The native limits: one HMAC-SHA-256 over the same canonical bytes of each record, and
the same HMAC calls that the format asks for (a salt and a digest for every field, the envelope's salt and fingerprint,
the next label), in a plain hashlib loop.
"""

from __future__ import annotations

import hashlib
import hmac
import sys
from typing import Any

from evidence.version2.record import SealedRecord, seal
from primitives.canonical import canonical_json
from primitives.suites import DEFAULT
from scripts.bench.harness import arguments, best_of, payloads, table

BROKER = "did:ethr:0x1:0x" + "11" * 20
SALT_TAG = b"bonafides/record/2/field-salt"
NEXT_BYTES = 40  # what the next label is made of beside its tag


def envelope(number: int, type_: str) -> dict[str, Any]:
    """Return an envelope without its digests."""
    return {
        "suite": DEFAULT.name,
        "record_id": f"019aa3b1-5c10-7000-8000-{number:012x}",
        "type": type_,
        "schema": "1",
        "broker": BROKER,
        "subject": f"{number:064x}",
        "seq": 1,
        "prev": "0" * 64,
        "occurred_at": "2026-11-21T09:16:38.123+08:00",
        "recorded_at": "2026-11-21T09:16:38.456+08:00",
        "accepted": {"block": 8, "hash": f"{8:064x}"},
        "channel": "app",
        "actor": {"did": BROKER, "role": "broker-system"},
        "ruleset": f"sac-bands@1:{1:064x}",
        "document": None,
        "attachments": [],
        "known": None,
        "signatures": [],
    }


def hash_loop(pairs: list[tuple[bytes, bytes]]) -> None:
    """Take one HMAC of every (key, message)."""
    for key, message in pairs:
        hmac.digest(key, message, hashlib.sha256)


def hmac_calls(record: SealedRecord) -> list[tuple[bytes, bytes]]:
    """Return keys and messages of the sizes that the format asks for."""
    calls = [(record.root_salt, record.canonical), (record.root_salt, SALT_TAG)]
    calls.append((record.root_salt, SALT_TAG + bytes(NEXT_BYTES)))
    for name, value in record.values.items():
        calls += [(record.root_salt, SALT_TAG + name.encode()), (record.root_salt, canonical_json(value))]
    return calls


def main() -> int:
    """Measure and print."""
    clients = 100 if arguments(__doc__).parse_args().quick else 2_000
    drafts = [
        (envelope(number, type_), values, hashlib.sha256(b"bench %d" % number).digest())
        for number in range(clients)
        for type_, values in payloads(number).items()
    ]
    sealing, sealed = best_of(lambda: [seal(*draft) for draft in drafts])
    whole = [(record.root_salt, record.canonical) for record in sealed]
    calls = [pair for record in sealed for pair in hmac_calls(record)]
    plain, _ = best_of(lambda: hash_loop(whole))
    format_, _ = best_of(lambda: hash_loop(calls))
    size = sum(len(message) for _, message in whole)
    count = len(drafts)
    table(
        f"{count} records, {size // count} canonical bytes and {len(calls) // count} HMACs a record",
        [
            ("sealed", count / sealing, "records/s"),
            ("one HMAC over the bytes (native limit)", count / plain, "records/s"),
            ("ratio", sealing / plain, ""),
            ("the format's own HMACs (native limit)", count / format_, "records/s"),
            ("ratio", sealing / format_, ""),
        ],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
