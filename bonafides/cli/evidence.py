"""`bonafides evidence`: whether what a node keeps as evidence is whole. Works beside a running node."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bonafides.cli.support.node_store import opened_store
from bonafides.cli.support.options import DIRECTORY, FILE, verbatim
from bonafides.cli.support.output import json_bytes, read_limited, say, tell, write_file, write_json
from did.identifiers import member_did
from node_adapter.chain.contracts import Contracts
from node_adapter.chain.errors import JsonRpcError
from node_adapter.chain.rpc import JsonRpc, quantity
from node_adapter.fsck.chain import AskHead
from node_adapter.fsck.check import MAX_STATE_BYTES, Fsck, FsckState, read_state
from node_adapter.ports import MemberHead
from node_adapter.settings import Settings
from primitives.errors import CouldNotCheck

STATE_FILE = "fsck.json"
_TOLD_EACH = 1000
_RPC_SECONDS = 10.0


@click.group()
def evidence() -> None:
    """Check that what a node keeps as evidence is whole."""


@evidence.command(
    epilog=verbatim(
        "A check that was cut short goes on where it ended; one that was finished begins anew.",
        "Exit status: 0 all is the same, 1 a difference was found, 2 it could not be checked.",
        "",
        "Example:",
        "  bonafides evidence fsck --node nodes/a",
    )
)
@click.option("--node", "node_dir", type=DIRECTORY, required=True, help="The node's directory.")
@click.option("--resume", type=FILE, help=f"How far it has come. [default: {STATE_FILE} in the node's directory]")
@click.option("--offline", is_flag=True, help="Ask no chain: the log is held against the node's index of it alone.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def fsck(node_dir: Path, resume: Path | None, offline: bool, as_json: bool) -> int:
    """Go over records, log and map of a node, and ask the chain for the log's head; name the first difference."""
    settings = Settings.load(node_dir)
    broker = member_did(settings.chain.chain_id, settings.member.address)
    file = settings.home / STATE_FILE if resume is None else resume
    state = FsckState.begun(broker)
    if file.exists():
        state = read_state(read_limited(file, MAX_STATE_BYTES, "state"), broker)
    before, begun = sum(state.looked.values()), time.monotonic()
    told = before // _TOLD_EACH

    def save(reached: FsckState) -> None:
        nonlocal told
        write_file(file, json_bytes(reached.to_json()), private=True)
        total = sum(reached.looked.values())
        if total // _TOLD_EACH > told:
            told = total // _TOLD_EACH
            rate = (total - before) / max(time.monotonic() - begun, 0.001)
            tell(f"progress: {total} looked at, {rate:.0f} a second")

    with opened_store(node_dir) as store, _asked(settings, offline=offline) as ask:
        report = Fsck(store, settings.member.address, state, save, ask).run()
    file.unlink(missing_ok=True)  # it was finished, or is begun anew once the difference was mended
    if as_json:
        write_json(report)
        return 0 if report["same"] else 1
    for part, count in report["looked_at"].items():
        say(f"{part}: {count} looked at")
    for part, why in report["not_checked"].items():
        say(f"not checked: {part}: {why}")
    if (found := report["difference"]) is not None:
        say(f"DIFFERENCE in {found['part']}: {found['what']} at {found['where']}")
        say(f"  expected {found['expected']}")
        say(f"  found    {found['found']}")
    return 0 if report["same"] else 1


@contextmanager
def _asked(settings: Settings, *, offline: bool) -> Iterator[AskHead | None]:
    """Give what asks the chain for the head of this member's log; nothing where it is not to be asked."""
    if offline:
        yield None
        return
    rpc = JsonRpc(settings.rpc_endpoint, timeout_seconds=_RPC_SECONDS)

    def ask(block: int | None) -> MemberHead:
        at = "latest" if block is None else quantity(block)
        try:
            return Contracts(rpc, settings.chain.directory).head(settings.member.address, at)
        except JsonRpcError as error:  # most nodes keep the state of their newest blocks alone
            detail = f"{rpc.shown} does not tell of block {block}: let the node catch up, or check with --offline"
            raise CouldNotCheck("chain-state-unavailable", detail) from error

    try:
        yield ask
    finally:
        rpc.close()
