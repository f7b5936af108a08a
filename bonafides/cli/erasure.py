"""`bonafides erasure`: records whose clock is over are erased, when two of the compliance staff have signed it."""

from __future__ import annotations

import time
from pathlib import Path

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import FILE, verbatim
from bonafides.cli.support.output import read_rows, write_json, write_line
from bonafides.client import Client
from domain.erasure import CLOCKS
from primitives.errors import CouldNotCheck, InvalidInput

_RULES = tuple(CLOCKS)
_PAUSE_SECONDS = 0.5


@click.group()
def erasure() -> None:
    """Erase records whose clock is over: state it, let two sign it, record it; it is done once it is anchored."""


@erasure.command(
    epilog=verbatim(
        "out  the ERASE as a line for `bonafides staff sign`: two of the compliance staff sign it, one after the other",
        "",
        "Example:",
        "  bonafides erasure draft --node n --client-ref c-1 > erase.ndjson",
        "  bonafides staff sign --wallet sun-yu --file erase.ndjson > once.ndjson",
        "  bonafides staff sign --wallet he-lin --file once.ndjson > twice.ndjson",
        "  bonafides erasure order --node n twice.ndjson --wait 600",
    )
)
@click.option("--did", help="The client, by its DID at this broker.")
@click.option("--subject", help="The client, by its pseudonym at this broker.")
@click.option("--client-ref", help="The client, by the broker's own reference.")
@click.option("--rule", type=click.Choice(_RULES), default=_RULES[0], show_default=True, help="The rule of the clock.")
@click.option("--record", "places", type=click.IntRange(1), multiple=True, help="Place in the history; again for more.")
@click.option(
    "--former-record", "former", type=click.IntRange(1), multiple=True, help="The same in its history of format 1."
)
@calls_node("compliance")
def draft(client: Client, rule: str, places: tuple[int, ...], former: tuple[int, ...], **ways: str | None) -> None:
    """State the erasure of a client's records: of those that are named, or of the first ones that may go."""
    who = {name: value for name, value in ways.items() if value is not None}
    if len(who) != 1:
        raise InvalidInput("subject", "one-of", "give exactly one of --did, --subject and --client-ref")
    chosen = {"records": places, "former_records": former}
    named = {name: sorted(set(some)) for name, some in chosen.items() if some}
    write_line(client.post("/v1/erasures/draft", {**who, **named, "rule": rule}))


@erasure.command(
    epilog=verbatim(
        'out  {"id", "subject", "state": waiting or done, "recorded_at", "done_at", "erases", "erases_former"}',
        "     a line each",
    )
)
@click.argument("file", type=FILE)
@click.option("--wait", "seconds", type=click.FloatRange(0), help="Wait at most so long until it is done.")
@calls_node("compliance")
def order(client: Client, file: Path, seconds: float | None) -> None:
    """Record the erasures of a file, which two have signed. What they name is deleted once they are anchored."""
    for row in read_rows(file):
        if isinstance(row, InvalidInput):
            raise row
        answer = client.post("/v1/erasures", row)
        write_line(answer if seconds is None else _waited(client, str(answer["id"]), seconds))


@erasure.command()
@click.argument("record_id")
@calls_node("compliance")
def show(client: Client, record_id: str) -> None:
    """Show how far an erasure is, by the id of its record."""
    write_json(client.erasure(record_id))


def _waited(client: Client, record_id: str, seconds: float) -> object:
    until = time.monotonic() + seconds
    while True:
        answer = client.erasure(record_id)
        if answer["state"] == "done":
            return answer
        if time.monotonic() >= until:
            raise CouldNotCheck("erasure-waits", f"{record_id} is recorded, and not anchored yet: see `erasure show`")
        time.sleep(_PAUSE_SECONDS)
