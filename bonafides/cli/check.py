"""`bonafides check`: zero-knowledge proofs at a verifier's node."""

from __future__ import annotations

from pathlib import Path

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import rows_option, verbatim
from bonafides.cli.support.relay import ROLE, relay
from bonafides.client import Client


@click.command(
    epilog=verbatim(
        'in   a proof; with --challenge {"holder", "purpose"}',
        "out  the verdict of each; with --challenge the challenge that the holder answers",
    )
)
@click.option("--challenge", is_flag=True, help="Give out challenges instead of checking proofs.")
@rows_option
@calls_node(ROLE)
def check(client: Client, file: Path | None, challenge: bool) -> int:
    """Check proofs at a verifier's node. A proof is accepted once; shown again, it is refused."""
    return relay(client.challenges if challenge else client.verify_proofs, file)
