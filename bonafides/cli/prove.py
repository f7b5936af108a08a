"""`bonafides prove`: zero-knowledge proofs of a wallet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.opened_wallet import now_ms, opened
from bonafides.cli.support.options import password_option, rows_option, verbatim, wallet_option
from bonafides.cli.support.output import each_row
from bonafides.wallet import proofs


@click.command(
    epilog=verbatim(
        'in   {"audience", "holder", "nonce", "purpose", "expires_at"}: a challenge of `check --challenge`',
        "out  a proof of `pok-open/1`, bound to the challenge and signed by the holder",
        'a line with "credential" (an identity credential) is answered {"proof", "credential"}',
        "",
        "Example:",
        "  bonafides check --challenge --node verifier --file holders.ndjson |",
        "    bonafides prove --wallet w | bonafides check --node verifier",
    )
)
@wallet_option
@rows_option
@password_option
def prove(wallet_dir: Path, file: Path | None, password_file: Path | None) -> int:
    """Prove that the wallet can open its commitment to a certificate number, and say nothing else about it."""
    with opened(wallet_dir, password_file) as identities:

        def handle(row: dict[str, Any]) -> dict[str, Any]:
            proof = proofs.prove(identities, row, now_ms())
            return {"proof": proof, "credential": row["credential"]} if "credential" in row else proof

        return each_row(file, handle, identities.changing)
