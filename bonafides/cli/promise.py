"""`bonafides promise`: was a promise kept, and the proof when it was not."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.claim import verify_claim
from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import DIRECTORY, rows_option, verbatim
from bonafides.cli.support.output import Answers, chunks, make_directory, read_rows, write_file
from bonafides.client import Client
from bonafides.promise_rows import is_owed, promise_in
from evidence.documents.promise import is_of_format_1
from evidence.documents.promise import parse_promise as parse_former_promise
from evidence.version2.promise import parse_promise
from primitives.canonical import canonical_json
from primitives.errors import BonafidesError, InvalidInput, VerificationFailed

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
        good = [row for row in batch if not isinstance(row, BonafidesError)]
        replies = client.post_lines(ROUTE, good, repeat=True)
        for row in batch:
            if isinstance(row, BonafidesError):
                answers.refused(row)
                continue
            answer = next(replies)
            if answer.get("status") == "broken":
                broken = True
                answer = answer if claims is None else _saved(answer, claims)
            answers.from_node(answer)
    return 1 if broken else answers.status


promise.add_command(verify_claim)


def _asked(row: dict[str, Any] | InvalidInput) -> dict[str, Any] | BonafidesError:
    if isinstance(row, InvalidInput):
        return row
    if is_owed(row):
        return InvalidInput("promise", "owed", "is not given yet: fetch it with `fact promises`")
    value = promise_in(row)
    try:
        if is_of_format_1(value):
            parse_former_promise(value)
        else:
            parse_promise(value)
    except (InvalidInput, VerificationFailed) as error:
        return error
    return {"promise": value}


def _saved(answer: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Write the claim in its one spelling; the line then names the file."""
    data = canonical_json(answer.get("claim"))
    name = f"claim-{hashlib.sha256(data).hexdigest()[:32]}.json"  # no name that somebody else chose
    file = make_directory(directory) / name
    write_file(file, data)
    return {**answer, "claim": str(file)}
