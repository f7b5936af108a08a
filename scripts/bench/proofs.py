"""What evidence of format 2 weighs and costs, over the number of records N and of anchors A: nothing may grow with age.

python scripts/bench/proofs.py [--quick]

A broker's log of up to twenty years: 126,000,000 blocks, 10,500,000 anchors, 105,000,000 records, among which clients
of 1 to 400 records are spread over the whole time. Up to 10,000,000 records every leaf is there; beyond, siblings are
random, and those of the state always (`scripts/vectors/twenty_years.py`). Each bundle is verified. The target of its
size is 16,000 bytes + n x (a record + 3,100), from 50 records on 2,500. The native limit of making and checking is one
SHA-256 over the bundle's bytes; times are of this process's CPU. Gas is what the contracts' tests have measured
(`contracts/snapshots/gas.json`).
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from evidence.version2.documents.assemble import ChainMaterial, LogMaterial, assemble
from evidence.version2.documents.bundle import seal_bundle
from evidence.version2.log.cosignature import cosign, witness_name
from evidence.version2.map.append_proof import APPEND_PROOF, make_append_proof, verify_append
from evidence.version2.verify.bundle import VerificationRequest, verify_bundle
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.packed import pack, unpack
from primitives.suites import DEFAULT
from primitives.timestamp import format_time
from scripts.bench.harness import Row, arguments, progress, table
from scripts.bench.label_map import timed
from scripts.vectors.synthetic_consortium import Client, did
from scripts.vectors.twenty_years import Age, AgedBroker, aged, filler
from scripts.vectors.version2.bundles import SIGNING

FIXED, A_RECORD, A_RECORD_OF_MANY, MANY = 16_000, 3_100, 2_500, 50
OF_RECORDS = ("history", "log", "map", "promises")  # the members of a bundle that hold something for each record
WITNESSES = ("south", "west")
APPENDED = (1, 100)
BATCHES = (1, 100, 10_000)
ANCHORS = {"1": "leaf 2, 0", "1,000": "leaf 1000, 8", "1,000,000": "leaf 1000000, 12", "2^23": "leaf 8388608, 23"}
GAS = Path(__file__).parents[2] / "contracts" / "snapshots" / "gas.json"
Result = TypeVar("Result")
PLAIN_TRANSACTION = 22_280  # with 32 bytes of calldata
QUICK = (Age(2_000, 10, 10_000, real=True), Age(10_500_000, 10, 4_000_000, real=False))
FULL = (
    Age(10_000, 10, 10_000, real=True),
    Age(100_000, 10, 100_000, real=True),
    Age(100_000, 10, 100_000, real=True, request=100),
    Age(10_000, 1_000, 1_000_000, real=True),
    Age(1_000_000, 10, 1_000_000, real=True),
    Age(1_000_000, 100, 4_000_000, real=False),
    Age(10_500_000, 10, 4_000_000, real=False),
    Age(10_500_000, 10, 4_000_000, real=False, request=100),
)


def cheapest(work: Callable[[], Result], repeats: int = 5) -> tuple[float, Result]:
    """Return the least CPU time of several runs in seconds, and the last outcome."""
    runs = [timed(work) for _ in range(repeats)]
    return min(taken for taken, _ in runs), runs[-1][1]


def size_of(value: object) -> int:
    """Return the bytes of a value in a bundle."""
    return len(canonical_json(value))


def make(broker: AgedBroker, client: Client, chain: ChainMaterial, log: LogMaterial) -> bytes:
    """Make a client's bundle, as a node does once it has read what it needs."""
    bundle = assemble(
        chain=chain,
        log=log,
        suite=DEFAULT.name,
        broker=broker.did,
        client=did(client.name or ""),
        case="2046-17",
        made_at=format_time(broker.world.now),
        history=broker.material(client),
    )
    return seal_bundle(bundle.body(), broker.member.secret)


def bundle_rows(broker: AgedBroker, client: Client, records: int, curve: list[Row]) -> list[Row]:
    """Return what the bundle of one client weighs and costs; the curve gets its part of it."""
    world = broker.world
    world.block += 1
    chain, log = world.material(broker.name, client.name), broker.log(WITNESSES)
    making, data = cheapest(lambda: make(broker, client, chain, log), 3)
    trust, key = world.trust(chain.header), ed25519.public_key(world.members["regulator"].secret)
    checking, report = cheapest(lambda: verify_bundle(data, [trust], {key}, VerificationRequest(SIGNING)), 3)
    if not report.ok or report.reach is None or len(report.reach.witnesses) != len(WITNESSES):
        raise SystemExit(f"the bundle of {records} records does not hold: {report.verdict}")
    native, _ = cheapest(lambda: hashlib.sha256(data).digest())
    packing, travels = cheapest(lambda: pack(data))
    unpacking, _ = cheapest(lambda: unpack(travels, "bundle", len(data)))
    body: dict[str, Any] = json.loads(data)
    shown = sum(size_of(record["record"]) for record in body["history"]["records"])
    fixed = len(data) - sum(size_of(body[name]) for name in OF_RECORDS)
    target = FIXED + shown + records * (A_RECORD if records < MANY else A_RECORD_OF_MANY)
    at = f"N = {broker.age.records:,}, A = {broker.age.anchors:,}, n = {records}"
    curve += [(f"{at}: bundle", len(data), "bytes"), (f"{at}: verified", 1000 * checking, "CPU ms")]
    return [
        (f"n = {records}: bundle", len(data), "bytes"),
        ("  as it travels, gzip", len(travels), "bytes"),
        ("  the part that no record adds to", fixed, "bytes"),
        ("  of it nodes of the state", size_of(body["nodes"]), "bytes"),
        ("  a record", shown / records, "bytes"),
        ("  beyond each record", (len(data) - fixed - shown) / records, "bytes"),
        ("  of the target", len(data) / target, ""),
        ("  of the target, as it travels", len(travels) / target, ""),
        ("  packed", 1000 * packing, "CPU ms"),
        ("  unpacked", 1000 * unpacking, "CPU ms"),
        ("  trust file", len(trust), "bytes"),
        ("  made", 1000 * making, "CPU ms"),
        ("  verified", 1000 * checking, "CPU ms"),
        ("  SHA-256 over it (native limit)", 1000 * native, "CPU ms"),
        ("  ratio of verifying", checking / native, ""),
    ]


def append_rows(broker: AgedBroker, labels: list[bytes], count: int) -> list[Row]:
    """Return what a witness gets and does for an anchor that adds so many records."""
    added = {label: label for label in labels[:count]}
    making, proof = cheapest(lambda: make_append_proof(broker.aged.top, added), 3)
    text = json.dumps(proof.to_json(), separators=(",", ":"))
    checking, _ = cheapest(lambda: verify_append(broker.aged.root, APPEND_PROOF.read(json.loads(text), "proof")), 3)
    note = broker.checkpoint()
    south = broker.world.members["south"]
    cosigned, _ = cheapest(lambda: cosign(note, witness_name(did(south.name)), broker.world.time, south.secret))
    return [
        (f"append proof of {count}", len(text) / count, "bytes a record"),
        ("  made", 1e6 * making / count, "us a record"),
        ("  read and checked", 1e6 * checking / count, "us a record"),
        ("  the checkpoint cosigned", 1e6 * cosigned, "us"),
    ]


def measure(age: Age, counts: tuple[int, ...]) -> list[Row]:
    """Measure and print one age; return its points of the curve."""
    labels = [filler(b"appended", number) for number in range(APPENDED[-1])]
    broker = aged(age, {f"client of {count}": count for count in counts}, labels)
    kind = "every leaf real" if age.real else "random siblings"
    rows: list[Row] = []
    curve: list[Row] = []
    for done, (client, count) in enumerate(zip(broker.clients.values(), counts, strict=True)):
        progress(f"N = {age.records}", done + 1, len(counts))
        rows += bundle_rows(broker, client, count, curve)
    for count in APPENDED:
        rows += append_rows(broker, labels, count)
    promised = f"{age.request} promised by a signature"
    table(f"N = {age.records:,}, A = {age.anchors:,}, {age.blocks:,} blocks, {promised}; {kind}", rows)
    return curve


def gas_rows() -> list[Row]:
    """Return gas of an anchor and of each record, as the contracts' tests measured it."""
    measured: dict[str, int] = json.loads(GAS.read_text("utf-8"))["EvidenceLog"]
    rows: list[Row] = [("a plain transaction (native limit)", PLAIN_TRANSACTION, "gas")]
    for anchor, name in ANCHORS.items():
        gas = measured[f"anchor, {name} peaks"]
        rows += [(f"anchor {anchor}", gas, "gas"), ("  ratio", gas / PLAIN_TRANSACTION, "")]
        rows += [(f"  a record, batches of {batch:,}", gas / batch, "gas") for batch in BATCHES]
    return rows


def _by_count(row: Row) -> tuple[bool, int]:
    what = row[0].rpartition("n = ")[2]
    return what.endswith("verified"), int(what.partition(":")[0])


def main() -> int:
    """Measure and print."""
    quick = arguments(__doc__).parse_args().quick
    counts = (1, 10, 50) if quick else (1, 10, 50, 200, 400)
    curve = [row for age in (QUICK if quick else FULL) for row in measure(age, counts)]
    table("the curve over N and A, by the number of records n", sorted(curve, key=_by_count))
    table("gas", gas_rows())
    return 0


if __name__ == "__main__":
    sys.exit(main())
