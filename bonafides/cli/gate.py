"""`bonafides gate`: whether an act is allowed now."""

from __future__ import annotations

from pathlib import Path

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import rows_option
from bonafides.cli.support.relay import ROLE, relay
from bonafides.client import Client


@click.command()
@rows_option
@calls_node(ROLE)
def gate(client: Client, file: Path | None) -> int:
    """Ask whether acts are allowed now: yes, or no with the rule's code. Nothing is stored."""
    return relay(client.gates, file)
