"""`bonafides doctor`: what is wrong with this machine or node, and how to mend it."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from bonafides.cli.support.options import DIRECTORY, password_option, verbatim
from bonafides.cli.support.output import say, write_json
from node_adapter.chain import embedded
from node_adapter.chain.contracts import Contracts
from node_adapter.chain.deploy import contract_status
from node_adapter.chain.rpc import JsonRpc
from node_adapter.former_database import require_own
from node_adapter.keys.keystore import PASSWORD_VARIABLE, Keystore, read_password
from node_adapter.settings import Settings
from node_adapter.store import anchors, restored
from node_adapter.store.chain import member_registry
from node_adapter.store.engine import Store, open_store
from node_adapter.store.former import find_log
from node_adapter.store.migrate import revisions
from node_adapter.store.place import require_made
from node_adapter.store.snapshot import engine_of, integrity
from node_adapter.store.tokens import UNCONFIRMED, staff_tokens, token_digest
from node_adapter.workflows.identity.staff_tokens import (
    DAY_MS,
    TOKEN_ROLES,
    WARN_MS,
    ending_soon,
    read_token,
    token_file,
)
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput
from primitives.timestamp import format_time

_PYTHON = ((3, 11), (3, 14))
_MIN_FREE_BYTES = 1024**3
_MAX_SKEW_SECONDS = 30
_RPC_SECONDS = 5.0


@dataclass(frozen=True)
class CheckLine:
    """One thing that was looked at; `mend` says what to do when it is not well."""

    name: str
    ok: bool
    detail: str
    mend: str = ""


@click.command(epilog=verbatim("Examples:", "  bonafides doctor", "  bonafides doctor --node nodes/a"))
@click.option("--node", "node_dir", type=DIRECTORY, help="Look at this node, too.")
@password_option
@click.option("--json", "as_json", is_flag=True, help="Print the lines as JSON.")
def doctor(node_dir: Path | None, password_file: Path | None, as_json: bool) -> int:
    """Check the machine, and a node's chain, database, clock and keys; say how to mend each.

    The exit status is 1 when one of them is ill.
    """
    lines = list(_machine())
    if node_dir is not None:
        lines += _node(node_dir, password_file)
    if as_json:
        write_json([vars(line) for line in lines])
    else:
        for line in lines:
            mend = "" if line.ok else f"; to mend it: {line.mend}"
            say(f"{'ok ' if line.ok else 'ILL'} {line.name}: {line.detail}{mend}")
    return 0 if all(line.ok for line in lines) else 1


def _machine() -> Iterator[CheckLine]:
    version = sys.version_info[:2]
    yield CheckLine(
        "python",
        _PYTHON[0] <= version < _PYTHON[1],
        platform.python_version(),
        "install Python 3.11, 3.12 or 3.13 and make the environment anew",
    )
    system = f"{platform.system()} {platform.machine()}"
    yield CheckLine("machine", system == "Linux x86_64", system, "use Linux on x86-64")
    yield _free_space("disk", Path.cwd())
    try:
        yield CheckLine("embedded-chain", ok=True, detail=str(embedded.find_anvil()))
    except CouldNotCheck as error:
        # Only a demo or a test needs it: a member's node speaks to the consortium's chain.
        yield CheckLine("embedded-chain", ok=True, detail=f"absent, needed for demo and tests only ({error.detail})")


def _node(node_dir: Path, password_file: Path | None) -> list[CheckLine]:
    try:
        settings = Settings.load(node_dir)
    except BonafidesError as error:
        return [
            CheckLine(
                "settings", ok=False, detail=str(error), mend="correct node.toml, or run `bonafides node configure`"
            )
        ]
    lines = [CheckLine("settings", ok=True, detail=str(settings.home)), _peer_networks(settings)]
    checks: tuple[Callable[[Settings], list[CheckLine]], ...] = (_database, _chain)
    for check in checks:
        lines += check(settings)
    return lines + _tokens(settings) + _keys(settings, password_file)


def _peer_networks(settings: Settings) -> CheckLine:
    """Tell where other members may send this node by the address that they have said on the chain."""
    named = settings.http.peer_networks
    shown = ", ".join(map(str, named)) or "nowhere else"
    return CheckLine(
        "peer-networks",
        all(network.prefixlen > 0 for network in named),
        f"members' nodes are asked on the public internet, and besides: {shown}",
        "name the networks in which members' nodes are, not every address, in [http] peer_networks",
    )


def _database(settings: Settings) -> list[CheckLine]:
    try:
        place = settings.database
        require_made(place)
        current, needed = revisions(place)
        store = open_store(place)
        try:
            with store.read() as connection:
                found, engine = integrity(connection), engine_of(connection)
            former = _former(settings, store, current == needed)
        finally:
            store.dispose()
    except BonafidesError as error:
        return [CheckLine("database", ok=False, detail=str(error), mend=_mend_of(error.code))]
    return [
        CheckLine("database", found == "ok", f"{place} ({engine}): {found}", "restore it from its backup"),
        CheckLine(
            "schema",
            current == needed,
            f"revision {current}, needed {needed}",
            "`bonafides node run` brings it up to date",
        ),
        *former,
        _free_space("node-disk", settings.home),
    ]


def _mend_of(code: str) -> str:
    """Say what to do about a database that cannot be used."""
    return {
        "store-missing": "restore it from its backup, or make the node",
        "store-unsuitable": "make one with ENCODING 'UTF8' LC_COLLATE 'C' TEMPLATE template0, restore into it",
    }.get(code, "stop what locks it, free the disk, or start the server that it is on")


def _former(settings: Settings, store: Store, readable: bool) -> list[CheckLine]:
    """Look at the database of format 1 of a node that was migrated."""
    if not readable:
        return []
    with store.read() as connection:
        if find_log(connection) is None:
            return []
    mend = f"put the {settings.former_path.name} of this node there, from its directory of before or from a backup"
    try:
        require_own(settings, store)
    except BonafidesError as error:
        return [CheckLine("former-database", ok=False, detail=str(error), mend=mend)]
    return [CheckLine("former-database", ok=True, detail=str(settings.former_path))]


def _tokens(settings: Settings) -> list[CheckLine]:
    now = time.time_ns() // 1_000_000
    try:
        store = open_store(settings.database)
        try:
            with store.read() as connection:
                rows = staff_tokens(connection)
        finally:
            store.dispose()
    except CouldNotCheck as error:
        return [CheckLine("tokens", ok=False, detail=str(error), mend="mend the database first")]
    by_digest = {row.digest: row for row in rows}
    trouble = [f"{row.id} of {row.name} ends at {format_time(row.expires_at or 0)}" for row in ending_soon(rows, now)]
    if waiting := sum(row.ended(now) == UNCONFIRMED for row in rows):
        trouble.append(f"{waiting} came with a restored copy and are not confirmed")
    for role in TOKEN_ROLES[settings.member.role]:
        try:
            row = by_digest.get(token_digest(read_token(settings.home, role)))
        except CouldNotCheck:
            continue  # it may be kept elsewhere
        ended = "unknown" if row is None else row.ended(now)
        if ended is not None:
            trouble.append(f"the one in {token_file(settings.home, role)}: {ended}")
    valid = sum(row.ended(now) is None for row in rows)
    return [
        CheckLine(
            "tokens",
            not trouble,
            "; ".join(trouble) or f"{valid} valid, none ends within {WARN_MS // DAY_MS} days",
            "`bonafides token renew`, `token add` or `token confirm`; `token list` shows all",
        )
    ]


def _chain(settings: Settings) -> list[CheckLine]:
    try:
        rpc = JsonRpc(settings.rpc_endpoint, timeout_seconds=_RPC_SECONDS)
    except InvalidInput as error:
        return [CheckLine("chain", ok=False, detail=str(error), mend="correct [chain] of node.toml")]
    try:
        chain_id = int(rpc.call("eth_chainId"), 16)
        block = rpc.call("eth_getBlockByNumber", "latest", False)
        lines = [
            CheckLine(
                "chain",
                chain_id == settings.chain.chain_id,
                f"{rpc.shown} is chain {chain_id}, node.toml names {settings.chain.chain_id}",
                "correct [chain] of node.toml; a node with history refuses any other chain",
            ),
            _clock(int(block["timestamp"], 16)),
        ]
        found = contract_status(rpc, settings.chain.directory)
        lines.append(CheckLine("contracts", ok=True, detail=f"the Directory names {len(found) - 1} contracts"))
        if isinstance(settings.database, Path) and not settings.database.is_file():
            return lines
        return [*lines, _age(settings, Contracts(rpc, settings.chain.directory).head(settings.member.address).seq)]
    except BonafidesError as error:
        return [
            CheckLine("chain", ok=False, detail=str(error), mend="start the chain's node, or correct [chain] rpc_url")
        ]
    finally:
        rpc.close()


def _age(settings: Settings, on_chain: int) -> CheckLine:
    """Tell an older copy of the database, such as `cp` makes of one whose write-ahead log it leaves behind."""
    store = open_store(settings.database)
    try:
        with store.read() as connection:
            newest = anchors.latest(connection)
            since = restored.since(connection)
    finally:
        store.dispose()
    ours = newest.seq if newest else 0
    marked = "" if since is None else f"; marked as restored at {format_time(since)}, nothing is signed yet"
    return CheckLine(
        "database-age",
        on_chain <= ours and since is None,
        f"the chain holds {on_chain} anchors of this member, the database {ours}{marked}",
        "run the node: it reads the chain again and names what is missing; copy a running node by `node backup` only",
    )


def _clock(block_time: int) -> CheckLine:
    ahead = block_time - time.time()
    return CheckLine(
        "clock",
        ahead <= _MAX_SKEW_SECONDS,
        f"the newest block is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this clock",
        "let a time service set this machine's clock",
    )


def _keys(settings: Settings, password_file: Path | None) -> list[CheckLine]:
    private = [settings.keystore_path, *settings.keystore_path.glob("*"), *settings.tokens_path.glob("*")]
    open_to_others = [str(path) for path in private if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077]
    lines = [
        CheckLine(
            "key-files",
            not open_to_others,
            "readable by their owner only" if not open_to_others else f"open to others: {', '.join(open_to_others)}",
            "chmod -R go= on the node's directory",
        )
    ]
    if password_file is None and not os.environ.get(PASSWORD_VARIABLE):
        return [*lines, CheckLine("keystore", ok=True, detail=f"not opened: {PASSWORD_VARIABLE} is not set")]
    try:
        keys = Keystore.open(settings.keystore_path, read_password(file=password_file))
    except BonafidesError as error:
        return [
            *lines,
            CheckLine("keystore", ok=False, detail=str(error), mend="give the right password, or restore the keystore"),
        ]
    same = keys.address == settings.member.address
    lines.append(
        CheckLine("keystore", same, f"the account is {keys.address}", "restore the keystore of [member] address")
    )
    return lines + _registered(settings, keys)


def _registered(settings: Settings, keys: Keystore) -> list[CheckLine]:
    store = open_store(settings.database)
    try:
        with store.read() as connection:
            member = member_registry.members(connection).get(settings.member.address)
    except BonafidesError as error:
        return [CheckLine("membership", ok=False, detail=str(error), mend="mend the database first")]
    finally:
        store.dispose()
    if member is None:
        return [
            CheckLine(
                "membership", ok=False, detail="not in the index", mend="run the node; ask the consortium to admit it"
            )
        ]
    held = keys.find(lambda one: one.registered == member.held.key_set())
    same = held is not None
    return [
        CheckLine("membership", member.active, "active" if member.active else "suspended", "ask the consortium why"),
        CheckLine(
            "registered-keys",
            same,
            "the registry holds this keystore's keys" if same else "the registry holds others",
            "restore the keystore whose keys are registered",
        ),
    ]


def _free_space(name: str, path: Path) -> CheckLine:
    free = shutil.disk_usage(path).free
    return CheckLine(name, free >= _MIN_FREE_BYTES, f"{free // 1024**2} MiB free at {path}", "free at least 1 GiB")
