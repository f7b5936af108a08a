"""`bonafides wallet receipts` and `wallet promises`: what brokers gave, checked and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.opened_wallet import opened
from bonafides.cli.support.options import password_option, rows_option, verbatim, wallet_option
from bonafides.cli.support.output import each_row, tell, write_line
from bonafides.cli.wallet.identities import wallet
from bonafides.promise_rows import is_owed
from bonafides.wallet import promises as kept_promises
from bonafides.wallet import receipts as kept_receipts


@wallet.group("receipts")
def receipts_group() -> None:
    """Check and keep the broker's receipts."""


@receipts_group.command(
    "add",
    epilog=verbatim(
        'in   a receipt, or {"receipt": {...}}',
        'out  {"status": "verified", "did", "record_id", "type", "seq", "of", "signed", "block"}',
    ),
)
@wallet_option
@rows_option
@password_option
def add_receipts(wallet_dir: Path, file: Path | None, password_file: Path | None) -> int:
    """Check receipts against the broker's key and against what was signed; keep those that hold."""
    with opened(wallet_dir, password_file) as identities:
        return each_row(
            file,
            lambda row: kept_receipts.add_receipt(identities, row.get("receipt", row)),
            identities.changing,
        )


@receipts_group.command("list")
@wallet_option
@password_option
@click.option("--full", is_flag=True, help="Write each receipt whole, as the broker gave it.")
def list_receipts(wallet_dir: Path, password_file: Path | None, full: bool) -> None:
    """List the receipts that are kept."""
    with opened(wallet_dir, password_file) as identities:
        for entry in kept_receipts.full_receipts(identities) if full else kept_receipts.receipts(identities):
            write_line(entry)


@wallet.group("promises")
def promises_group() -> None:
    """Check and keep the broker's promises, before there are receipts."""


@promises_group.command(
    "add",
    epilog=verbatim(
        'in   a promise, or {"promise": {...}, anything else}: answers of POST /v1/facts',
        'out  {"status": "kept", "did", "record_id", "fingerprint", "log_index", "accepted_at", "anchor_by", ...}',
        '     {"status": "owed", "record_id"} where the node took the fact and its promise follows',
        '     "contradiction" with what it "contradicts", and exit status 1, when the broker promised otherwise before',
    ),
)
@wallet_option
@rows_option
@password_option
def add_promises(wallet_dir: Path, file: Path | None, password_file: Path | None) -> int:
    """Check promises against the broker's key and keep them; what contradicts a kept one is kept beside it."""
    contradictions: list[str] = []
    with opened(wallet_dir, password_file) as identities:

        def handle(row: dict[str, Any]) -> dict[str, Any]:
            if is_owed(row):
                return {"status": "owed", "record_id": row["record_id"]}
            answer = kept_promises.add_promise(identities, row.get("promise", row))
            if answer["status"] == "contradiction":
                contradictions.append(answer["record_id"])
            return answer

        status = each_row(file, handle, identities.changing)
    for record_id in contradictions:
        tell(f"error: contradiction the broker's promise of record {record_id} contradicts another")
    return 1 if contradictions else status


@promises_group.command("list")
@wallet_option
@password_option
@click.option("--without-receipt", is_flag=True, help="Only those whose receipt is not kept yet.")
@click.option("--full", is_flag=True, help="Write each promise whole, as the broker gave it: for `promise check`.")
def list_promises(wallet_dir: Path, password_file: Path | None, without_receipt: bool, full: bool) -> None:
    """List the promises that are kept, and which have a receipt yet."""
    show = kept_promises.full_promises if full else kept_promises.promises
    with opened(wallet_dir, password_file) as identities:
        for entry in show(identities, without_receipt=without_receipt):
            write_line(entry)
