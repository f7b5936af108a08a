"""`bonafides node migrate`: a node of release 1 goes on with format 2, in the network that continues its own."""

from __future__ import annotations

import time
from pathlib import Path

import click

from bonafides.cli.support.options import DIRECTORY, FILE, verbatim
from bonafides.cli.support.output import read_document, write_json
from node_adapter.chain.rpc import JsonRpc
from node_adapter.settings import Settings
from node_adapter.stopped_node import stopped_node
from primitives.errors import InvalidInput


@click.command(
    "migrate",
    epilog=verbatim(
        'out  {"records", "anchors", "broken_promises": [record ids], "directory", "former": FILE}',
        "",
        "Example:",
        "  bonafides contracts deploy --rpc-url http://127.0.0.1:8545 --node nodes/a --continues network-1.json",
        "    --out network.json",
        "  bonafides node migrate nodes/a --network network.json",
    ),
)
@click.argument("node_dir", type=DIRECTORY, metavar="DIR")
@click.option("--network", "network_file", type=FILE, required=True, help="What `contracts deploy --continues` wrote.")
def migrate_command(node_dir: Path, network_file: Path) -> None:
    """Migrate a node of release 1, which stands still, into the network that continues its own.

    It is refused while a record is not anchored, a promise is owed or a chain write is on its way: the release that
    wrote them is run on until then. What was kept of format 1 goes whole into DIR/former.db. Killed in the middle, it
    is given again. Every member migrates its node; clients, staff and products follow (docs/for-operators.md).
    """
    from node_adapter.migration import migrate_node  # noqa: PLC0415 - the ABI

    network = read_document(network_file, "network")
    if not isinstance(network, dict):
        raise InvalidInput("network", "object", "must be what `contracts deploy` wrote")
    with stopped_node(node_dir):
        settings = Settings.load(node_dir)
        rpc = JsonRpc(settings.rpc_endpoint)
        try:
            write_json(migrate_node(settings, rpc, network, time.time_ns() // 1_000_000))
        finally:
            rpc.close()
