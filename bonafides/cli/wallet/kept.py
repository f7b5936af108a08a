"""`bonafides wallet receipts`, `promises` and `contradictions`: what brokers gave, checked and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.opened_wallet import opened
from bonafides.cli.support.options import DIRECTORY, password_option, rows_option, verbatim, wallet_option
from bonafides.cli.support.output import each_row, make_directory, tell, write_file, write_line
from bonafides.cli.wallet.identities import wallet
from bonafides.promise_rows import is_owed
from bonafides.wallet import promises as kept_promises
from bonafides.wallet import receipts as kept_receipts
from bonafides.wallet.convictions import convictions
from bonafides.wallet.held import of_format_1
from bonafides.wallet.keys import Identities
from primitives.canonical import canonical_json

_format_1_option = click.option(
    "--format-1", is_flag=True, help="Write those that an earlier version of the wallet kept, whole."
)


@wallet.group("receipts")
def receipts_group() -> None:
    """Check and keep the broker's receipts."""


@receipts_group.command(
    "add",
    epilog=verbatim(
        'in   a receipt, or {"receipt": {...}}',
        'out  {"status": "verified", "did", "record_id", "type", "seq", "signed", "anchor", "reaches", "in_time", ...}',
        '     "contradiction" with "convictions", and exit status 1, when what the broker gave before cannot be true',
        "     beside it: see `wallet contradictions`",
    ),
)
@wallet_option
@rows_option
@password_option
def add_receipts(wallet_dir: Path, file: Path | None, password_file: Path | None) -> int:
    """Check receipts against the broker's keys, what was signed and what is kept; keep those that hold.

    One that holds takes the place of an older one of its record where it shows at least as much and reaches at least as
    far; "kept" says whether it did.
    """

    def handle(identities: Identities, row: dict[str, Any]) -> dict[str, Any]:
        return kept_receipts.add_receipt(identities, row.get("receipt", row))

    return _added(wallet_dir, file, password_file, handle)


@receipts_group.command("list")
@wallet_option
@password_option
@click.option("--full", is_flag=True, help="Write each receipt whole, as the broker gave it.")
@_format_1_option
def list_receipts(wallet_dir: Path, password_file: Path | None, full: bool, format_1: bool) -> None:
    """List the receipts that are kept."""
    show = kept_receipts.full_receipts if full else kept_receipts.receipts
    with opened(wallet_dir, password_file) as identities:
        for entry in of_format_1(identities, "receipt") if format_1 else show(identities):
            write_line(entry)


@wallet.group("promises")
def promises_group() -> None:
    """Check and keep the broker's promises, before there are receipts."""


@promises_group.command(
    "add",
    epilog=verbatim(
        'in   a promise, or {"promise": {...}, anything else}: answers of POST /v1/facts',
        'out  {"status": "kept", "did", "record_id", "seq", "log_index", "anchor_by", ...}',
        '     {"status": "owed", "record_id"} where the node took the fact and its promise follows',
        '     "contradiction" with "convictions", and exit status 1, when the broker promised otherwise before',
    ),
)
@wallet_option
@rows_option
@password_option
def add_promises(wallet_dir: Path, file: Path | None, password_file: Path | None) -> int:
    """Check promises against the broker's key and keep them; what contradicts a kept one is kept beside it."""

    def handle(identities: Identities, row: dict[str, Any]) -> dict[str, Any]:
        if is_owed(row):
            return {"status": "owed", "record_id": row["record_id"]}
        return kept_promises.add_promise(identities, row.get("promise", row))

    return _added(wallet_dir, file, password_file, handle)


@promises_group.command("list")
@wallet_option
@password_option
@click.option("--without-receipt", is_flag=True, help="Only those whose receipt is not kept yet.")
@click.option("--full", is_flag=True, help="Write each promise whole, as the broker gave it: for `promise check`.")
@_format_1_option
def list_promises(
    wallet_dir: Path, password_file: Path | None, without_receipt: bool, full: bool, format_1: bool
) -> None:
    """List the promises that are kept, and which have a receipt yet."""
    show = kept_promises.full_promises if full else kept_promises.promises
    with opened(wallet_dir, password_file) as identities:
        earlier = of_format_1(identities, "promise") if format_1 else None
        for entry in show(identities, without_receipt=without_receipt) if earlier is None else earlier:
            write_line(entry)


@wallet.command(
    "contradictions",
    epilog=verbatim(
        'out  {"id", "format", "broker", "tells", "document"}: bonafides.rollback/2, equivocation/2 or',
        "     promise-contradiction/2 (docs/spec/evidence-2.md, sections 14 and 15)",
        "",
        "Exit status: 0 no broker contradicted itself, 1 one did.",
    ),
)
@wallet_option
@password_option
@click.option("--documents", type=DIRECTORY, help="Write each document to a file of this directory, not to the line.")
def list_contradictions(wallet_dir: Path, password_file: Path | None, documents: Path | None) -> int:
    """List the documents that convict a broker: anybody verifies them by the broker's keys alone, with `convict`."""
    with opened(wallet_dir, password_file) as identities:
        found = convictions(identities)
    for entry in found:
        write_line(entry if documents is None else _saved(entry, documents))
    return 1 if found else 0


def _saved(entry: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Write a document in its one spelling; the line then names the file."""
    file = make_directory(directory) / f"conviction-{entry['id'][:32]}.json"
    write_file(file, canonical_json(entry["document"]))
    return {**entry, "document": str(file)}


def tell_contradiction(answer: object) -> bool:
    """Tell of an answer by which a broker contradicts itself on standard error; return whether it is one."""
    if not isinstance(answer, dict) or answer.get("status") != "contradiction":
        return False
    about = f"record {answer['record_id']}" if "record_id" in answer else f"the log of {answer['broker']}"
    for conviction in answer["convictions"]:
        tell(
            f"error: contradiction {about}: {conviction['tells']}; `wallet contradictions` shows the document, "
            "`convict --record` brings it to another member"
        )
    return True


def _added(
    wallet_dir: Path,
    file: Path | None,
    password_file: Path | None,
    add: Callable[[Identities, dict[str, Any]], dict[str, Any]],
) -> int:
    answers: list[dict[str, Any]] = []
    with opened(wallet_dir, password_file) as identities:

        def handle(row: dict[str, Any]) -> dict[str, Any]:
            answer = add(identities, row)
            if answer["status"] == "contradiction":
                answers.append(answer)
            return answer

        status = each_row(file, handle, identities.changing)
    return 1 if [tell_contradiction(answer) for answer in answers] else status
