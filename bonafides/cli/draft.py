"""`bonafides draft`: the texts that clients are to sign."""

from __future__ import annotations

from pathlib import Path

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import rows_option, verbatim
from bonafides.cli.support.relay import ROLE, relay
from bonafides.client import Client


@click.command(
    epilog=verbatim(
        "Example:",
        "  bonafides draft --node n --file wanted.ndjson | bonafides wallet sign --wallet w --yes > acts.ndjson",
    )
)
@rows_option
@calls_node(ROLE)
def draft(client: Client, file: Path | None) -> int:
    """Get the drafts that clients are to sign: type, values and text."""
    return relay(client.drafts, file)
