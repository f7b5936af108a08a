"""`bonafides token`: who may call a node, in which role, and until when. It works while the node runs."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.options import DIRECTORY, FILE, verbatim
from bonafides.cli.support.output import write_json
from node_adapter.private_files import write_private
from node_adapter.settings import SETTINGS_FILE, read_settings_table
from node_adapter.store.engine import Store, open_store
from node_adapter.store.migrate import require_current
from node_adapter.store.place import place_of, require_made
from node_adapter.store.tokens import STAFF_ROLES, TokenRow, staff_tokens
from node_adapter.workflows.identity.staff_tokens import (
    DEFAULT_DAYS,
    DEFAULT_OVERLAP_HOURS,
    MAX_DAYS,
    NewToken,
    confirm_tokens,
    describe,
    make_token,
    renew_token,
    replace_token_file,
    revoke_token,
)

_node_option = click.option("--node", "node_dir", type=DIRECTORY, required=True, help="The node's directory.")
_days_option = click.option(
    "--days", default=DEFAULT_DAYS, show_default=True, type=click.IntRange(1, MAX_DAYS), help="How long it is valid."
)
_to_option = click.option(
    "--to", "to", type=FILE, help="Write the token into this new file (0600) instead of printing it."
)


@click.group()
def token() -> None:
    """List, add, renew, revoke and confirm the tokens of a member's staff and systems.

    Each names its holder, has one role, and ends. The node stores a token's digest only: the text is shown once.
    """


@token.command("list")
@_node_option
def list_tokens(node_dir: Path) -> None:
    """List the tokens, also those that have ended."""
    now = _now_ms()
    with _opened(node_dir) as store, store.read() as connection:
        rows = staff_tokens(connection)
    write_json([describe(row, now) for row in rows])


@token.command(
    "add",
    epilog=verbatim(
        'out  {"id","name","role","created_at","expires_at","revoked_at","state", "token" or "file"}',
        "",
        "Example:",
        "  bonafides token add --node nodes/a --name 'Li Wei' --role compliance --to li-wei.token",
    ),
)
@_node_option
@click.option("--name", required=True, help="The person or the system that gets it.")
@click.option("--role", required=True, type=click.Choice(STAFF_ROLES))
@_days_option
@_to_option
def add(node_dir: Path, name: str, role: str, days: int, to: Path | None) -> None:
    """Make a token for a person or a system."""
    with _opened(node_dir) as store, store.write() as connection:
        made = make_token(
            connection,
            name=name,
            role=role,
            member_role=_member_role(node_dir),
            days=days,
            entropy=secrets.token_bytes,
            now_ms=_now_ms(),
        )
        shown = _hand_out(made, to)
    write_json({**describe(made.row, _now_ms()), **shown})


@token.command(
    "renew",
    epilog=verbatim("Example:", "  bonafides token renew --node nodes/a 3f0c1d2e4a5b --to core-banking.token"),
)
@_node_option
@click.argument("token_id", metavar="ID|NAME")
@_days_option
@click.option(
    "--overlap-hours",
    default=DEFAULT_OVERLAP_HOURS,
    show_default=True,
    type=click.IntRange(0, 24 * 31),
    help="How long the old one stays valid beside it.",
)
@_to_option
def renew(node_dir: Path, token_id: str, days: int, overlap_hours: int, to: Path | None) -> None:
    """Make a new token for the same name and role; the old one ends after the overlap.

    Where DIR/tokens holds the old one, it holds the new one afterwards.
    """
    with _opened(node_dir) as store, store.write() as connection:
        old, made = renew_token(
            connection,
            token_id,
            member_role=_member_role(node_dir),
            days=days,
            overlap_hours=overlap_hours,
            entropy=secrets.token_bytes,
            now_ms=_now_ms(),
        )
        shown = _hand_out(made, to) if to is not None else {}
    replaced = replace_token_file(node_dir, old, made.text)
    if replaced is not None:
        shown = {"file": str(replaced), **shown}
    elif not shown:
        shown = {"token": made.text}
    write_json({**describe(made.row, _now_ms()), **shown, "replaces": old.id})


@token.command("revoke")
@_node_option
@click.argument("token_id", metavar="ID|NAME")
def revoke(node_dir: Path, token_id: str) -> None:
    """Refuse a token from now on."""
    with _opened(node_dir) as store, store.write() as connection:
        row: TokenRow = revoke_token(connection, token_id, _now_ms())
    write_json(describe(row, _now_ms()))


@token.command(
    "confirm",
    epilog=verbatim(
        'out  [{"id","name","role",...,"state"}, ...], those that count again',
        "",
        "Example:",
        "  bonafides token confirm --node nodes/a",
    ),
)
@_node_option
def confirm(node_dir: Path) -> None:
    """Let the tokens count again that came with a restored copy.

    The copy does not know which were revoked since it was made: look at `token list`, revoke those first, by their ids.
    """
    now = _now_ms()
    with _opened(node_dir) as store, store.write() as connection:
        rows = confirm_tokens(connection, now)
    write_json([describe(row, now) for row in rows])


@contextmanager
def _opened(node_dir: Path) -> Iterator[Store]:
    """Open the node's database; its settings may still lack entries, as before the contracts stand."""
    place = place_of(node_dir)
    require_made(place)
    require_current(place)
    store = open_store(place)
    try:
        yield store
    finally:
        store.dispose()


def _member_role(node_dir: Path) -> str:
    return str(read_settings_table(node_dir / SETTINGS_FILE)["member"]["role"])


def _hand_out(made: NewToken, to: Path | None) -> dict[str, Any]:
    if to is None:
        return {"token": made.text}
    write_private(to, made.text + "\n")  # a file that cannot be written undoes the new row, too
    return {"file": str(to)}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
