"""`bonafides node`: make, run and look at one member's node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bonafides.cli.node.backup import backup_command, recover_command, restore_command
from bonafides.cli.node.heal import heal_command
from bonafides.cli.node.migrate import migrate_command, outstanding_command
from bonafides.cli.node.page_digest import page_digest_command
from bonafides.cli.node.witness_anew import witness_anew_command
from bonafides.cli.support.database_option import database_option
from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import DIRECTORY, FILE, password_option, suite_option, verbatim
from bonafides.cli.support.output import read_document, tell, write_json
from bonafides.client import Client
from node_adapter.init import configure, init_node
from node_adapter.keys.keystore import read_password
from node_adapter.settings import MEMBER_ROLES, Settings
from node_adapter.store.place import DatabaseUrl
from primitives.errors import InvalidInput
from primitives.suites import suite_named

Command = TypeVar("Command", bound=Callable[..., Any])

# option -> (section, entry, type)
_SETTINGS: dict[str, tuple[str, str, Any]] = {
    "rpc_url": ("chain", "rpc_url", str),
    "ca_file": ("chain", "ca_file", str),
    "client_certificate": ("chain", "client_certificate", str),
    "client_key": ("chain", "client_key", str),
    "chain_id": ("chain", "chain_id", int),
    "directory": ("chain", "directory", str),
    "directory_block": ("chain", "directory_block", int),
    "finality_depth": ("chain", "finality_depth", int),
    "max_fee_per_gas": ("chain", "max_fee_per_gas", int),
    "host": ("http", "host", str),
    "port": ("http", "port", int),
    "health_port": ("http", "health_port", int),
    "peer_networks": ("http", "peer_networks", str),
    "period_seconds": ("anchoring", "period_seconds", float),
    "promise_seconds": ("anchoring", "promise_seconds", float),
    "heartbeat_seconds": ("anchoring", "heartbeat_seconds", float),
    "max_batch": ("anchoring", "max_batch", int),
    "timestamp_url": ("timestamps", "url", str),
    "timestamp_authority": ("timestamps", "authority", str),
    "timestamp_roots": ("timestamps", "roots", str),
    "timestamp_hours": ("timestamps", "every_hours", float),
    "writes_days": ("retention", "writes_days", int),
    "task_days": ("retention", "task_days", int),
    "alarms_days": ("retention", "alarms_days", int),
}
_DEFAULTS: dict[str, dict[str, Any]] = {"http": {"host": "127.0.0.1"}, "chain": {"finality_depth": 1}}


def settings_options(command: Command) -> Command:
    """Give a command one option for every entry of `node.toml`."""
    for option, (section, entry, kind) in reversed(_SETTINGS.items()):
        flag = "--" + option.replace("_", "-")
        command = click.option(flag, option, type=kind, help=f"[{section}] {entry}")(command)
    command = click.option(
        "--network", "network_file", type=FILE, help="What `contracts deploy` wrote: chain id, Directory and its block."
    )(command)
    return click.option("--peer", "peers", multiple=True, metavar="ADDRESS=URL", help="Another member's node.")(command)


@click.group()
def node() -> None:
    """Make, run and look at a member's node.

    The keystore is sealed under BONAFIDES_KEYSTORE_PASSWORD or the first line of --password-file.
    """


@node.command(
    epilog=verbatim(
        'out  {"home", "port", "member": {"address", "name", "role", "keys": {"signing", "agreement", "compliance"}}}',
        '     under another suite than the default one, "keys" names "suite" and "checkpoint", too',
        "",
        "--port 0 takes a free port of this machine and holds it for the node, whatever else starts beside it.",
        "",
        "Example:",
        "  bonafides node init nodes/a --name 'Broker A' --role broker --port 8081 > a.json",
    )
)
@click.argument("home", type=DIRECTORY, metavar="DIR")
@click.option("--name", required=True, help="The member's name.")
@click.option("--role", required=True, type=click.Choice(MEMBER_ROLES))
@suite_option("By which this member makes and signs its records, for good.")
@password_option
@database_option
@settings_options
def init(
    home: Path,
    name: str,
    role: str,
    suite: str,
    password_file: Path | None,
    database: DatabaseUrl | None,
    peers: tuple[str, ...],
    network_file: Path | None,
    **options: Any,
) -> None:
    """Make the directory of a node: keys, tokens, database and settings; print what founders and applicants hand in.

    What is not known yet, such as the Directory's address, is set later by `node configure`.
    """
    table = _table(options, peers, network_file)
    for section, entries in _DEFAULTS.items():
        table[section] = {**entries, **table.get(section, {})}
    password = read_password(file=password_file)
    made = init_node(
        home, name=name, role=role, password=password, settings=table, suite=suite_named(suite), database=database
    )
    keys = dict(made.keys)
    member = {"address": keys.pop("address"), "name": name, "role": role, "keys": keys}
    write_json({"home": str(home), "port": made.port, "member": member})


@node.command("configure")
@click.argument("home", type=DIRECTORY, metavar="DIR")
@settings_options
def configure_command(home: Path, peers: tuple[str, ...], network_file: Path | None, **options: Any) -> None:
    """Set or change entries of the node's settings. A running node reads them at its next start."""
    complete = configure(home, _table(options, peers, network_file))
    write_json({"home": str(home), "complete": complete is not None})


@node.command(epilog=verbatim("Example:", "  bonafides node run nodes/a --workers 2"))
@click.argument("home", type=DIRECTORY, metavar="DIR")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Processes that answer HTTP.")
@password_option
def run(home: Path, workers: int, password_file: Path | None) -> int:
    """Run the node until SIGTERM or ^C: HTTP, health, chain and tasks are processes that are started again if they die.

    Prints {"ready": true, "url", "health_url", "pid"} once it answers. /healthz and /readyz are answered there, too, on
    loopback, whatever happens at the interface. Logs go to DIR/logs.
    """
    from bonafides.cli.process.supervisor import Supervisor  # noqa: PLC0415 - `node init` needs no HTTP client

    settings = Settings.load(home)
    supervisor = Supervisor(settings, read_password(file=password_file), workers)

    def ready() -> dict[str, Any]:
        url, health = settings.http.url, supervisor.health_url
        return {"ready": True, "url": url, "health_url": health, "pid": supervisor.pid}

    return supervisor.run(on_ready=lambda: write_json(ready()))


@node.command()
@calls_node("operator")
def status(client: Client) -> None:
    """Show chain, outbox, anchoring, alarms and tokens of a running node; warn of tokens that end soon."""
    answer = client.status()
    write_json(answer)
    for entry in answer.get("tokens", ()):
        if entry["ending"]:
            text = f"the token {entry['id']} of {entry['name']} ({entry['role']}) ends at {entry['expires_at']}"
            tell(f"warning: {text}: renew it by `bonafides token renew`")


node.add_command(backup_command)
node.add_command(restore_command)
node.add_command(recover_command)
node.add_command(heal_command)
node.add_command(page_digest_command)
node.add_command(witness_anew_command)
node.add_command(migrate_command)
node.add_command(outstanding_command)


def _table(options: dict[str, Any], peers: tuple[str, ...], network_file: Path | None) -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = {}
    if network_file is not None:
        network = read_document(network_file, "network")
        if not isinstance(network, dict):
            raise InvalidInput("network", "object", "must be an object")
        table["chain"] = {
            name: network[name] for name in ("rpc_url", "chain_id", "directory", "directory_block") if name in network
        }
    for option, (section, entry, _) in _SETTINGS.items():
        if options[option] is not None:
            table.setdefault(section, {})[entry] = options[option]
    for peer in peers:
        address, separator, url = peer.partition("=")
        if not separator:
            raise InvalidInput("peer", "pattern", "must be ADDRESS=URL")
        table.setdefault("peers", {})[address] = url
    return table
