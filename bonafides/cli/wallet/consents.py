"""`bonafides wallet consent`: what a client allows, for how long, and ends again."""

from __future__ import annotations

from pathlib import Path

import click

from bonafides.cli.support.opened_wallet import now_ms, opened, signing, yes_option
from bonafides.cli.support.options import password_option, rows_option, verbatim, wallet_option
from bonafides.cli.support.output import each_row, write_line
from bonafides.wallet import consent as consents


@click.group("consent")
def consent_group() -> None:
    """Give a consent, withdraw it, list what was given."""


@consent_group.command(
    "grant",
    epilog=verbatim(
        'in   a draft whose fields lack `consent_id`, or {"draft": {...}, anything else}',
        'out  as `wallet sign`, and "consent": {"consent_id", "salt", "credential", "deadline", "signature"}',
    ),
)
@wallet_option
@rows_option
@password_option
@yes_option
def grant_consent(wallet_dir: Path, file: Path | None, password_file: Path | None, yes: bool) -> int:
    """Sign CONSENT_GIVE drafts, with the consent credential and the grant that a member relays."""
    return signing(wallet_dir, file, password_file, consents.grant, yes=yes)


@consent_group.command(
    "withdraw",
    epilog=verbatim(
        'in   a draft, or {"draft": {...}, anything else}',
        'out  as `wallet sign`, and "consent": {"consent_id", "deadline", "signature"}',
    ),
)
@wallet_option
@rows_option
@password_option
@yes_option
def withdraw_consent(wallet_dir: Path, file: Path | None, password_file: Path | None, yes: bool) -> int:
    """Sign CONSENT_WITHDRAW drafts, with the withdrawal that a member relays."""
    return signing(wallet_dir, file, password_file, consents.withdraw, yes=yes)


@consent_group.command(
    "sign-again",
    epilog=verbatim(
        'in   {"consent_id"}',
        'out  {"consent": {...}}: as `consent grant`, or as `consent withdraw` when it was withdrawn; a new deadline',
    ),
)
@wallet_option
@rows_option
@password_option
def sign_consent_again(wallet_dir: Path, file: Path | None, password_file: Path | None) -> int:
    """Sign the call of a consent again that came too late for the chain; the consent itself stays as it was given."""
    with opened(wallet_dir, password_file) as identities:
        return each_row(
            file,
            lambda row: {"consent": consents.sign_again(identities, row.get("consent_id"), now_ms())},
            identities.changing,
        )


@consent_group.command("list")
@wallet_option
@password_option
def list_consents(wallet_dir: Path, password_file: Path | None) -> None:
    """List the consents that were given, and when they were withdrawn."""
    with opened(wallet_dir, password_file) as identities:
        for entry in consents.consents(identities):
            write_line(entry)
