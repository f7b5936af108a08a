"""`bonafides chain`: what another member needs in order to verify without trusting the broker."""

from __future__ import annotations

from pathlib import Path

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import FILE, verbatim
from bonafides.cli.support.output import write_file, write_json
from bonafides.client import Client
from evidence.version2.documents.trust import parse_trust


@click.group()
def chain() -> None:
    """Get a member's word for a block of the chain."""


@chain.command(
    "trust",
    epilog=verbatim("Example:", "  bonafides chain trust --node regulator --out trust.json"),
)
@click.option("--block", type=click.IntRange(0), metavar="NUMBER", help="The block; by default the newest.")
@click.option("--out", type=FILE, required=True, help="Where the trust file goes.")
@calls_node("operator")
def trust(client: Client, block: int | None, out: Path) -> None:
    """Write the trust file: the member says, and signs, which block of which chain it has.

    Take it from a member or regulator that you trust, never from the broker whose bundle you verify, and know that
    one's key from elsewhere: `verify --trust-key` pins it.
    """
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
