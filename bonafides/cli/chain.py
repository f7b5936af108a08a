"""`bonafides chain`: what another member needs in order to verify without trusting the broker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import FILE, verbatim
from bonafides.cli.support.output import write_file, write_json
from bonafides.client import Client
from primitives.canonical import parse_json
from primitives.errors import InvalidInput


@click.group()
def chain() -> None:
    """Make a trust file of a node's block headers."""


@chain.command(
    "headers",
    epilog=verbatim("Example:", "  bonafides chain headers --node regulator --out trust.json"),
)
@click.option("--out", type=FILE, required=True, help="Where the trust file goes.")
@calls_node("operator")
def headers(client: Client, out: Path) -> None:
    """Write the trust file: chain id, the Directory's addresses with their blocks, contiguous headers.

    Take it from a member or regulator that you trust, and never from the broker whose bundle you verify.
    """
    data = client.trust_file()
    summary = _summary(parse_json(data, field="trust", max_bytes=len(data)))
    write_file(out, data)
    write_json({"trust": str(out), "bytes": len(data), **summary})


def _summary(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput("trust", "shape", "is no trust file")
    found = value.get("headers")
    count = len(found) if isinstance(found, list) else None
    return {"format": value.get("format"), "chain_id": value.get("chain_id"), "headers": count}
