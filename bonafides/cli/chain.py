"""`bonafides chain`: what another member needs in order to verify without trusting the broker."""

from __future__ import annotations

from pathlib import Path

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import FILE, verbatim
from bonafides.cli.support.output import write_file, write_json
from bonafides.client import Client
from evidence.documents.trust import parse_trust as parse_former_trust
from evidence.version2.documents.trust import parse_trust
from primitives.errors import InvalidInput


@click.group()
def chain() -> None:
    """Get a member's word for a block of the chain."""


@chain.command(
    "trust",
    epilog=verbatim("Example:", "  bonafides chain trust --node regulator --out trust.json"),
)
@click.option("--block", type=click.IntRange(0), metavar="NUMBER", help="The block; by default the newest.")
@click.option(
    "--format-1", is_flag=True, help="That of bundles of format 1, from before the member's node was migrated."
)
@click.option("--out", type=FILE, required=True, help="Where the trust file goes.")
@calls_node("operator")
def trust(client: Client, block: int | None, format_1: bool, out: Path) -> None:
    """Write the trust file: the member says, and signs, which block of which chain it has.

    Take it from a member or regulator that you trust, never from the broker whose bundle you verify, and know that
    one's key from elsewhere: `verify --trust-key` pins it.
    """
    if format_1:
        if block is not None:
            raise InvalidInput("block", "one-of", "the trust file of format 1 is of all blocks: name no block")
        data = client.former_trust_file()
        former = parse_former_trust(data)
        write_file(out, data)
        last = former.headers[-1].number
        write_json({"trust": str(out), "bytes": len(data), "chain_id": former.chain_id, "block": last})
        return
    data = client.trust_file(block)
    file = parse_trust(data)
    write_file(out, data)
    write_json(
        {
            "trust": str(out),
            "bytes": len(data),
            "chain_id": file.block.chain_id,
            "block": file.block.number,
            "signer": file.signer.did,
            "key": file.signer.key.hex(),
        }
    )
