"""`bonafides promise`: was a promise kept, and the proof when it was not."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import DIRECTORY, FILE, rows_option, verbatim
from bonafides.cli.support.output import Answers, chunks, read_limited, read_rows, say, write_file, write_json
from bonafides.client import Client
from bonafides.wallet.promises import is_owed, promise_in
from evidence.documents.breach import MAX_BREACH_BYTES
from evidence.documents.promise import parse_promise
from evidence.documents.trust import MAX_TRUST_BYTES
from evidence.verify.breach import BreachReport, verify_breach
from primitives.canonical import canonical_json
from primitives.errors import CouldNotCheck, InvalidInput

ROUTE = "/v1/promises/check"


@click.group()
def promise() -> None:
    """Check whether brokers kept their promises; verify a claim that one did not."""


@promise.command(
    "check",
    epilog=verbatim(
        'in   a promise, or {"promise": {...}, anything else}: answers of `fact submit`, receipts',
        'out  {"status": "kept"|"open"|"broken", ...}; a broken one with its claim',
        "",
        "Exit status: 0 none is broken, 1 one is, 2 none is and a line is malformed, refuted or could not be checked.",
        "",
        "Example:",
        "  bonafides wallet promises list --wallet w --full |",
        "    bonafides promise check --node regulator --claims claims",
    ),
)
@rows_option
@click.option("--claims", type=DIRECTORY, help="Write each claim to a file of this directory, not to the line.")
@calls_node("operator")
def check(client: Client, file: Path | None, claims: Path | None) -> int:
    """Ask a node whether promises were kept. Any member's node can say; the broker's help is not needed."""
    answers, broken = Answers(), False
    for batch in chunks(_asked(row) for row in read_rows(file)):
        good = [row for row in batch if not isinstance(row, InvalidInput)]
        replies = client.post_lines(ROUTE, good, repeat=True)
        for row in batch:
            if isinstance(row, InvalidInput):
                answers.refused(row)
                continue
            answer = next(replies)
            if answer.get("status") == "broken":
                broken = True
                answer = answer if claims is None else _saved(answer, claims)
            answers.from_node(answer)
    return 1 if broken else answers.status


@promise.command(
    "verify",
    epilog=verbatim(
        "Exit status: 0 the breach is proved, 1 a check failed, 2 not a claim, or it could not be checked.",
        "",
        "Example:",
        "  bonafides promise verify claim.json --trust trust.json",
    ),
)
@click.argument("claim", type=FILE)
@click.option("--trust", type=FILE, required=True, help="From a member that you trust for it: `chain headers`.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def verify_claim(claim: Path, trust: Path, as_json: bool) -> int:
    """Verify the claim that a promise was not kept, offline: every check by name, and the verdict."""
    report = verify_breach(
        read_limited(claim, MAX_BREACH_BYTES, "breach"), read_limited(trust, MAX_TRUST_BYTES, "trust")
    )
    if as_json:
        write_json(_as_json(report))
    else:
        for item in report.checks:
            say(f"{'ok    ' if item.ok else 'FAILED'} {item.name}: {item.detail}")
        say(report.verdict)
    return 0 if report.ok else 1


def _asked(row: dict[str, Any] | InvalidInput) -> dict[str, Any] | InvalidInput:
    if isinstance(row, InvalidInput):
        return row
    if is_owed(row):
        return InvalidInput("promise", "owed", "is not given yet: fetch it with `fact promises`")
    value = promise_in(row)
    try:
        parse_promise(value)
    except InvalidInput as error:
        return error
    return {"promise": value}


def _saved(answer: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Write the claim in its one spelling; the line then names the file."""
    data = canonical_json(answer.get("claim"))
    file = directory / f"breach-{hashlib.sha256(data).hexdigest()[:32]}.json"  # no name that somebody else chose
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CouldNotCheck("file-unwritable", f"{directory}: {error.strerror}") from error
    write_file(file, data)
    return {**answer, "claim": str(file)}


def _as_json(report: BreachReport) -> dict[str, Any]:
    made = report.promise
    return {
        "ok": report.ok,
        "verdict": report.verdict,
        "checks": [vars(item) for item in report.checks],
        "broker": made.broker,
        "record_id": made.record_id,
        "fingerprint": made.fingerprint.hex(),
        "log_index": made.log_index,
    }
