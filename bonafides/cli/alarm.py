"""`bonafides alarm`: what a node's operator must look at. Works on the node's directory, whether it runs or not."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.node_store import opened_store
from bonafides.cli.support.options import DIRECTORY, verbatim
from bonafides.cli.support.output import write_json
from node_adapter.store import alarms
from primitives.errors import Refused
from primitives.timestamp import format_time

_node_option = click.option("--node", "node_dir", type=DIRECTORY, required=True, help="The node's directory.")


@click.group()
def alarm() -> None:
    """List the alarms of a node; close one that was dealt with.

    One alarm stands for one cause. It closes by itself when the cause ends, where the node can see that.
    """


@alarm.command(
    "list", epilog=verbatim('out  [{"kind", "about", "detail", "count", "first_at", "last_at", "closed_at"}]')
)
@_node_option
@click.option("--all", "with_closed", is_flag=True, help="The closed ones too.")
def list_alarms(node_dir: Path, with_closed: bool) -> None:
    """List the open alarms."""
    with opened_store(node_dir) as store, store.read() as connection:
        found = alarms.list_alarms(connection, with_closed=with_closed)
    write_json([_shown(entry) for entry in found])


@alarm.command(epilog=verbatim("Example:", "  bonafides alarm close --node nodes/a chain-reset"))
@click.argument("kind")
@_node_option
@click.option("--about", help="Only the one about this; else every open alarm of the kind.")
def close(kind: str, node_dir: Path, about: str | None) -> None:
    """Close the open alarms of a kind; the same cause seen again opens them again."""
    with opened_store(node_dir) as store, store.write() as connection:
        closed = alarms.close_alarm(connection, kind, time.time_ns() // 1_000_000, about)
    if not closed:
        raise Refused("alarm-not-open", f"no alarm {kind} is open" + (f" about {about}" if about else ""))
    write_json({"closed": closed})


def _shown(entry: alarms.Alarm) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "about": entry.about,
        "detail": entry.detail,
        "count": entry.count,
        "first_at": format_time(entry.first_at),
        "last_at": format_time(entry.last_at),
        "closed_at": None if entry.closed_at is None else format_time(entry.closed_at),
    }
