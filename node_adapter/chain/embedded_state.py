"""The state of the embedded chain on disk: whole copies only, replaced in one step.

    state.json                      what the next start loads
    state.1.json .. state.3.json    what it was before, newest first
    written.json                    what anvil itself writes when it is told to end by somebody else than `network down`

Three habits of the engine make a state that it wrote unfit to be loaded as it is:

* it replaces a file in place, so that a kill meanwhile leaves half of it;
* it goes on making blocks while it writes, and then the accounts are ahead of the blocks;
* each start makes another block 0, and the next dump holds them all: which of them answers after a load is chance, and
  a node that finds another block 0 than it knows rightly stops.

So every state is checked before it is kept, and of several blocks 0 only the parent of block 1 stays.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak

from evidence.chain.engines import KEPT_HEADERS
from primitives.errors import CouldNotCheck

STATE_FILE = "state.json"
WRITTEN_FILE = "written.json"
COPIES = 3


def keep_state(directory: Path, data: bytes) -> bool:
    """Make a dump the newest state if it is whole; return whether it is."""
    state = parse_state(data)
    if state is None:
        return False
    _replace(directory, without_other_genesis(state))
    return True


def prepare_state(directory: Path) -> Path | None:
    """Choose the newest whole state, make it `state.json`, and return that; None for a chain that has none yet.

    Raises:
        CouldNotCheck: `chain-state`, there are states and none of them is whole.
    """
    present = [file for file in _newest_first(directory) if file.exists()]
    for file in present:
        state = parse_state(_read(file))
        if state is None:
            continue
        mended = without_other_genesis(state)
        if file.name != STATE_FILE or mended is not state:
            _replace(directory, mended)
        (directory / WRITTEN_FILE).unlink(missing_ok=True)
        return directory / STATE_FILE
    if present:
        names = ", ".join(file.name for file in present)
        raise CouldNotCheck(
            "chain-state", f"none of {names} in {directory} is whole; move them away to begin a new chain"
        )
    return None


def parse_state(data: bytes) -> dict[str, Any] | None:
    """Return a dump as JSON, or None if it is torn or its accounts and its blocks are of two moments."""
    try:
        state = json.loads(data)
        numbers = {int(block["header"]["number"], 16) for block in state["blocks"]}
        sent = Counter(str(transaction["info"]["from"]).lower() for transaction in state["transactions"])
        nonces = {address.lower(): int(str(account["nonce"]), 0) for address, account in state["accounts"].items()}
        best = int(str(state["best_block_number"]), 0)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    # Only transactions move the nonce of an account that sends them: the two counts tell the moments apart.
    whole = numbers == set(range(best + 1)) and all(nonces.get(address) == count for address, count in sent.items())
    return state if whole else None


def without_other_genesis(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state with one block 0, the parent of block 1; the same object when it has no other."""
    first: list[Any] = []
    later: list[Any] = []
    for block in state["blocks"]:
        (later if int(block["header"]["number"], 16) else first).append(block)
    if len(first) == 1:
        return state
    parents = {block["header"]["parentHash"] for block in later if int(block["header"]["number"], 16) == 1}
    # Without a block 1 nobody has built on any of them, and the oldest is as good as another.
    genesis = next(
        (block for block in first if "0x" + keccak(KEPT_HEADERS.encode(block["header"])).hex() in parents),
        min(first, key=lambda block: int(block["header"]["timestamp"], 16)),
    )
    return state | {"blocks": [genesis, *later]}


def _newest_first(directory: Path) -> list[Path]:
    state, written = directory / STATE_FILE, directory / WRITTEN_FILE
    kept = [state, *_copies(directory)]
    is_newer = written.exists() and (not state.exists() or written.stat().st_mtime_ns > state.stat().st_mtime_ns)
    return [written, *kept] if is_newer else kept


def _copies(directory: Path) -> list[Path]:
    return [directory / f"state.{number}.json" for number in range(1, COPIES + 1)]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CouldNotCheck("chain-state", f"{file}: {error.strerror}") from error


def _replace(directory: Path, state: dict[str, Any]) -> None:
    """Write a state beside the others, then let it take the first place; at every instant there is a whole one."""
    new, newest, copies = directory / f"{STATE_FILE}.new", directory / STATE_FILE, _copies(directory)
    try:
        with new.open("wb") as stream:
            stream.write(json.dumps(state, separators=(",", ":")).encode())
            stream.flush()
            os.fsync(stream.fileno())
        for older, newer in zip(reversed(copies), reversed(copies[:-1]), strict=False):
            if newer.exists():
                newer.replace(older)
        if newest.exists() and parse_state(newest.read_bytes()) is not None:  # a torn one is no copy worth its place
            os.link(newest, copies[0])
        new.replace(newest)
    except OSError as error:
        raise CouldNotCheck("chain-state", f"{directory}: {error.strerror}") from error
