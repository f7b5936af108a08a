"""`bonafides did`: DIDs, and the calls that clients signed for the registry."""

from __future__ import annotations

from pathlib import Path

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import rows_option, verbatim
from bonafides.cli.support.output import Answers, read_rows, write_json
from bonafides.cli.support.relay import ROLE
from bonafides.client import Client
from primitives.errors import InvalidInput


@click.group()
def did() -> None:
    """Resolve DIDs, and relay the calls that clients signed."""


@did.command("resolve")
@click.argument("identifier", metavar="DID")
@calls_node(ROLE)
def resolve(client: Client, identifier: str) -> None:
    """Show a DID's document as the node's index of the chain has it."""
    write_json(client.resolve(identifier))


@did.command("relay", epilog=verbatim("in   lines of `wallet rotate`, or single calls", "out  one answer per call"))
@rows_option
@calls_node(ROLE)
def relay_calls(client: Client, file: Path | None) -> int:
    """Relay clients' signed registry calls to the chain."""
    answers = Answers()
    for row in read_rows(file):
        if isinstance(row, InvalidInput):
            answers.refused(row)
            continue
        calls = row.get("calls", [row])
        if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
            answers.refused(InvalidInput("calls", "list", "must be a list of objects"))
            continue
        for answer in client.relay_calls(calls):
            answers.from_node(answer)
    return answers.status
