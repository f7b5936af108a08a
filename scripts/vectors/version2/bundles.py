"""Whole bundles of a synthetic consortium, each with the trust file under which it holds, and the verdict.

bundle          a client who opened the history: acts, results of the engine, a redacted record, a product's
ratings beside, two members who checked growth, a change of the broker's keys
bundle-joined   a client on paper who signed later; nobody checked growth
bundle-erased   a history of twenty years, of which one record was erased by its rule
bundle-reported a history of which report and bundle were given out before, with the history of the house that says so
bundle-sm       a broker whose suite is `sm3-sm2/1`, as its client's acts and the trust file are, beside members of the
default suite, who checked growth. Two signatures of SM2 differ, so this one was made once (`--anew` makes it again).
"""

from __future__ import annotations

import hashlib
import json
import sys

from domain.issue import ISSUE
from evidence.verify.signing import SigningRules
from evidence.version2.record import redact
from evidence.version2.verify.bundle import VerificationRequest, verify_bundle
from primitives.suites import SUITES
from replay.reports import reports_matter
from scripts.vectors.output import ROOT, Vector
from scripts.vectors.synthetic_consortium import (
    CLIENT,
    PERIOD,
    Broker,
    Client,
    Fact,
    Member,
    World,
    consortium,
    did,
)

SM = SUITES["sm3-sm2/1"]
SM_FILE = ROOT / "tests" / "vectors" / "evidence-2" / "bundle-sm.json"
RULE = "retention-20-years"
TWENTY_YEARS = 7_305 * 86_400
SIGNING = SigningRules(
    client_acts=frozenset({"LEVEL_CONFIRM", "CONSENT_GIVE"}),
    second_persons={},
    enrols="STAFF_ENROL",
    ends="STAFF_END",
    erasure_clocks={RULE: 1000 * TWENTY_YEARS},
)


def vectors() -> dict[str, Vector]:
    """Return the bundles."""
    return {
        "bundle": _lived(),
        "bundle-joined": _joined(),
        "bundle-erased": _erased(),
        "bundle-reported": _reported(),
        "bundle-sm": _of_sm(),
    }


def _lived() -> Vector:
    broker = Broker(consortium(), "north")
    client = broker.client("ada")
    product = broker.product("FUND-1")
    broker.record(product, "PRODUCT_RATE", {"product_id": "FUND-1", "risk": "R3"})
    broker.anchor()
    level = broker.record(client, "LEVEL_RESULT", {"band": "C4", "total": 61})
    confirmed = Fact("LEVEL_CONFIRM", {"level_ref": level.fingerprint.hex(), "level": "C4"}, CLIENT)
    broker.request(client, [confirmed, Fact("MATCH_OPINION", {"product_id": "FUND-1", "opinion": "MATCH"})])
    other = broker.client("bob")
    broker.record(other, "LEVEL_RESULT", {"band": "C1", "total": 12})
    broker.anchor()
    broker.anchor()
    broker.rotate()
    broker.record(client, "BIZ_APPLY", {"product_id": "FUND-1", "amount_fen": 1_234_567})
    broker.anchor()
    client.shown[5] = redact(client.records[4], ["product_id"])
    return _vector(broker, client, references=[product], witnesses=["south", "west"])


def _joined() -> Vector:
    broker = Broker(consortium(), "north")
    client = broker.client("grace", opens=False)
    broker.record(client, "OPENING", {"kind": "unsigned-client", "opens": None, "continues": None})
    broker.record(client, "LEVEL_RESULT", {"band": "C2", "total": 25})
    broker.anchor()
    broker.act(client, "OPENING", {"kind": "client", "opens": did("grace"), "continues": None})
    broker.anchor()
    return _vector(broker, client)


def _erased() -> Vector:
    broker = Broker(consortium(), "north")
    client = broker.client("emmy")
    level = broker.record(client, "LEVEL_RESULT", {"band": "C3", "total": 40})
    broker.anchor()
    broker.world.block += TWENTY_YEARS // PERIOD
    erased = {"seq": 2, "fingerprint": level.fingerprint.hex(), "rule": RULE}
    broker.record(client, "ERASE", {"erases": [erased], "reason": "the time of keeping is over"})
    broker.anchor()
    broker.erase(client, 2)
    return _vector(broker, client, witnesses=["south"])


def _reported() -> Vector:
    broker = Broker(consortium(), "north")
    client = broker.client("rosa")
    broker.record(client, "LEVEL_RESULT", {"band": "C4", "total": 61})
    broker.anchor()
    reports = broker.house(reports_matter(client.subject.hex()))
    for document, language in (("bundle", None), ("pdf", "zh")):
        broker.record(reports, ISSUE, {**_issued(document, language), "subject": client.subject.hex()})
    broker.anchor()
    return _vector(broker, client, references=[reports], witnesses=["south"])


def _issued(document: str, language: str | None) -> dict[str, object]:
    return {
        "replay": "019aa3b1-5c10-7000-8000-0000000000aa",
        "identity": 0,
        "case": "case 7",
        "order_id": None,
        "document": document,
        "report_form": "full",
        "language": language,
        "sha256": hashlib.sha256(f"the {document} of case 7".encode()).hexdigest(),
        "bytes": len(f"the {document} of case 7"),
        "block": 124,
        "holds": True,
        "proven": [],
        "refuted": [],
        "not_provable": ["WRONG_RESULT"],
        "issued_to": "compliance (synthetic)",
    }


def _of_sm() -> Vector:
    if SM_FILE.exists() and "--anew" not in sys.argv[1:]:
        kept = json.loads(SM_FILE.read_text("utf-8"))
        return _judged(kept["bundle"].encode(), kept["trust"].encode(), bytes.fromhex(kept["trust_key"]))
    members = [Member("north", suite=SM), Member("south"), Member("regulator", role=2, suite=SM)]
    broker = Broker(World(members), "north")
    client = broker.client("ada")
    product = broker.product("FUND-1")
    broker.record(product, "PRODUCT_RATE", {"product_id": "FUND-1", "risk": "R3"})
    level = broker.record(client, "LEVEL_RESULT", {"band": "C4", "total": 61})
    broker.anchor()
    broker.rotate()
    confirmed = Fact("LEVEL_CONFIRM", {"level_ref": level.fingerprint.hex(), "level": "C4"}, CLIENT)
    broker.request(client, [confirmed, Fact("MATCH_OPINION", {"product_id": "FUND-1", "opinion": "MATCH"})])
    broker.anchor()
    return _vector(broker, client, references=[product], witnesses=["south", "regulator"])


def _vector(
    broker: Broker, client: Client, *, references: list[Client] | None = None, witnesses: list[str] | None = None
) -> Vector:
    bundle, header = broker.bundle(client, references=references or [], witnesses=witnesses or [])
    return _judged(bundle, broker.world.trust(header), broker.world.members["regulator"].keys.signing)


def _judged(bundle: bytes, trust: bytes, key: bytes) -> Vector:
    report = verify_bundle(bundle, [trust], {key}, VerificationRequest(SIGNING))
    return {
        "trust_key": key.hex(),
        "trust": trust.decode(),
        "sha256": hashlib.sha256(bundle).hexdigest(),
        "verdict": report.verdict,
        "checks": [f"{check.name}: {check.detail}" for check in report.checks],
        "notes": list(report.notes),
        "bundle": bundle.decode(),
    }
