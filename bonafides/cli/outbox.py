"""`bonafides outbox`: the chain writes of a node. Works on the node's directory, whether it runs or not."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.node_store import opened_store
from bonafides.cli.support.options import DIRECTORY, verbatim
from bonafides.cli.support.output import write_json
from node_adapter.store import outbox as rows
from primitives.timestamp import format_time

_node_option = click.option("--node", "node_dir", type=DIRECTORY, required=True, help="The node's directory.")


@click.group()
def outbox() -> None:
    """List the chain writes of a node; try one again that failed."""


@outbox.command(
    "list",
    epilog=verbatim(
        'out  [{"key", "kind", "state", "error", "created_at", "updated_at",',
        '       "transactions": [{"tx", "nonce", "max_fee"}]}]',
    ),
)
@_node_option
@click.option("--state", type=click.Choice(rows.STATES), help="Only the writes in this state; else all but `final`.")
def list_writes(node_dir: Path, state: str | None) -> None:
    """List chain writes, the oldest first, each with every transaction that was signed for it."""
    with opened_store(node_dir) as store, store.read() as connection:
        found = [(row, rows.attempts(connection, row.id)) for row in rows.in_state(connection, state)]
    write_json([_shown(row, signed) for row, signed in found])


@outbox.command(epilog=verbatim("Example:", "  bonafides outbox retry --node nodes/a dataset:5b..."))
@click.argument("key")
@_node_option
def retry(key: str, node_dir: Path) -> None:
    """Try a failed write again, as it is.

    What a client signed fails again once its deadline has passed: then the client signs anew.
    """
    with opened_store(node_dir) as store, store.write() as connection:
        rows.retry(connection, key, time.time_ns() // 1_000_000)
    write_json({"key": key, "state": rows.NEW})


def _shown(row: rows.OutboxRow, signed: list[rows.Attempt]) -> dict[str, Any]:
    return {
        "key": row.key,
        "kind": row.kind,
        "state": row.state,
        "error": row.error,
        "created_at": format_time(row.created_at),
        "updated_at": format_time(row.updated_at),
        "transactions": [
            {"tx": "0x" + attempt.tx_hash.hex(), "nonce": attempt.nonce, "max_fee": attempt.max_fee}
            for attempt in signed
        ],
    }
