"""`bonafides contracts`: put the consortium's contracts on a chain, and look at them there."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bonafides.cli.support.founder import read_founder
from bonafides.cli.support.options import DIRECTORY, FILE, password_option, verbatim
from bonafides.cli.support.output import read_document, write_file, write_json
from node_adapter.chain.deploy import contract_status, deploy, deploy_convictions
from node_adapter.chain.former_network import FormerNetwork, read_former_network
from node_adapter.chain.rpc import JsonRpc
from node_adapter.chain.rpc_endpoint import RpcEndpoint, has_secrets
from node_adapter.keys.keystore import Keystore, read_password
from primitives.address import check_address
from primitives.errors import InvalidInput

_KEY_BYTES = 32

ca_option = click.option(
    "--ca-file", type=FILE, help="PEM of the authorities that may sign the chain node's certificate."
)


@click.group()
def contracts() -> None:
    """Deploy the consortium's contracts, or look at them."""


@contracts.command(
    "deploy",
    epilog=verbatim(
        "Example:",
        "  bonafides contracts deploy --rpc-url http://127.0.0.1:8545 --node nodes/a --founder a.json --founder b.json",
        "    --founder regulator.json --veto-blocks 2 --out network.json",
        "  bonafides contracts deploy --rpc-url http://127.0.0.1:8545 --node nodes/a --continues network-1.json",
        "    --out network.json",
    ),
)
@click.option("--rpc-url", required=True, help="The chain's JSON-RPC: a URL, or a socket's path.")
@click.option(
    "--node", "node_dir", type=DIRECTORY, required=True, help="The node whose account sends the transactions."
)
@click.option("--founder", "founders", type=FILE, multiple=True, help="What `node init` printed.")
@click.option(
    "--continues", type=FILE, help="The network file of a consortium of release 1: its members found, its logs go on."
)
@click.option(
    "--veto-blocks", type=click.IntRange(0), default=10, show_default=True, help="A regulator's time to veto."
)
@click.option("--out", type=FILE, help="Write the network file here, too.")
@password_option
@ca_option
def deploy_command(
    rpc_url: str,
    node_dir: Path,
    founders: tuple[Path, ...],
    continues: Path | None,
    veto_blocks: int,
    out: Path | None,
    password_file: Path | None,
    ca_file: Path | None,
) -> None:
    """Deploy all contracts; print the network file, which nodes and wallets read.

    A URL with credentials or a query is not written into it: it is handed to everybody.

    With --continues the founders are the active members of that consortium, with their keys there, and the logs of its
    brokers go on (docs/migrating.md). Nobody's keys, consents and tasks do: they are registered anew.
    """
    if bool(founders) == (continues is not None):
        raise InvalidInput("founder", "one-of", "give either --founder, for each of them, or --continues")
    members = [read_founder(read_document(file, "founder")) for file in founders]
    signer = Keystore.open(node_dir / "keystore", read_password(file=password_file)).signer()
    rpc = JsonRpc(RpcEndpoint(rpc_url, ca_file))
    try:
        former = None if continues is None else _former(rpc, continues)
        made = deploy(
            rpc, signer, members if former is None else former.members, veto_blocks=veto_blocks, former=former
        )
    finally:
        rpc.close()
    network = {
        **({} if has_secrets(rpc_url) else {"rpc_url": rpc_url}),
        "chain_id": made.chain_id,
        "directory": made.directory,
        "directory_block": made.directory_block,
        "contracts": {contract.name: contract.address for contract in made.contracts},
        "gas_used": {contract.name: contract.gas_used for contract in made.contracts},
        **({} if former is None else {"continues": former.directory}),
    }
    if out is not None:
        write_file(out, json.dumps(network, indent=1).encode() + b"\n")
    write_json(network)


def _former(rpc: JsonRpc, file: Path) -> FormerNetwork:
    network = read_document(file, "continues")
    block = network.get("directory_block") if isinstance(network, dict) else None
    if not isinstance(network, dict) or not isinstance(block, int) or isinstance(block, bool):
        raise InvalidInput("continues", "shape", "must be what `contracts deploy` wrote")
    return read_former_network(rpc, check_address(network.get("directory"), "continues.directory"), block)


@contracts.command(
    "deploy-convictions",
    epilog=verbatim(
        'out  {"name", "address", "block", "gas_used"}',
        "",
        "Example:",
        "  bonafides contracts deploy-convictions --network network.json --node nodes/a",
        "  bonafides member propose-contract ConvictionRegistry 0x... --node nodes/a",
    ),
)
@click.option("--rpc-url", help="The chain's JSON-RPC; by default the network file's.")
@click.option("--network", "network_file", type=FILE, required=True, help="What `contracts deploy` wrote.")
@click.option(
    "--node", "node_dir", type=DIRECTORY, required=True, help="The node whose account sends the transaction; stop it."
)
@password_option
@ca_option
def deploy_convictions_command(
    rpc_url: str | None, network_file: Path, node_dir: Path, password_file: Path | None, ca_file: Path | None
) -> None:
    """Deploy the contract of convictions for a consortium of an earlier release, which has none.

    It counts once the members have voted for it: `member propose-contract`, `vote`, `execute`, `enact`.
    """
    url, directory = _network(network_file, rpc_url, None)
    signer = Keystore.open(node_dir / "keystore", read_password(file=password_file)).signer()
    rpc = JsonRpc(RpcEndpoint(url, ca_file))
    try:
        made = deploy_convictions(rpc, signer, directory)
    finally:
        rpc.close()
    write_json(vars(made))


@contracts.command("status")
@click.option("--rpc-url", help="The chain's JSON-RPC; by default the network file's.")
@click.option("--network", "network_file", type=FILE, help="What `contracts deploy` wrote.")
@click.option("--directory", help="The Directory's address, without a network file.")
@ca_option
def status(rpc_url: str | None, network_file: Path | None, directory: str | None, ca_file: Path | None) -> None:
    """Show every contract that the Directory names, with its earlier addresses."""
    url, address = _network(network_file, rpc_url, directory)
    rpc = JsonRpc(RpcEndpoint(url, ca_file))
    try:
        found = contract_status(rpc, address)
    finally:
        rpc.close()
    write_json([vars(contract) for contract in found])


def _network(file: Path | None, rpc_url: str | None, directory: str | None) -> tuple[str, str]:
    """Return the chain's URL and the Directory's address, as they are given or as a network file says."""
    network = {} if file is None else read_document(file, "network")
    if not isinstance(network, dict):
        raise InvalidInput("network", "shape", "must be what `contracts deploy` wrote")
    url, address = rpc_url or network.get("rpc_url"), directory or network.get("directory")
    if not isinstance(url, str):
        raise InvalidInput("rpc_url", "required", "give --rpc-url or --network")
    return url, check_address(address, "directory")
