"""`bonafides receipt`: receipts of anchored records."""

from __future__ import annotations

from pathlib import Path

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import rows_option
from bonafides.cli.support.relay import ROLE, relay
from bonafides.client import Client


@click.group()
def receipt() -> None:
    """Fetch receipts of anchored records."""


@receipt.command("get")
@rows_option
@calls_node(ROLE)
def get_receipts(client: Client, file: Path | None) -> int:
    """Fetch receipts by {"record_id"}; a record that is not anchored yet is answered as refused."""
    return relay(client.receipts, file)
