"""`bonafides order`: a regulator orders a broker to replay a client, and takes the answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import FILE, verbatim
from bonafides.cli.support.output import read_limited, write_json
from bonafides.client import Client
from evidence.documents.bundle import MAX_BUNDLE_BYTES

if TYPE_CHECKING:
    from bonafides.client import types


@click.group()
def order() -> None:
    """Order a broker to replay a client and take the answer (regulator); list such orders (compliance, too)."""


@order.command(
    "place",
    epilog=verbatim(
        "Example:",
        "  bonafides order place --node regulator --broker 0x... --did DID --case 17 \\",
        "      --due 2026-12-02T18:00:00.000+08:00",
    ),
)
@click.option("--broker", required=True, help="The broker's member address.")
@click.option("--did", required=True, help="The client's DID at that broker.")
@click.option("--case", "case_number", required=True, help="The case number.")
@click.option("--due", help="Until when it is to be answered; two days from now without it.")
@calls_node("regulator")
def place(client: Client, broker: str, did: str, case_number: str, due: str | None) -> None:
    """Order a replay under a case number."""
    until: dict[str, str] = {} if due is None else {"due_at": due}
    asked = {"broker": broker, "did": did, "case": case_number, **until}
    write_json(client.order_replay(cast("types.ReplayOrderRequest", asked)))


@order.command(
    "answer",
    epilog=verbatim("Example:", "  bonafides order answer --node regulator 01a1fb74-... bundle.json.gz"),
)
@click.argument("order_id")
@click.argument("bundle", type=FILE)
@calls_node("regulator")
def answer(client: Client, order_id: str, bundle: Path) -> None:
    """Take the broker's bundle as the answer to an order: your node verifies it, and notes when it came."""
    write_json(client.answer_order(order_id, read_limited(bundle, MAX_BUNDLE_BYTES, "bundle")))


@order.command("list")
@click.option("--late", is_flag=True, help="Those alone that nobody answered in time, the longest overdue first.")
@calls_node("compliance")
def list_orders(client: Client, late: bool) -> None:
    """List the orders that this node gave or got, until when each is to be answered, and how it stands."""
    write_json(client.replay_orders("late" if late else None))
