"""`bonafides node backup`, `restore` and `recover`: one archive of a node, made while it runs, and what it lacks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.database_option import database_option
from bonafides.cli.support.options import DIRECTORY, FILE, password_option, verbatim
from bonafides.cli.support.output import read_limited, read_rows, tell, write_json
from evidence.documents.bundle import MAX_BUNDLE_BYTES
from evidence.version2.documents.bundle import parse_bundle
from evidence.version2.documents.held_records import HeldRecord, held_records
from node_adapter.backup import back_up, restore
from node_adapter.keys.keystore import read_password
from node_adapter.stopped_node import stopped_node
from node_adapter.store.place import DatabaseUrl
from primitives.errors import InvalidInput

_TELL_SECONDS = 1.0


@click.command(
    "backup",
    epilog=verbatim(
        'out  {"file", "made_at", "member", "chain", "revision", "log_size", "anchors", "block", "files"}',
        "",
        "Example:",
        "  bonafides node backup --node nodes/a --to backups/",
    ),
)
@click.option("--node", "node_dir", type=DIRECTORY, required=True, help="The node's directory; the node may run.")
@click.option("--to", "target", type=click.Path(path_type=Path), required=True, help="A new file, or a directory.")
@click.option("--without-former", is_flag=True, help="Of a migrated node that has lost its former.db for good.")
def backup_command(node_dir: Path, target: Path, without_former: bool) -> None:
    """Write one archive of database, sealed keys and settings (0600). What `cp` copies of a running node is not whole.

    The archive holds what the database holds, clients' data included; the keys in it are sealed under the keystore's
    password, which is not in it. Tokens are not in it.
    """
    now = time.time_ns() // 1_000_000
    made = back_up(node_dir, target, now_ms=now, progress=_teller(), without_former=without_former)
    write_json({"file": str(made.file), **{name: value for name, value in made.manifest.items() if name != "format"}})


@click.command(
    "restore",
    epilog=verbatim("Example:", "  bonafides node restore --from backups/bonafides-0a1b2c3d.tar --to nodes/a"),
)
@click.option(
    "--from",
    "archive",
    type=click.Path(path_type=Path),
    required=True,
    help="What `node backup` wrote, or a copy of a node's directory.",
)
@click.option("--to", "node_dir", type=DIRECTORY, required=True, help="The directory to make; it must not exist.")
@database_option
def restore_command(archive: Path, node_dir: Path, database: DatabaseUrl | None) -> None:
    """Make a node's directory of a backup, after every file was checked.

    The node must run in one place only. When it starts it signs nothing before it has read the chain up to its head;
    records that were anchored after the backup are named. `token add` makes new tokens.
    """
    made = restore(archive, node_dir, now_ms=time.time_ns() // 1_000_000, progress=_teller(), database=database)
    shown = ("made_at", "member", "chain", "revision", "log_size", "anchors", "block")
    write_json({"home": str(node_dir), **{name: made.manifest.get(name) for name in shown}})


@click.command(
    "recover",
    epilog=verbatim(
        'in   receipts, or {"receipt": {...}}: what `wallet receipts list --full` prints',
        'out  {"recovered", "first", "last", "incomplete", "without_effect", "without_did"}',
        "",
        "Example:",
        "  bonafides node recover --node nodes/a --receipts receipts.ndjson --bundle case/bundle.json.gz",
    ),
)
@click.option("--node", "node_dir", type=DIRECTORY, required=True, help="The node's directory; the node must not run.")
@click.option("--receipts", "receipts", type=FILE, multiple=True, help="Receipts that clients hold, NDJSON.")
@click.option("--bundle", "bundles", type=FILE, multiple=True, help="What an earlier replay made.")
@password_option
def recover_command(
    node_dir: Path, receipts: tuple[Path, ...], bundles: tuple[Path, ...], password_file: Path | None
) -> None:
    """Bring records back that a restored copy lacks and the chain has anchored (`records-lost`).

    Nothing is stored unless every lost entry is brought and the log is then exactly what was anchored. What came back
    has its envelope and what its copies showed, not its salts: replays name it as a record whose originals are gone.
    `without_effect` names those that change nothing here because a field that decides was hidden (`effect-lost`),
    `without_did` the pseudonyms that no record brings together with a DID.
    """
    from node_adapter.bootstrap import open_node  # noqa: PLC0415 - the other commands of a node start without
    from node_adapter.workflows.operation.recovery import recover  # noqa: PLC0415 - the ABI and the HTTP client

    held = [item for file in receipts for item in _receipts(file)] + [
        item for file in bundles for item in _bundled(file)
    ]
    with stopped_node(node_dir):
        node = open_node(node_dir, read_password(file=password_file))
        try:
            write_json(recover(node, held))
        finally:
            node.store.dispose()


def _receipts(file: Path) -> Iterator[dict[str, Any]]:
    for row in read_rows(file):
        if isinstance(row, InvalidInput):
            raise row
        receipt = row.get("receipt", row)
        yield receipt if isinstance(receipt, dict) else row


def _bundled(file: Path) -> list[HeldRecord]:
    return list(held_records(parse_bundle(read_limited(file, MAX_BUNDLE_BYTES, "bundle"))))


def _teller() -> Callable[[str, int, int], None]:
    """Return what tells the progress on standard error, at most once in a second."""
    last = [time.monotonic()]

    def told(what: str, done: int, total: int) -> None:
        if time.monotonic() - last[0] >= _TELL_SECONDS:
            last[0] = time.monotonic()
            tell(f"{what}: {100 * done // max(total, 1)} %")

    return told
