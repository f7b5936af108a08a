"""`bonafides verify`: a bundle against trust files, offline, with nothing else read."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.options import FILE, verbatim
from bonafides.cli.support.output import MIB, read_document, read_limited, read_rows, say, tell, write_file, write_json
from bonafides.promise_rows import is_owed, promise_in
from bonafides.verify import Occasion, Verification, page, require_page_engine
from bonafides.verify import as_json as verification_json
from bonafides.verify import verify as verify_history
from domain.ruleset import AnyRuleSet
from evidence.documents.bundle import MAX_BUNDLE_BYTES
from evidence.documents.trust import MAX_TRUST_BYTES
from evidence.shapes import ETHR_DID
from evidence.verify.verdict import NOBODY_SIGNED, NOT_SHOWN, ORDERED, STAFF_NOT_SHOWN, SecondPersons, VerifiedRecord
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput
from primitives.timestamp import format_time
from replay.installed import INSTALLED
from replay.reach import sentences
from replay.software import software

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
        "  bonafides verify bundle.json.gz --trust trust.json --trust-key HEX --require-rules",
    )
)
@click.argument("bundle", type=FILE)
@click.option(
    "--trust", type=FILE, required=True, multiple=True, help="From others than the broker; several must agree."
)
@click.option(
    "--trust-key", "trust_keys", multiple=True, help="Of format 2: the key (hex) of a trust file's signer, pinned."
)
@click.option(
    "--witnesses",
    type=click.IntRange(0),
    help="Of format 2: fail unless so many other members checked growth. [default: a majority is wanted, none fails]",
)
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
    help="Refuse a longer bundle unread, of a packed one what it unpacks to.",
)
@click.option("--page", "page_file", type=FILE, help="Write the report of the replay here, as one HTML page.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="The page's language.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def verify(
    *,
    bundle: Path,
    trust: tuple[Path, ...],
    trust_keys: tuple[str, ...],
    witnesses: int | None,
    subject: str | None,
    at_least_block: int | None,
    ruleset_file: Path | None,
    promise_file: Path | None,
    related: tuple[Path, ...],
    regulator_key: str | None,
    require_rules: bool,
    max_mib: int,
    page_file: Path | None,
    lang: str,
    as_json: bool,
) -> int:
    """Verify a client's history: every check by name, complete as of which block, and what the rules say to it.

    The bundle says which format it is of. One of format 2 needs trust files of format 2 and the keys of their signers:
    `--trust A.json --trust B.json --trust-key HEX --trust-key HEX`. A key comes from the signer, and never with the
    bundle. The lines `reach` say how far the answer goes, and who vouches for it.

    Score, opinion and every rule are executed again under the rule set of that day. The last line says of how many
    records the rules were asked; each other record is named with the reason: it is not shown whole, or its rule set is
    neither in the bundle nor in --rulesets, nor packaged.

    --promises reads what `wallet promises list --full`, `wallet receipts list --full` or `fact submit` printed: each
    promise of this broker whose time is over must be kept by a record of the bundle.

    --page writes the report that the broker's compliance officer has, of what bundle and trust file show, where all
    checks hold.

    Each file may be packed (gzip) or not: what is hashed and signed is the JSON in it.

    A client who lost a wallet has two identities: each history names the other, and --related checks that they agree.
    Limits over time count both, if the rule set says so: without the bundles of the identities before, the records that
    they judge are named. --related takes one bundle; give it once for each.
    """
    if subject is not None:
        _check_expected(subject)
    if page_file is not None:
        require_page_engine()
        _check_page(page_file, [bundle, *trust, *related, *filter(None, (ruleset_file, promise_file))])
    verification = verify_history(
        read_limited(bundle, max_mib * MIB, "bundle", _LONGER),
        [read_limited(file, MAX_TRUST_BYTES, "trust") for file in trust],
        trust_keys=trust_keys,
        witnesses=witnesses,
        rulesets=_rulesets(ruleset_file),
        subject=subject,
        at_least_block=at_least_block,
        promises=None if promise_file is None else _promises(promise_file),
        related=[read_limited(file, max_mib * MIB, "related", _LONGER) for file in related],
        regulator_key=regulator_key,
    )
    if page_file is not None and verification.ok:
        write_file(page_file, _page(verification, lang), private=True)  # originals of a client stand in it
    elif page_file is not None:
        tell(f"no page was written to {page_file}: what does not hold proves no content")
    if as_json:
        write_json(verification_json(verification))
    else:
        for line in _as_text(verification):
            say(line)
    return 0 if verification.ok and not (require_rules and verification.rerun.not_asked) else 1


def _page(verification: Verification, lang: str) -> bytes:
    made_at = format_time(int(time.time() * 1000))
    occasion = Occasion(case=verification.report.case, lang=lang, made_at=made_at, software=software())
    return page(verification, occasion).encode("utf-8", "backslashreplace")


def _promises(file: Path) -> list[Any]:
    found = []
    for row in read_rows(file):
        if isinstance(row, InvalidInput):
            raise row
        if not is_owed(row) and row.get("status") not in ("refused", "failed"):  # answers that hold no promise (yet)
            found.append(promise_in(row))
    return found


def _rulesets(file: Path | None) -> list[AnyRuleSet]:
    if file is None:
        return []
    found = []
    value = read_document(file, "rulesets")
    listed = value.get("rulesets", value) if isinstance(value, dict) else value
    entries = listed if isinstance(listed, list) else [listed]
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise InvalidInput(f"rulesets[{number}]", "shape", "must be a rule set, or an entry of `ruleset list`")
        found.append(INSTALLED.read_ruleset(entry.get("document", entry)))
    return found


def _as_text(verification: Verification) -> list[str]:
    report, rerun = verification.report, verification.rerun
    lines = [f"{'ok    ' if check.ok else 'FAILED'} {check.name}: {check.detail}" for check in report.checks]
    lines += [_place(record, report.subject) for record in report.records]
    lines += [_second(entry, report.subject) for entry in report.second_persons]
    lines += [
        f"{'ok     ' if item.status == 'equal' else item.status} re-execution of {item.type}: {item.reason}"
        for item in rerun.comparisons
    ]
    lines += [f"rules not asked of record {item.seq} ({item.type}): {item.reason}" for item in rerun.not_asked]
    lines += [f"finding {item.code} {item.record_id}: {item.detail}" for item in verification.findings]
    lines += [f"note {note}" for note in report.notes]
    lines += [f"reach {told}" for told in sentences(verification)]
    return [*lines, f"{report.verdict}; {rerun.summary}" if report.ok else report.verdict]


def _check_expected(subject: str) -> None:
    """Refuse what is neither a DID nor a pseudonym: a slip of the pen refutes nobody's history."""
    if subject.startswith("did:"):
        ETHR_DID.read(subject, "subject")
    else:
        decode_hex(subject, "subject", _PSEUDONYM_BYTES)


def _check_page(page: Path, read: Iterable[Path]) -> None:
    """Refuse to write over what is verified."""
    if any(page.resolve() == file.resolve() for file in read):
        raise InvalidInput("page", "unique", "must not be one of the files that are read: it would be written over")


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
