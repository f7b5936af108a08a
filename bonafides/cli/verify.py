"""`bonafides verify`: a bundle against a trust file, offline, with nothing else read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from bonafides.cli.options import FILE, verbatim
from bonafides.cli.output import read_document, say, write_json
from evidence.bundle import MAX_BUNDLE_BYTES
from evidence.trust import MAX_TRUST_BYTES
from evidence.verdict import EvidenceFinding, VerificationReport, VerifiedRecord
from evidence.verify import verify_bundle
from primitives.errors import CouldNotCheck, InvalidInput
from primitives.timestamp import parse_time
from suitability.records import check_payload, check_type
from suitability.replay import Comparison, broken_rules, re_execute
from suitability.ruleset import RuleSet, packaged_rulesets
from suitability.states import Fact


@click.command(
    epilog=verbatim(
        "Exit status: 0 all checks hold (findings are content, not failures), 1 a check failed,",
        "2 not a bundle, or it could not be checked.",
        "",
        "Example:",
        "  bonafides verify bundle.json --trust trust.json",
    )
)
@click.argument("bundle", type=FILE)
@click.option("--trust", type=FILE, required=True, help="From another member or the regulator: `chain headers`.")
@click.option("--at-least-block", type=click.IntRange(0), help="Refuse a bundle that ends before this block.")
@click.option("--rulesets", "ruleset_file", type=FILE, help="Rule sets of the broker: what `ruleset list` printed.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def verify(bundle: Path, trust: Path, at_least_block: int | None, ruleset_file: Path | None, as_json: bool) -> int:
    """Verify a client's history: every check by name, and complete as of which block.

    Where the bundle shows answers and results, score and opinion are executed again under the rule set of that day.
    A rule set that is neither in the bundle nor in --rulesets, nor packaged, is reported as not checked.
    """
    rulesets = _rulesets(ruleset_file)
    report = verify_bundle(
        read_limited(bundle, MAX_BUNDLE_BYTES, "bundle"),
        read_limited(trust, MAX_TRUST_BYTES, "trust"),
        at_least_block=at_least_block,
    )
    again = re_executed(report, rulesets)
    report = replace(report, notes=(*report.notes, *again.notes), findings=(*report.findings, *again.findings))
    comparisons = again.comparisons
    if as_json:
        write_json(_as_json(report, comparisons))
    else:
        for line in _as_text(report, comparisons):
            say(line)
    return 0 if report.ok else 1


def read_limited(file: Path, limit: int, field: str) -> bytes:
    """Read a file that a stranger may have made, one byte further than allowed at most.

    Raises:
        CouldNotCheck: `file-unreadable`.
        InvalidInput: it is too long.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise CouldNotCheck("file-unreadable", f"{file}: {error.strerror}") from error
    if len(data) > limit:
        raise InvalidInput(field, "max-bytes", f"is longer than {limit} bytes")
    return data


@dataclass(frozen=True)
class Reexecution:
    """What the engines and the rules say of the verified records, and what could not be executed again."""

    comparisons: tuple[Comparison, ...]
    findings: tuple[EvidenceFinding, ...]
    notes: tuple[str, ...]


def re_executed(report: VerificationReport, rulesets: Iterable[RuleSet]) -> Reexecution:
    """Execute every score and opinion again that the verified records show whole, and ask every rule again."""
    notes: list[str] = []
    by_label = {ruleset.label: ruleset for ruleset in rulesets}
    for number, document in enumerate(report.rulesets):
        try:
            carried = RuleSet.from_document(document)
        except InvalidInput as error:
            notes.append(f"rule set {number} of the bundle cannot be read: {error}")
        else:
            by_label.setdefault(carried.label, carried)  # the verifier's own comes first
    logged: list[tuple[Fact, bool]] = []
    whole = True
    for record in sorted(report.records, key=lambda record: record.log_index):
        own = record.subject == report.subject
        if set(record.values) != set(record.envelope["fields"]):
            whole = whole and not own
            continue
        try:
            logged.append((_fact(record), own))
        except InvalidInput as error:
            whole = whole and not own
            notes.append(f"record {record.record_id} ({record.type}) cannot be executed again: {error}")
    if not whole:
        notes.append("the rules are not asked again: the bundle does not show every record of the client whole")
    findings = _broken(report, logged, by_label) if whole else ()
    comparisons = re_execute((fact for fact, own in logged if own), by_label.get)
    return Reexecution(comparisons, findings, tuple(notes))


def _broken(
    report: VerificationReport, logged: Sequence[tuple[Fact, bool]], by_label: Mapping[str, RuleSet]
) -> tuple[EvidenceFinding, ...]:
    record_ids = {record.fingerprint: record.record_id for record in report.records}
    folded = broken_rules(logged, lambda fact: None if fact.ruleset is None else by_label.get(fact.ruleset))
    return tuple(
        EvidenceFinding(finding.code, record_ids[fact.ref], finding.detail)
        for fact, broken in folded
        for finding in broken
    )


def _fact(record: VerifiedRecord) -> Fact:
    type_ = check_type(record.type).code
    return Fact(
        type=type_,
        payload=check_payload(type_, dict(record.values)),
        occurred_at=parse_time(record.occurred_at, "occurred_at"),
        recorded_at=parse_time(record.recorded_at, "recorded_at"),
        channel=record.envelope["channel"],
        ref=record.fingerprint,
        ruleset=record.envelope["ruleset"],
        broker=record.envelope["broker"],
    )


def _rulesets(file: Path | None) -> list[RuleSet]:
    found = list(packaged_rulesets().values())
    if file is None:
        return found
    value = read_document(file, "rulesets")
    listed = value.get("rulesets", value) if isinstance(value, dict) else value
    entries = listed if isinstance(listed, list) else [listed]
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise InvalidInput(f"rulesets[{number}]", "type", "must be a rule set, or an entry of `ruleset list`")
        found.append(RuleSet.from_document(entry.get("document", entry)))
    return found


def _as_json(report: VerificationReport, comparisons: tuple[Comparison, ...]) -> dict[str, Any]:
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
        "pending": report.pending,
        "records": [_record(record) for record in report.records],
        "findings": [vars(finding) for finding in report.findings],
        "re_execution": [_comparison(comparison) for comparison in comparisons],
        "notes": list(report.notes),
    }


def _record(record: VerifiedRecord) -> dict[str, Any]:
    names = ("seq", "record_id", "type", "occurred_at", "fingerprint", "log_index", "anchor_seq", "anchor_block")
    return {"subject": record.subject, **{name: getattr(record, name) for name in names}}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    names = ("ref", "type", "ruleset", "status", "reason")
    return {**{name: getattr(comparison, name) for name in names}, "fields": list(comparison.fields)}


def _as_text(report: VerificationReport, comparisons: tuple[Comparison, ...]) -> list[str]:
    lines = [f"{'ok    ' if check.ok else 'FAILED'} {check.name}: {check.detail}" for check in report.checks]
    lines += [
        f"{'ok     ' if item.status == 'equal' else item.status} re-execution of {item.type}: {item.reason}"
        for item in comparisons
    ]
    lines += [f"finding {finding.code} {finding.record_id}: {finding.detail}" for finding in report.findings]
    lines += [f"note {note}" for note in report.notes]
    return [*lines, report.verdict]
