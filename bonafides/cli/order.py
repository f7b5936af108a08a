"""`bonafides order`: a regulator orders a broker to replay a client."""

from __future__ import annotations

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import verbatim
from bonafides.cli.support.output import write_json
from bonafides.client import Client


@click.group()
def order() -> None:
    """Order a broker to replay a client (regulator), and list such orders (compliance)."""


@order.command(
    "place", epilog=verbatim("Example:", "  bonafides order place --node regulator --broker 0x... --did DID --case 17")
)
@click.option("--broker", required=True, help="The broker's member address.")
@click.option("--did", required=True, help="The client's DID at that broker.")
@click.option("--case", "case_number", required=True, help="The case number.")
@calls_node("regulator")
def place(client: Client, broker: str, did: str, case_number: str) -> None:
    """Order a replay under a case number."""
    write_json(client.order_replay({"broker": broker, "did": did, "case": case_number}))


@order.command("list")
@calls_node("compliance")
def list_orders(client: Client) -> None:
    """List the orders that this broker received, and which are answered."""
    write_json(client.replay_orders())
