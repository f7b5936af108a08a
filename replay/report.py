"""What a replay report says, as JSON: codes and data, no sentence of any language. `replay.report_page` renders it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from domain.comparison import Comparison
from domain.domains import Domains
from domain.issue import FULL
from domain.whole import ACCESS_LOG, CONSENTS, DATA_USES
from evidence.verify.verdict import SecondPersons
from primitives.timestamp import format_time, parse_time
from replay.claims import Answer, judge
from replay.reach import vouched
from replay.report_compliance import compliance
from replay.report_material import Material, ShownRecord
from replay.report_records import (
    attachments_json,
    completeness_json,
    erased_json,
    key_json,
    record_json,
    signatures_json,
    sources_json,
)
from replay.reports import reports_subject
from replay.rules import FoundFinding
from replay.standing import standing_json
from replay.synthetic import is_synthetic

REPORT_FORMAT = "bonafides.replay-report/2"
LIMITS = ("truth", "acceptance-block", "block-time", "unrecorded", "pseudonym", "fork", "rulesets", "attachments")


def report_content(material: Material) -> dict[str, Any]:
    """Return the report's content."""
    verified, rerun, inside = material.verified, material.rerun, material.anchored
    claims = judge(rerun, material.domains, evidence_holds=verified.ok)
    findings = [*_altered(inside), *rerun.findings]
    return {
        "format": REPORT_FORMAT,
        "form": FULL,
        "lang": material.occasion.lang,
        "synthetic": any(is_synthetic(shown.values) for shown in material.records),
        "cover": _cover(material),
        **standing_json(material),
        "conclusion": {
            "ok": verified.ok,
            "verdict": verified.verdict,
            "claims": [_claim(item, inside) for item in claims],
        },
        "stages": _stages([*inside, *_house_records_used(material)], findings, material),
        "re_execution": [_comparison(item, inside, material.domains) for item in rerun.comparisons],
        "rules": {
            "asked": len(rerun.asked) - len(rerun.not_asked),
            "records": len(rerun.asked),
            "not_asked": [vars(item) for item in rerun.not_asked],
        },
        "findings": [_finding(item, material.occasion.stored_findings) for item in findings]
        + [
            {"seq": None, "record_id": item.record_id, "code": item.code, "rule": "evidence", "detail": item.detail}
            | {"stored": None}
            for item in verified.findings
        ],
        "missing_findings": _missing(material),
        "second_persons": [_second_persons(entry) for entry in verified.second_persons],
        "records": [record_json(shown) for shown in material.records],
        "completeness": completeness_json(material),
        "checks": [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in verified.checks],
        "erased": [erased_json(shown) for shown in material.records if shown.erased],
        "vouched": vouched(verified),
        "notes": [*vouched(verified), *verified.notes],
        "keys": [key_json(change) for change in material.key_changes],
        "signatures": signatures_json(inside),
        "attachments": attachments_json(inside),
        "compliance": compliance(rerun, inside, material.domains),
        "sources": sources_json(inside),
        CONSENTS: _listed(inside, CONSENTS, material.domains),
        DATA_USES: _listed(inside, DATA_USES, material.domains),
        ACCESS_LOG: [*_listed(material.records, ACCESS_LOG, material.domains), *_issues(material)],
        "limits": list(LIMITS),
    }


def _claim(item: Answer, records: Sequence[ShownRecord]) -> dict[str, Any]:
    ids = {shown.record.seq: shown.record.record_id for shown in records}
    named = [ids[seq] for seq in item.seqs if seq in ids]
    return {
        "claim": item.claim,
        "result": item.result,
        "why": item.why,
        "records": list(item.seqs),
        "record_ids": named,
    }


def _cover(material: Material) -> dict[str, Any]:
    occasion, envelopes = material.occasion, [shown.record.envelope for shown in material.records]
    times = [parse_time(envelope["occurred_at"], "occurred_at") for envelope in envelopes]
    return {
        "case": occasion.case,
        "reason": occasion.reason,
        "order": None if occasion.order is None else dict(occasion.order),
        "broker": {"name": occasion.broker_name, "did": material.broker},
        "client": material.client,
        "subject": material.subject,
        "from": format_time(min(times)),
        "to": format_time(max(times)),
        "made_at": occasion.made_at,
        "software": occasion.software,
        "requested_by": _readers(material),
        "opened_by": "" if material.verified.reach is None else material.verified.reach.opened_by,
        "chain_id": material.verified.chain_id,
        "rulesets": sorted({str(envelope["ruleset"]) for envelope in envelopes if envelope["ruleset"]}),
        "documents": sorted({str(envelope["document"]) for envelope in envelopes if envelope["document"]}),
    }


def _readers(material: Material) -> list[str]:
    """Return who read the originals under this case, as the records of the looks say."""
    looks = [shown.values for shown in material.records if _stage(shown, material.domains) == ACCESS_LOG]
    readers = [str(look["reader"]) for look in looks if look.get("case") == material.occasion.case and "reader" in look]
    return list(dict.fromkeys(readers))


def _house_records_used(material: Material) -> list[ShownRecord]:
    used = {
        material.domains.of(shown.record.type).named_house_record(shown.record.type, shown.values)
        for shown in material.anchored
        if shown.record.type in material.domains.types
    }
    return [shown for _, chain in material.references for shown in chain if shown.record.fingerprint in used]


def _stages(
    records: Sequence[ShownRecord], findings: Iterable[FoundFinding], material: Material
) -> list[dict[str, Any]]:
    domains = material.domains
    codes: dict[int, list[str]] = {}
    for finding in findings:
        codes.setdefault(finding.seq, []).append(finding.code)
    ordered = sorted(records, key=lambda shown: (_happened(shown), shown.record.log_index))
    stages = []
    for stage in domains.stages:
        entries = []
        for shown in (shown for shown in ordered if _stage(shown, domains) == stage):
            own = shown.record.subject == material.subject
            entry = _entry(shown, codes.get(shown.record.seq, []) if own else [], domains)
            entries.append({**entry, "reference": None if own else shown.record.subject})
        stages.append({"stage": stage, "entries": entries})
    return stages


def _stage(shown: ShownRecord, domains: Domains) -> str:
    known = domains.types.get(shown.record.type)
    return "" if known is None else known.stage


def _happened(shown: ShownRecord) -> int:
    return parse_time(shown.record.envelope["occurred_at"], "occurred_at")


def _entry(shown: ShownRecord, codes: list[str], domains: Domains) -> dict[str, Any]:
    envelope = shown.record.envelope
    return {
        "seq": shown.record.seq,
        "record_id": shown.record.record_id,
        "type": shown.record.type,
        "time": envelope["occurred_at"],
        "actor": envelope["actor"]["did"],
        "role": envelope["actor"]["role"],
        "channel": envelope["channel"],
        "document": envelope["document"],
        "ruleset": envelope["ruleset"],
        "signed": bool(envelope["signatures"]),
        "altered": list(shown.altered),
        "erased": shown.erased,
        "hidden": sorted(set(envelope["fields"]) - set(shown.values)),
        "findings": codes,
        "reference": None,
        "shown": [[name, shown.values[name]] for name in _in_order(shown, domains)],
        "withheld": [],
        "attachments": len(envelope["attachments"]),
    }


def _in_order(shown: ShownRecord, domains: Domains) -> list[str]:
    """Return the names of a payload as its type declares them: a node's store and a bundle keep orders of their own."""
    declared = domains.types[shown.record.type].fields if shown.record.type in domains.types else {}
    known = [name for name in declared if name in shown.values]
    return known + sorted(set(shown.values) - set(known))


def _listed(records: Sequence[ShownRecord], stage: str, domains: Domains) -> list[dict[str, Any]]:
    listed = (shown for shown in records if _stage(shown, domains) == stage)
    return [{**_entry(shown, [], domains), "anchored": shown.anchor is not None} for shown in listed]


def _issues(material: Material) -> list[dict[str, Any]]:
    """Return when which report of this history was given to whom, as the history of the house says that holds it."""
    place = reports_subject(material.broker, material.subject)
    chain = next((chain for pid, chain in material.references if pid == place), ())
    return [{**entry, "reference": place} for entry in _listed(chain, ACCESS_LOG, material.domains)]


def _comparison(item: Comparison, records: Sequence[ShownRecord], domains: Domains) -> dict[str, Any]:
    seq = next((shown.record.seq for shown in records if shown.record.fingerprint == item.ref), None)
    names = list(domains.types[item.type].fields)
    return {
        "seq": seq,
        "type": item.type,
        "ruleset": item.ruleset,
        "status": item.status,
        "fields": list(item.fields),
        "reason": item.reason,
        "recorded": [[name, item.recorded.get(name)] for name in names],
        "computed": [] if item.computed is None else [[name, item.computed.get(name)] for name in names],
        "working": [dict(step) for step in item.working],
    }


def _finding(item: FoundFinding, stored: frozenset[tuple[str, str]] | None) -> dict[str, Any]:
    return {**vars(item), "stored": None if stored is None else (item.record_id, item.code) in stored}


def _altered(records: Iterable[ShownRecord]) -> list[FoundFinding]:
    """Name the originals that are no longer what was sealed: neither the bundle nor a rule can read these fields."""
    return [
        FoundFinding(
            shown.record.seq,
            shown.record.record_id,
            "ORIGINAL_ALTERED",
            "evidence.original",
            f"not what was sealed: {', '.join(shown.altered)}",
        )
        for shown in records
        if shown.altered
    ]


def _missing(material: Material) -> list[dict[str, Any]] | None:
    """Findings that the node stored at intake and the rules do not give today: to be explained, never hidden.

    None where it is not known what the node stored.
    """
    stored = material.occasion.stored_findings
    if stored is None:
        return None
    found = {(item.record_id, item.code) for item in material.rerun.findings}
    return [{"record_id": record_id, "code": code} for record_id, code in sorted(stored - found)]


def _second_persons(entry: SecondPersons) -> dict[str, Any]:
    return {
        "subject": entry.subject,
        "seq": entry.seq,
        "type": entry.type,
        "persons": [{"name": one.name, "role": one.role, "key": one.key} for one in entry.persons],
        "missing": entry.missing,
    }
