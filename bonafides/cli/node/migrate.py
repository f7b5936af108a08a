"""`bonafides node migrate` and `outstanding`: a node of release 1 goes on with format 2, and who is left."""

from __future__ import annotations

import time
from pathlib import Path

import click

from bonafides.cli.support.options import DIRECTORY, FILE, password_option, verbatim
from bonafides.cli.support.output import read_document, write_json, write_line
from node_adapter.keys.keystore import read_password
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
    is given again. Every member migrates its node; clients, staff and products follow (docs/migrating.md).
    """
    from node_adapter.chain.rpc import JsonRpc  # noqa: PLC0415 - the chain's libraries
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


@click.command(
    "outstanding",
    epilog=verbatim(
        'out  {"kind": "client", "client_ref", "subject", "did", "lacks": ["key", "opening"], "continues"}',
        '     {"kind": "consent", "client_ref", "subject", "consent_id", "purpose", "receivers", "expires_at"}',
        '     {"kind": "staff", "name", "role", "key"}, {"kind": "product", "product_id", "subject"}',
        '     {"kind": "task", "task_id"}',
        "",
        "Exit status: 0 nobody is left, 1 somebody is.",
        "",
        "Example:",
        "  bonafides node outstanding nodes/a",
    ),
)
@click.argument("node_dir", type=DIRECTORY, metavar="DIR")
@password_option
def outstanding_command(node_dir: Path, password_file: Path | None) -> int:
    """Tell who still has to do something after a migration; the node may run.

    Clients publish their keys anew and open the history that goes on, consents are given anew,
    staff are enrolled and products rated anew; a task that had not ended is proposed and approved anew.
    """
    from node_adapter.bootstrap import open_node  # noqa: PLC0415 - as above
    from node_adapter.workflows.former.outstanding import outstanding  # noqa: PLC0415 - as above

    node = open_node(node_dir, read_password(file=password_file))
    try:
        left = 0
        for line in outstanding(node):
            write_line(line)
            left = 1
        return left
    finally:
        node.store.dispose()
