"""What a replay report says, as JSON: codes and data, no sentence of any language. `node_adapter.report` renders it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence.verdict import SecondPersons, VerificationReport
from node_adapter.store.chain_index import ChainEvent
from node_adapter.store.replay_orders import OrderRow
from node_adapter.workflows.as_of import AsOf
from node_adapter.workflows.replay_bundle import OPINION, Collected, ReplayedRecord
from node_adapter.workflows.replay_standing import standing_json
from primitives.timestamp import format_time, parse_time
from replay.claims import judge
from replay.rules import FoundFinding, Reexecuted
from suitability.replay import Comparison

REPORT_FORMAT = "bonafides.replay-report/1"
STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "assessment",
        (
            "ID_VERIFY",
            "ID_SUCCEED",
            "ID_SUCCEEDED",
            "INFO_COLLECT",
            "DUTY_NOTICE",
            "Q_SUBMIT",
            "LEVEL_RESULT",
            "LEVEL_CONFIRM",
        ),
    ),
    (
        "risk",
        ("PRODUCT_RATE", "MATCH_OPINION", "MISMATCH_WARN", "MISMATCH_INSIST", "RISK_DISCLOSE", "RISK_CONFIRM"),
    ),
    ("handling", ("BIZ_APPLY", "BIZ_DECIDE")),
    ("signing", ("AGREEMENT_SIGN",)),
)
LIMITS = ("truth", "acceptance-block", "block-time", "unrecorded", "pseudonym", "fork", "rulesets", "attachments")
_MS = 1000
_FEN = 100
_MAX_TEXT = 600


@dataclass(frozen=True)
class Material:
    """Everything that the report is made of."""

    case: str
    reason: str
    lang: str
    order: OrderRow | None
    broker_did: str
    broker_name: str
    collected: Collected
    verified: VerificationReport
    rerun: Reexecuted
    stored_findings: frozenset[tuple[str, str]]  # (record id, code) as the node stored them at intake
    made_at: str
    moment: AsOf  # of which block the index was when all this was read


def report_content(material: Material) -> dict[str, Any]:
    """Return the report's content."""
    collected, verified, rerun = material.collected, material.verified, material.rerun
    inside = collected.anchored
    claims = judge(rerun, evidence_holds=verified.ok)
    findings = [*_altered(inside), *rerun.findings]
    return {
        "format": REPORT_FORMAT,
        "lang": material.lang,
        "synthetic": any(_is_synthetic(record.values) for record in collected.records),
        "cover": _cover(material),
        **standing_json(material.verified, rerun, collected, material.moment),
        "conclusion": {
            "ok": verified.ok,
            "verdict": verified.verdict,
            "claims": [{"claim": item.claim, "result": item.result, "records": list(item.seqs)} for item in claims],
        },
        "stages": _stages([*inside, *_ratings_used(collected)], findings, collected.subject.pid),
        "re_execution": [_comparison(item, inside) for item in rerun.comparisons],
        "rules": {
            "asked": len(rerun.asked) - len(rerun.not_asked),
            "records": len(rerun.asked),
            "not_asked": [vars(item) for item in rerun.not_asked],
        },
        "findings": [_finding(item, material.stored_findings) for item in findings]
        + [
            {"seq": None, "record_id": item.record_id, "code": item.code, "rule": "evidence", "detail": item.detail}
            | {"stored": None}
            for item in verified.findings
        ],
        "missing_findings": _missing(material),
        "second_persons": [_second_persons(entry) for entry in verified.second_persons],
        "records": [_record(record, collected) for record in collected.records],
        "completeness": _completeness(material),
        "checks": [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in verified.checks],
        "erased": [_erased(record) for record in collected.records if record.row.erased],
        "notes": list(verified.notes),
        "keys": [_key(event) for event in collected.key_events],
        "consents": _listed(inside, ("CONSENT_GIVE", "CONSENT_WITHDRAW")),
        "data_uses": _listed(inside, ("DATA_USE",)),
        "access_log": _listed(collected.records, ("ACCESS_LOG",)),
        "limits": list(LIMITS),
    }


def _cover(material: Material) -> dict[str, Any]:
    collected, order = material.collected, material.order
    times = [parse_time(record.envelope["occurred_at"], "occurred_at") for record in collected.records]
    return {
        "case": material.case,
        "reason": material.reason,
        "order": None
        if order is None
        else {"regulator": order.regulator, "id": order.id, "ordered_at": format_time(order.ordered_at)},
        "broker": {"name": material.broker_name, "did": material.broker_did},
        "client": collected.subject.did,
        "subject": collected.subject.pid,
        "from": format_time(min(times)),
        "to": format_time(max(times)),
        "made_at": material.made_at,
        "rulesets": sorted({str(r.envelope["ruleset"]) for r in collected.records if r.envelope["ruleset"]}),
        "documents": sorted({str(r.envelope["document"]) for r in collected.records if r.envelope["document"]}),
    }


def _ratings_used(collected: Collected) -> list[ReplayedRecord]:
    used = {str(record.values.get("rating_ref")) for record in collected.anchored if record.row.type == OPINION}
    return [r for _, chain in collected.references for r in chain if r.row.fingerprint.hex() in used]


def _stages(records: Sequence[ReplayedRecord], findings: Iterable[FoundFinding], subject: str) -> list[dict[str, Any]]:
    codes: dict[int, list[str]] = {}
    for finding in findings:
        codes.setdefault(finding.seq, []).append(finding.code)
    ordered = sorted(records, key=lambda r: (parse_time(r.envelope["occurred_at"], "occurred_at"), r.row.log_index))
    stages = []
    for stage, types in STAGES:
        entries = []
        for record in (record for record in ordered if record.row.type in types):
            own = record.row.pid == subject
            entry = _entry(record, codes.get(record.row.seq, []) if own else [])
            entries.append({**entry, "reference": None if own else record.row.pid})
        stages.append({"stage": stage, "entries": entries})
    return stages


def _entry(record: ReplayedRecord, codes: list[str]) -> dict[str, Any]:
    envelope = record.envelope
    return {
        "seq": record.row.seq,
        "type": record.row.type,
        "time": envelope["occurred_at"],
        "actor": envelope["actor"]["did"],
        "role": envelope["actor"]["role"],
        "channel": envelope["channel"],
        "document": envelope["document"],
        "ruleset": envelope["ruleset"],
        "signed": bool(envelope["signatures"]),
        "altered": list(record.altered),
        "erased": record.row.erased,
        "findings": codes,
        "reference": None,
        "shown": [[name, plain(value, name)] for name, value in record.values.items()],
    }


def _listed(records: Sequence[ReplayedRecord], types: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{**_entry(r, []), "anchored": r.anchored} for r in records if r.row.type in types]


def _comparison(item: Comparison, records: Sequence[ReplayedRecord]) -> dict[str, Any]:
    seq = next((record.row.seq for record in records if record.row.fingerprint.hex() == item.ref), None)
    names = ("level", "total") if item.type == "LEVEL_RESULT" else ("code", "gap")
    return {
        "seq": seq,
        "type": item.type,
        "ruleset": item.ruleset,
        "status": item.status,
        "fields": list(item.fields),
        "reason": item.reason,
        "recorded": [[name, plain(item.recorded.get(name), name)] for name in names],
        "computed": [] if item.computed is None else [[name, plain(item.computed.get(name), name)] for name in names],
    }


def _erased(record: ReplayedRecord) -> dict[str, Any]:
    """Name a gap: what stood here is proved, and what it said is gone."""
    row = record.row
    return {
        "seq": row.seq,
        "record_id": row.record_id,
        "type": row.type,
        "occurred_at": record.envelope["occurred_at"],
        "fingerprint": row.fingerprint.hex(),
        "anchored": record.anchored,
    }


def _finding(item: FoundFinding, stored: frozenset[tuple[str, str]]) -> dict[str, Any]:
    return {**vars(item), "stored": (item.record_id, item.code) in stored}


def _altered(records: Iterable[ReplayedRecord]) -> list[FoundFinding]:
    """Name the originals that are no longer what was sealed: neither the bundle nor a rule can read these fields."""
    return [
        FoundFinding(
            record.row.seq,
            record.row.record_id,
            "ORIGINAL_ALTERED",
            "evidence.original",
            f"not what was sealed: {', '.join(record.altered)}",
        )
        for record in records
        if record.altered
    ]


def _missing(material: Material) -> list[dict[str, Any]]:
    """Findings that the node stored at intake and the rules do not give today: to be explained, never hidden."""
    found = {(item.record_id, item.code) for item in material.rerun.findings}
    return [{"record_id": record_id, "code": code} for record_id, code in sorted(material.stored_findings - found)]


def _second_persons(entry: SecondPersons) -> dict[str, Any]:
    return {
        "subject": entry.subject,
        "seq": entry.seq,
        "type": entry.type,
        "persons": [{"name": one.name, "role": one.role, "key": one.key} for one in entry.persons],
        "missing": entry.missing,
    }


def _record(record: ReplayedRecord, collected: Collected) -> dict[str, Any]:
    row = record.row
    anchor = next((item for item in collected.anchors if item.size > row.log_index), None)
    place = None
    if anchor is not None:
        time = collected.anchor_times[anchor.seq] * _MS
        place = {
            "seq": anchor.seq,
            "block": anchor.block,
            "time": format_time(time),
            "delay_ms": time - row.accepted_at,
            "late": row.anchor_by is not None and time > row.anchor_by,
        }
    return {
        "seq": row.seq,
        "type": row.type,
        "record_id": row.record_id,
        "occurred_at": record.envelope["occurred_at"],
        "recorded_at": record.envelope["recorded_at"],
        "fingerprint": row.fingerprint.hex(),
        "log_index": row.log_index,
        "anchor_by": None if row.anchor_by is None else format_time(row.anchor_by),
        "anchor": place,
        "altered": list(record.altered),
    }


def _completeness(material: Material) -> dict[str, Any]:
    collected, last = material.collected, material.collected.anchors[-1]
    seqs = [record.row.seq for record in collected.anchored]
    return {
        "records": len(seqs),
        "first": seqs[0],
        "last": seqs[-1],
        "gaps": sorted(set(range(1, seqs[-1] + 1)) - set(seqs)),
        "head": collected.anchored[-1].row.fingerprint.hex(),
        "pending": len(collected.records) - len(seqs),
        "log_size": last.size,
        "anchor_seq": last.seq,
        "block": last.block,
        "time": format_time(collected.anchor_times[last.seq] * _MS),
        "references": [{"subject": pid, "records": len(chain)} for pid, chain in collected.references],
    }


def _key(event: ChainEvent) -> dict[str, Any]:
    args = event.args
    return {
        "contract": event.contract,
        "event": event.name,
        "block": event.block,
        "time": format_time(event.timestamp * _MS),
        "key": next((str(args[name]) for name in ("signing", "value", "owner", "delegate") if name in args), None),
        "revoked": args.get("validTo") is not None and int(args["validTo"]) <= event.timestamp,
    }


def plain(value: Any, name: str = "") -> str:
    """Return a payload value as text for a person: nested values in one line, money in yuan."""
    if value is None:
        text = "—"
    elif isinstance(value, bool):
        text = "✓" if value else "✗"
    elif isinstance(value, int) and name.endswith("_fen"):
        text = f"¥{value // _FEN:,}.{value % _FEN:02d}"
    elif isinstance(value, Mapping):
        text = " · ".join(f"{key} {plain(item, _inner(name, key))}" for key, item in value.items())
    elif isinstance(value, list):
        text = ", ".join(plain(item, name) for item in value) or "—"
    else:
        text = str(value)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"


def _inner(name: str, key: str) -> str:
    return name if name.endswith("_fen") else key


def _is_synthetic(value: Any) -> bool:
    if isinstance(value, Mapping):
        if value.get("synthetic") is True or value.get("source") == "synthetic":
            return True
        return any(_is_synthetic(item) for item in value.values())
    return isinstance(value, list) and any(_is_synthetic(item) for item in value)
