"""`bonafides member`: the consortium's membership. Every call goes through the member's own outbox."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy import Connection

from bonafides.cli.support.founder import read_founder
from bonafides.cli.support.node_store import opened_store
from bonafides.cli.support.options import DIRECTORY, FILE, password_option, verbatim
from bonafides.cli.support.output import read_document, write_json
from node_adapter.bootstrap import open_node
from node_adapter.chain.abi import KNOWN, directory_name, encode_call, naming_digest
from node_adapter.keys.keystore import read_password
from node_adapter.patience import Patience
from node_adapter.settings import Settings
from node_adapter.store import outbox
from node_adapter.store.chain import directory, member_registry
from node_adapter.store.chain.directory import DIRECTORY as CONTRACT_OF_NAMES
from node_adapter.store.chain.proposals import open_proposals, proposal_made_by
from node_adapter.store.engine import Store
from node_adapter.workflows.identity.keys_in_force import generations, rotate
from node_adapter.workflows.operation.endpoints import publish_endpoint
from primitives.address import NO_ADDRESS, check_address
from primitives.errors import CouldNotCheck, InvalidInput, Refused

CONTRACT = "MemberRegistry"
KIND = "governance"
_WAIT_SECONDS = 120.0
_POLL_SECONDS = 0.1
Command = TypeVar("Command", bound=Callable[..., Any])


def governed(command: Command) -> Command:
    """Give a command the node that acts, and whether it waits."""
    command = click.option("--node", "node_dir", type=DIRECTORY, required=True, help="The acting member's node.")(
        command
    )
    return click.option("--wait/--no-wait", default=True, help="Wait until the call is final; the node must run.")(
        command
    )


@click.group()
def member() -> None:
    """List members; propose, vote, veto and execute.

    A proposal is executed after two thirds of the active brokers and operators voted for it and the regulator's time
    to veto is over. Every call is put into the outbox of --node and sent by its chain process.
    """


@member.command("list")
@click.option("--node", "node_dir", type=DIRECTORY, required=True, help="Any member's node.")
def list_members(node_dir: Path) -> None:
    """List the members as the node's index of the chain has them."""
    with opened_store(node_dir) as store, store.read() as connection:
        found = member_registry.members(connection).values()
    write_json(
        [
            {
                "address": entry.address,
                "name": entry.name,
                "role": entry.role,
                "active": entry.active,
                "keys": {
                    "algorithm": entry.held.algorithm,
                    "signing": entry.held.signing.hex(),
                    "checkpoint": entry.held.checkpoint.hex(),
                    "agreement": entry.held.agreement.hex(),
                    "compliance": entry.held.compliance,
                },
            }
            for entry in found
        ]
    )


@member.command("proposals")
@click.option("--node", "node_dir", type=DIRECTORY, required=True, help="Any member's node.")
def list_proposals(node_dir: Path) -> None:
    """List the proposals that are open, with the votes that count and how many let each pass."""
    with opened_store(node_dir) as store, store.read() as connection:
        found = open_proposals(connection)
    write_json(
        [
            {
                "proposal": one.id,
                "kind": one.kind,
                "member": one.member,
                "digest": one.digest,
                "proposer": one.proposer,
                "block": one.block,
                "votes": list(one.votes),
                "votes_needed": one.votes_needed,
            }
            for one in found
        ]
    )


@member.command(
    "propose-admission",
    epilog=verbatim("Example:", "  bonafides member propose-admission --node nodes/a --applicant c.json"),
)
@click.option("--applicant", type=FILE, required=True, help="What `node init` printed for the applicant.")
@governed
def propose_admission(applicant: Path, node_dir: Path, wait: bool) -> None:
    """Propose to admit a member; prints the proposal's number."""
    founder = read_founder(read_document(applicant, "applicant"))
    _call(node_dir, "proposeAdmission", founder.to_abi(), wait=wait)


@member.command("propose-suspension")
@click.option("--member", "address", required=True, help="The member's address.")
@governed
def propose_suspension(address: str, node_dir: Path, wait: bool) -> None:
    """Propose to suspend a member."""
    _call(node_dir, "proposeSuspension", (check_address(address, "member"),), wait=wait)


@member.command(
    "propose-contract",
    epilog=verbatim(
        "Example:",
        "  bonafides member propose-contract ConvictionRegistry 0x... --node nodes/a",
        "  bonafides member enact 3 ConvictionRegistry 0x... --node nodes/a",
    ),
)
@click.argument("name", type=click.Choice([name for name in KNOWN if name != CONTRACT_OF_NAMES]))
@click.argument("address")
@governed
def propose_contract(name: str, address: str, node_dir: Path, wait: bool) -> None:
    """Propose that the Directory names a contract, in place of an earlier one or for the first time."""
    names = Settings.load(node_dir).chain.directory
    digest = naming_digest(names, name, _contract(address))
    _call(node_dir, "proposeAction", (digest,), wait=wait)


@member.command("enact")
@click.argument("proposal", type=click.IntRange(0))
@click.argument("name", type=click.Choice([name for name in KNOWN if name != CONTRACT_OF_NAMES]))
@click.argument("address")
@governed
def enact(proposal: int, name: str, address: str, node_dir: Path, wait: bool) -> None:
    """Let the Directory name a contract, once the proposal about it was executed."""
    named = directory_name(name), _contract(address)
    _call(node_dir, "enact", (proposal, *named), wait=wait, contract=CONTRACT_OF_NAMES)


@member.command("vote")
@click.argument("proposal", type=click.IntRange(0))
@governed
def vote(proposal: int, node_dir: Path, wait: bool) -> None:
    """Vote for a proposal."""
    _call(node_dir, "vote", (proposal,), wait=wait)


@member.command("veto")
@click.argument("proposal", type=click.IntRange(0))
@governed
def veto(proposal: int, node_dir: Path, wait: bool) -> None:
    """Veto a proposal, as a regulator, before it is executed."""
    _call(node_dir, "veto", (proposal,), wait=wait)


@member.command("execute")
@click.argument("proposal", type=click.IntRange(0))
@governed
def execute(proposal: int, node_dir: Path, wait: bool) -> None:
    """Execute a proposal that has passed."""
    _call(node_dir, "execute", (proposal,), wait=wait)


@member.command(
    "rotate-keys",
    epilog=verbatim(
        'out  {"keys": as `node init` prints them, "block", "tx", "gas_used", "outbox"}',
        "",
        "Example:",
        "  bonafides member rotate-keys --node nodes/a",
    ),
)
@governed
@password_option
def rotate_keys(node_dir: Path, wait: bool, password_file: Path | None) -> None:
    """Give this member new signing, agreement and compliance keys; the old ones end when the call is final.

    The new keys are sealed in the keystore first. Nothing has to be stopped or started: the node signs with the key
    that the registry holds. When it is cut short, run it again: it goes on with the keys that it made.
    """
    node = open_node(node_dir, read_password(file=password_file))
    try:
        keys, key = rotate(node)
        if not wait:
            write_json({"keys": keys.public_json(), "outbox": key, "state": outbox.NEW})
            return
        row = _await_final(node.store, key)
    finally:
        node.store.dispose()
    tx = None if row.tx_hash is None else "0x" + row.tx_hash.hex()
    place = {"block": row.block, "tx": tx, "gas_used": row.gas_used, "outbox": key}
    write_json({"keys": keys.public_json(), **place})


@member.command(
    "endpoint",
    epilog=verbatim(
        'out  {"endpoint", "block", "tx", "gas_used", "outbox"}',
        "",
        "Example:",
        "  bonafides member endpoint https://a.example:8443 --node nodes/a",
    ),
)
@click.argument("url")
@governed
def endpoint(url: str, node_dir: Path, wait: bool) -> None:
    """Say on the chain where this member's node is, so that others find it after a change of host or port.

    It becomes a service of the member's DID, in place of an earlier one. Status lists and witnesses of its credentials
    are read there.
    """
    settings = Settings.load(node_dir)
    with opened_store(node_dir) as store:
        with store.write() as connection:
            key = publish_endpoint(settings, connection, url, time.time_ns() // 1_000_000)
        if not wait:
            write_json({"endpoint": url, "outbox": key, "state": outbox.NEW})
            return
        row = _await_final(store, key)
    tx = None if row.tx_hash is None else "0x" + row.tx_hash.hex()
    write_json({"endpoint": url, "block": row.block, "tx": tx, "gas_used": row.gas_used, "outbox": key})


@member.command("keys")
@click.option("--node", "node_dir", type=DIRECTORY, required=True, help="The member's node.")
@password_option
def show_keys(node_dir: Path, password_file: Path | None) -> None:
    """List the generations of this member's keys that its keystore holds, and whether each is in force."""
    node = open_node(node_dir, read_password(file=password_file))
    try:
        with node.store.read() as connection:
            found = generations(node, connection)
    finally:
        node.store.dispose()
    write_json(
        [
            {
                **entry.keys.public_json(),
                "state": entry.state,
                "from_block": entry.from_block,
                "until_block": entry.until_block,
            }
            for entry in found
        ]
    )


def _contract(text: str) -> str:
    """Read the address of a contract that is to be named; the address of nobody is none."""
    address = check_address(text, "address")
    if address == NO_ADDRESS:
        raise InvalidInput("address", "address", "is the address of nobody: the Directory names contracts alone")
    return address


def _call(node_dir: Path, function: str, arguments: tuple[Any, ...], *, wait: bool, contract: str = CONTRACT) -> None:
    # The same call may be made again later (a second proposal about one member), so the key is drawn.
    key = f"{KIND}:{function}:{secrets.token_hex(8)}"
    once = (outbox.call_id(key),) if function.startswith("propose") else ()
    data = encode_call(contract, function, *once, *arguments)
    names = Settings.load(node_dir).chain.directory
    with opened_store(node_dir) as store:
        with store.write() as connection:
            target = names if contract == CONTRACT_OF_NAMES else directory.contract_address(connection, contract)
            outbox.enqueue(connection, KIND, key, target, data, time.time_ns() // 1_000_000)
        if not wait:
            write_json({"outbox": key, "state": outbox.NEW})
            return
        row = _await_final(store, key)
        with store.read() as connection:
            proposal = _proposal(connection, row, function, arguments)
    tx = None if row.tx_hash is None else "0x" + row.tx_hash.hex()
    write_json({"proposal": proposal, "block": row.block, "tx": tx, "gas_used": row.gas_used, "outbox": key})


def _await_final(store: Store, key: str) -> outbox.OutboxRow:
    patience = Patience(_WAIT_SECONDS)
    while not patience.is_over():
        with store.read() as connection:
            row = outbox.by_key(connection, key)
        if row is not None and row.state == outbox.FAILED:
            raise Refused("contract-reverted", row.error or "the contract refuses the call")
        if row is not None and row.state == outbox.FINAL:
            return row
        time.sleep(_POLL_SECONDS)
    raise CouldNotCheck("not-final", f"{key} is not final yet: does the node run?")


def _proposal(connection: Connection, row: outbox.OutboxRow, function: str, arguments: tuple[Any, ...]) -> int | None:
    if not function.startswith("propose"):
        return int(arguments[0])
    return proposal_made_by(connection, row.tx_hash)
