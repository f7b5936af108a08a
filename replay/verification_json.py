"""A verification as JSON, as the command prints it and programs read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.comparison import Comparison
from evidence.verify.verdict import Reach, SecondPersons, VerifiedRecord
from primitives.timestamp import format_time
from replay.reach import redacted, sentences
from replay.standing import verification_standing
from replay.verification import Verification


def verification_json(verification: Verification) -> dict[str, Any]:
    """Return a verification's wire form."""
    report, rerun = verification.report, verification.rerun
    return {
        "ok": report.ok,
        "verdict": report.verdict,
        "checks": [vars(check) for check in report.checks],
        "chain_id": report.chain_id,
        "broker": report.broker,
        "client": report.client,
        "subject": report.subject,
        "case": report.case,
        "complete_as_of": {"block": report.complete_as_of_block, "time": report.complete_as_of_time},
        "anchored_since": report.anchored_since,
        "pending": report.pending,
        "records": [_record(record) for record in report.records],
        "second_persons": [_signers(entry) for entry in report.second_persons],
        "findings": [vars(finding) for finding in verification.findings],
        "rules": {
            "asked": len(rerun.asked) - len(rerun.not_asked),
            "records": len(rerun.asked),
            "not_asked": [vars(entry) for entry in rerun.not_asked],
        },
        "re_execution": [_comparison(comparison) for comparison in rerun.comparisons],
        "notes": list(report.notes),
        **verification_standing(verification),
        **({} if report.reach is None else {"reach": reach_json(verification, report.reach)}),
    }


def reach_json(
    verification: Verification, reach: Reach, own: Sequence[Mapping[str, str]] | None = None
) -> dict[str, Any]:
    """Return how far the answer reaches, of format 2; `text` says it in sentences, `own` is as there."""
    names = ("trusted_by", "opened_by", "witnesses", "members", "wanted", "erased", "put_back", "wrong")
    stated = {name: getattr(reach, name) for name in names}
    hidden = [record.seq for record in redacted(verification.report)]
    return {**stated, "earlier_not_shown": reach.not_shown, "redacted": hidden, "text": sentences(verification, own)}


def _record(record: VerifiedRecord) -> dict[str, Any]:
    names = ("seq", "record_id", "type", "occurred_at", "recorded_at", "fingerprint", "log_index")
    return {
        "subject": record.subject,
        **{name: getattr(record, name) for name in names},
        "anchor_seq": record.anchor_seq,
        "anchor_block": record.anchor_block,
        "anchored_at": format_time(record.anchored_at),
    }


def _signers(entry: SecondPersons) -> dict[str, Any]:
    persons = [{"name": person.name, "role": person.role, "key": person.key} for person in entry.persons]
    place = {name: getattr(entry, name) for name in ("subject", "seq", "record_id", "type")}
    return {**place, "persons": persons, "missing": entry.missing}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    names = ("ref", "type", "ruleset", "status", "reason")
    return {**{name: getattr(comparison, name) for name in names}, "fields": list(comparison.fields)}
