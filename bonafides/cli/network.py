"""`bonafides network`: the embedded chain of one machine."""

from __future__ import annotations

from pathlib import Path

import click

from bonafides.cli.support.options import DIRECTORY, verbatim
from bonafides.cli.support.output import write_json
from node_adapter.chain import embedded, embedded_keeper
from primitives.timestamp import parse_time


@click.group()
def network() -> None:
    """Start, stop and look at the embedded chain.

    It is one process: it shows the protocol, not consensus, and refuses to be used as production.
    """


@network.command(epilog=verbatim("Example:", "  bonafides network up build/network --port 8545"))
@click.argument("directory", type=DIRECTORY)
@click.option("--port", type=click.IntRange(1, 65535), help="The loopback port; a free one unless told.")
@click.option("--since", metavar="TIME", help="A new chain's first block is of this time, for trials of long times.")
def up(directory: Path, port: int | None, since: str | None) -> None:
    """Start the chain of DIRECTORY, or find it running. Its state is kept between runs."""
    first = None if since is None else parse_time(since, "since") // 1000
    chain = embedded.up(directory, port, first)
    write_json({"rpc_url": chain.rpc_url, "chain_id": chain.chain_id, "pid": chain.pid})


@network.command()
@click.argument("directory", type=DIRECTORY)
def down(directory: Path) -> None:
    """Stop the chain of DIRECTORY; its state is written."""
    write_json({"stopped": embedded.down(directory)})


@network.command()
@click.argument("directory", type=DIRECTORY)
def status(directory: Path) -> None:
    """Say whether the chain of DIRECTORY runs, and whether copies of its state are taken (`kept`)."""
    write_json({**vars(embedded.status(directory)), "kept": embedded_keeper.is_kept(directory)})
