"""`bonafides verify`: a bundle against a trust file, offline, with nothing else read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bonafides.cli.options import FILE, verbatim
from bonafides.cli.output import read_document, read_rows, say, write_json
from bonafides.wallet.promises import is_owed
from did.identifiers import parse_did
from evidence.bundle import MAX_BUNDLE_BYTES
from evidence.trust import MAX_TRUST_BYTES
from evidence.verdict import (
    NOBODY_SIGNED,
    NOT_SHOWN,
    ORDERED,
    STAFF_NOT_SHOWN,
    EvidenceFinding,
    SecondPersons,
    VerificationReport,
    VerifiedRecord,
)
from evidence.verify import verify_bundle
from primitives.encoding import decode_hex
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from primitives.timestamp import format_time
from replay.consents import unasked_ends
from replay.orders import check_orders
from replay.records import of_verified
from replay.rulebook import made_by_broker, read_rulesets, rulebook_of
from replay.rules import Reexecuted, re_run
from replay.signers import asking_nobody, proven_signers
from replay.succession import Shown, joined
from suitability.records import CLIENT_ACTS
from suitability.replay import Comparison
from suitability.ruleset import RuleSet, packaged_rulesets
from suitability.second_person import STAFF_ACTS

MIB = 1024 * 1024
_PSEUDONYM_BYTES = 32
_LONGER = "; --max-mib takes a longer one"
_NO_SECOND = {
    NOBODY_SIGNED: "nobody signed, the broker's word alone",
    NOT_SHOWN: "the signatures are not shown",
    ORDERED: "a regulator's order, which --regulator-key checks",
    STAFF_NOT_SHOWN: "the enrolment of who signed, or of who did it, is not shown whole",
}
USUAL_MIB = 32  # what a stranger sends costs memory and time before it is refused; the format allows twice as much


@click.command(
    epilog=verbatim(
        "Exit status: 0 all checks hold (findings are content, not failures), 1 a check failed, or --require-rules",
        "was given and the rules could not be asked of every record, 2 not a bundle, or it could not be checked.",
        "",
        "Example:",
        "  bonafides verify bundle.json --trust trust.json --require-rules",
    )
)
@click.argument("bundle", type=FILE)
@click.option("--trust", type=FILE, required=True, help="From another member or the regulator: `chain headers`.")
@click.option("--subject", help="Fail unless the history is of this client: the DID, or the pseudonym at the broker.")
@click.option("--at-least-block", type=click.IntRange(0), help="Refuse a bundle that ends before this block.")
@click.option("--rulesets", "ruleset_file", type=FILE, help="Rule sets of the broker: what `ruleset list` printed.")
@click.option(
    "--promises", "promise_file", type=FILE, help="Promises that you hold: the bundle must show their records."
)
@click.option(
    "--related", type=FILE, multiple=True, help="The bundle of another identity of this client; both must name the tie."
)
@click.option("--regulator-key", help="A regulator's signing key (hex): every order that a look refers to must hold.")
@click.option("--require-rules", is_flag=True, help="Fail unless the rules were asked of every record.")
@click.option(
    "--max-mib",
    type=click.IntRange(1, MAX_BUNDLE_BYTES // MIB),
    default=USUAL_MIB,
    show_default=True,
    help="Refuse a longer bundle unread.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def verify(
    bundle: Path,
    trust: Path,
    subject: str | None,
    at_least_block: int | None,
    ruleset_file: Path | None,
    promise_file: Path | None,
    related: tuple[Path, ...],
    regulator_key: str | None,
    require_rules: bool,
    max_mib: int,
    as_json: bool,
) -> int:
    """Verify a client's history: every check by name, complete as of which block, and what the rules say to it.

    Score, opinion and every rule are executed again under the rule set of that day. The last line says of how many
    records the rules were asked; each other record is named with the reason: it is not shown whole, or its rule set is
    neither in the bundle nor in --rulesets, nor packaged.

    --promises reads what `wallet promises list --full`, `wallet receipts list --full` or `fact submit` printed: each
    promise of this broker whose time is over must be kept by a record of the bundle.

    A client who lost a wallet has two identities: each history names the other, and --related checks that they agree.
    Limits over time count both, if the rule set says so: without the bundles of the identities before, the records that
    they judge are named. --related takes one bundle; give it once for each.
    """
    if subject is not None:
        _check_expected(subject)
    rulesets = _rulesets(ruleset_file)
    data = read_limited(bundle, max_mib * MIB, "bundle", _LONGER)
    trusted = read_limited(trust, MAX_TRUST_BYTES, "trust")
    report = verify_bundle(
        data,
        trusted,
        client_acts=CLIENT_ACTS,
        staff_acts=STAFF_ACTS,
        at_least_block=at_least_block,
        promises=None if promise_file is None else _promises(promise_file),
    )
    if subject is not None and subject not in (report.client, report.subject):
        raise VerificationFailed("subject", f"the history is of {report.client} ({report.subject}), not of {subject}")
    others = _related(report, [read_limited(file, max_mib * MIB, "related", _LONGER) for file in related], trusted)
    rerun, notes = executed_again(report, rulesets, others)
    notes += joined(_shown(report), others)
    if regulator_key is not None and report.ok:
        notes += check_orders([of_verified(record) for record in report.records], report, regulator_key)
    found = [EvidenceFinding(item.code, item.record_id, item.detail) for item in rerun.findings]
    report = replace(report, notes=(*report.notes, *notes), findings=(*report.findings, *found))
    if as_json:
        write_json(_as_json(report, rerun))
    else:
        for line in _as_text(report, rerun):
            say(line)
    return 0 if report.ok and not (require_rules and rerun.not_asked) else 1


def read_limited(file: Path, limit: int, field: str, hint: str = "") -> bytes:
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
        raise InvalidInput(field, "max-bytes", f"is longer than {limit // MIB} MiB{hint}")
    return data


def executed_again(
    report: VerificationReport, own: Iterable[RuleSet], related: Sequence[Shown] = ()
) -> tuple[Reexecuted, list[str]]:
    """Execute every score, opinion and rule again; returns what came of it, and notes.

    Args:
        report: the verified bundle.
        own: rule sets that the verifier has from elsewhere.
        related: verified bundles of other identities of the client.
    """
    records = [of_verified(record) for record in report.records]
    carried, notes = read_rulesets(report.rulesets)
    history = [record for record in records if record.subject == report.subject]
    mine, packaged = list(own), list(packaged_rulesets().values())
    rules = rulebook_of(history, [*mine, *carried], packaged)
    notes += [
        f"rule set {label} is the broker's own: it came with the bundle, and is neither packaged nor in --rulesets"
        for label in made_by_broker(rules, [*mine, *packaged])
    ]
    notes += asking_nobody(report, rules)
    notes += unasked_ends(records, report.subject)
    shown = _shown(report)
    records += [record for other in related for record in other.records if record.subject == other.report.subject]
    ends = {other.report.subject: other.ends_for(shown) for other in related}
    return re_run(records, report.subject, rules, proven_signers(report), ends=ends), notes


def promise_in(row: dict[str, Any]) -> Any:
    """Return the promise of a line: the line itself, or its member `promise` (receipts, answers of `fact submit`)."""
    return row.get("promise", row)


def _promises(file: Path) -> list[Any]:
    found = []
    for row in read_rows(file):
        if isinstance(row, InvalidInput):
            raise row
        if not is_owed(row) and row.get("status") not in ("refused", "failed"):  # answers that hold no promise (yet)
            found.append(promise_in(row))
    return found


def _related(report: VerificationReport, bundles: Iterable[bytes], trust: bytes) -> list[Shown]:
    """Verify the bundles of other identities; a bundle that fails itself is not looked at beside others.

    Raises:
        VerificationFailed: check `succession`, one does not hold.
    """
    found: dict[str, Shown] = {}
    for bundle in bundles if report.ok else ():
        other = verify_bundle(bundle, trust, client_acts=CLIENT_ACTS, staff_acts=STAFF_ACTS)
        if not other.ok:
            raise VerificationFailed("succession", f"the related bundle does not hold: {other.verdict}")
        if other.subject in found or other.subject == report.subject:
            raise InvalidInput("related", "once", f"two bundles are of the subject {other.subject}")
        found[other.subject] = _shown(other)
    return list(found.values())


def _shown(report: VerificationReport) -> Shown:
    return Shown(report, [of_verified(record) for record in report.records])


def _rulesets(file: Path | None) -> list[RuleSet]:
    if file is None:
        return []
    found = []
    value = read_document(file, "rulesets")
    listed = value.get("rulesets", value) if isinstance(value, dict) else value
    entries = listed if isinstance(listed, list) else [listed]
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise InvalidInput(f"rulesets[{number}]", "type", "must be a rule set, or an entry of `ruleset list`")
        found.append(RuleSet.from_document(entry.get("document", entry)))
    return found


def _as_json(report: VerificationReport, rerun: Reexecuted) -> dict[str, Any]:
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
        "findings": [vars(finding) for finding in report.findings],
        "rules": {
            "asked": len(rerun.asked) - len(rerun.not_asked),
            "records": len(rerun.asked),
            "not_asked": [vars(entry) for entry in rerun.not_asked],
        },
        "re_execution": [_comparison(comparison) for comparison in rerun.comparisons],
        "notes": list(report.notes),
    }


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


def _as_text(report: VerificationReport, rerun: Reexecuted) -> list[str]:
    lines = [f"{'ok    ' if check.ok else 'FAILED'} {check.name}: {check.detail}" for check in report.checks]
    lines += [_place(record, report.subject) for record in report.records]
    lines += [_second(entry, report.subject) for entry in report.second_persons]
    lines += [
        f"{'ok     ' if item.status == 'equal' else item.status} re-execution of {item.type}: {item.reason}"
        for item in rerun.comparisons
    ]
    lines += [f"rules not asked of record {item.seq} ({item.type}): {item.reason}" for item in rerun.not_asked]
    lines += [f"finding {finding.code} {finding.record_id}: {finding.detail}" for finding in report.findings]
    lines += [f"note {note}" for note in report.notes]
    return [*lines, f"{report.verdict}; {rerun.summary}" if report.ok else report.verdict]


def _check_expected(subject: str) -> None:
    """Refuse what is neither a DID nor a pseudonym: a slip of the pen refutes nobody's history."""
    if subject.startswith("did:"):
        parse_did(subject, "subject")
    else:
        decode_hex(subject, "subject", _PSEUDONYM_BYTES)


def _second(entry: SecondPersons, subject: str) -> str:
    """Who signed as the second person: silence would look as if somebody had."""
    owner = "" if entry.subject == subject else f" of {entry.subject[:8]}"
    persons = "; ".join(f"{person.name}, {person.role}, key {person.key[:16]}" for person in entry.persons)
    return f"second person of record {entry.seq}{owner} {entry.type}: {persons or _NO_SECOND[entry.missing]}"


def _place(record: VerifiedRecord, subject: str) -> str:
    """Where the chain first knew of a record: its times are the broker's word, that of the block is not."""
    owner = "" if record.subject == subject else f" of {record.subject[:8]}"
    return (
        f"record {record.seq}{owner} {record.type}: happened {record.occurred_at}, recorded {record.recorded_at}, "
        f"anchored {format_time(record.anchored_at)} in block {record.anchor_block}"
    )
