"""`bonafides ruleset`: versions of the rules at a node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import FILE, verbatim
from bonafides.cli.support.output import read_document, write_json
from bonafides.client import Client
from primitives.errors import InvalidInput


@click.group()
def ruleset() -> None:
    """Add and list versions of the rules."""


@ruleset.command(
    epilog=verbatim(
        "Example:",
        "  bonafides ruleset add --node n --packaged sac-bands@1",
        "  bonafides ruleset add --node n rules.json --effective-from 2026-12-01T00:00:00.000+08:00",
    )
)
@click.argument("document", type=FILE, required=False)
@click.option("--packaged", help="Take one that comes with the product, <id>@<version>.")
@click.option("--effective-from", help="From when it holds, in place of the document's own time.")
@calls_node("operator")
def add(client: Client, document: Path | None, packaged: str | None, effective_from: str | None) -> None:
    """Install a rule set ahead of its time. Rules are never changed backwards."""
    if (document is None) == (packaged is None):
        raise InvalidInput("document", "one-of", "give either a DOCUMENT or --packaged")
    body: dict[str, Any] = (
        {"packaged": packaged} if document is None else {"document": read_document(document, "document")}
    )
    if effective_from is not None:
        body["effective_from"] = effective_from
    write_json(client.post("/v1/rulesets", body))


@ruleset.command("list")
@calls_node("operator")
def list_command(client: Client) -> None:
    """List the installed rule sets, the earliest first."""
    write_json(client.rulesets())
