"""`bonafides node witness-anew`: a witness begins anew with a log of which the chain has lost what it cosigned."""

from __future__ import annotations

import time
from pathlib import Path

import click

from bonafides.cli.support.node_store import opened_store
from bonafides.cli.support.options import DIRECTORY, verbatim
from bonafides.cli.support.output import write_json
from primitives.errors import InvalidInput


@click.command(
    "witness-anew",
    epilog=verbatim(
        'out  {"broker", "seq", "kept": {"root", "map_root", "size"}, "chain": {"root"}, "confirm"}',
        "",
        "Example:",
        "  bonafides node witness-anew did:ethr:... --node nodes/a",
        "  bonafides node witness-anew did:ethr:... --node nodes/a --confirm 0a1b2c3d4e5f --reason 'chain set back'",
    ),
)
@click.argument("broker")
@click.option("--node", "node_dir", type=DIRECTORY, required=True, help="The witness's node; it may run.")
@click.option("--confirm", "code", help="The code that was shown with the difference: what was kept is put aside.")
@click.option("--reason", help="Why; it is kept, and `node status` shows it.")
def witness_anew_command(broker: str, node_dir: Path, code: str | None, reason: str | None) -> None:
    """Show how what this member cosigned of a broker's log differs from the chain, or begin anew with that log.

    A chain that was set back may have lost an anchor that this member had cosigned; its node then refuses the broker's
    log for good (`growth-start`). The same is seen where a broker and the chain's operators forked the chain to take
    records back: ask the other members and the chain's operators first. What was kept stays on record with the reason.
    """
    from node_adapter.workflows.anchoring.witness_anew import (  # noqa: PLC0415 - the other commands start without
        begin_anew,
        find_difference,
    )

    if (code is None) != (reason is None):
        raise InvalidInput("reason" if reason is None else "confirm", "required", "--confirm and --reason go together")
    with opened_store(node_dir) as store:
        if code is None or reason is None:
            with store.read() as connection:
                write_json(find_difference(connection, broker).to_json())
            return
        with store.write() as connection:
            now = time.time_ns() // 1_000_000
            write_json(begin_anew(connection, broker, reason=reason, confirm=code, now_ms=now))
