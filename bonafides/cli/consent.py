"""`bonafides consent`: clients' consents, handed to a broker's node."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import rows_option, verbatim
from bonafides.cli.support.relay import ROLE, relay
from bonafides.client import Client
from primitives.shapes import Object


@click.group()
def consent() -> None:
    """Hand clients' consents to a broker's node, which relays them to the chain."""


@consent.command("grant", epilog=verbatim("in   lines of `wallet consent sign-again`, or of `wallet consent grant`"))
@rows_option
@calls_node(ROLE)
def grant(client: Client, file: Path | None) -> int:
    """Relay grants alone; the credential is kept, the chain gets the salted id. `fact submit` records the act too."""
    return relay(client.grant_consents, file, convert=_consent_only)


@consent.command(
    "withdraw", epilog=verbatim("in   lines of `wallet consent sign-again`, or of `wallet consent withdraw`")
)
@rows_option
@calls_node(ROLE)
def withdraw(client: Client, file: Path | None) -> int:
    """Relay withdrawals alone; they count at this broker at once. `fact submit` records the act too."""
    return relay(client.withdraw_consents, file, convert=_consent_only)


def _consent_only(row: Mapping[str, Any]) -> dict[str, Any]:
    return Object().read(row.get("consent", row), "consent")
