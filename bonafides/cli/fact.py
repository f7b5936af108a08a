"""`bonafides fact`: what happened, and the promises for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import rows_option, verbatim
from bonafides.cli.support.relay import ROLE, relay
from bonafides.client import Client, fact_of_act


@click.group()
def fact() -> None:
    """Report what happened."""


@fact.command(
    "submit",
    epilog=verbatim("Example:", "  bonafides fact submit --node n --file facts.ndjson > promises.ndjson"),
)
@rows_option
@calls_node(ROLE)
def submit_facts(client: Client, file: Path | None) -> int:
    """Submit facts, or signed acts as `wallet sign` writes them; answers the broker's promises.

    Lines of `wallet consent` bring act and call together: the node records the one and relays the other, or neither.

    While the node could not keep a promise it takes the fact and answers "promise": null; see `fact promises`.

    A fact is refused only when it is malformed, unsigned where a signature is owed, or a duplicate. Sending a file
    again is harmless: each line carries its own `source_ref`.
    """
    return relay(client.submit_facts, file, convert=as_fact)


@fact.command(
    "promises",
    epilog=verbatim("Example:", "  bonafides fact promises --node n --file answers.ndjson > promises.ndjson"),
)
@rows_option
@calls_node(ROLE)
def get_promises(client: Client, file: Path | None) -> int:
    """Fetch promises by {"record_id"}, or by the answers of `fact submit`; one that is owed is answered as failed.

    A promise that was owed is made when its record is anchored.
    """
    return relay(client.promises, file, convert=_only_record_id)


def _only_record_id(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"record_id": row.get("record_id")}


def as_fact(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a fact unchanged, and a signed act as the fact that reports it."""
    return fact_of_act(row) if "draft" in row else dict(row)
