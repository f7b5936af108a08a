"""The embedded chain: one anvil process that keeps its state in a network's directory.

It shows the protocol, not consensus: one process decides everything, so it refuses to be used as production.
The directory of a network:

    network.json   chain id (drawn once), port, process id
    state.json     the newest whole state, and older ones beside it: see `embedded_state`
    anvil.log      what anvil and the keeper of the copies say

Anvil never writes over `state.json`: `save`, which the keeper calls every few seconds and `down` before it ends the
chain, asks it for its state and checks what comes. A kill of anvil goes back to the last copy. The chain is shorter
then, and every node sends again what is missing.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node_adapter.chain.embedded_control import EmbeddedControl
from node_adapter.chain.embedded_state import STATE_FILE, WRITTEN_FILE, keep_state, prepare_state
from node_adapter.chain.errors import ChainUnavailable, JsonRpcError
from node_adapter.file_lock import file_lock
from node_adapter.loopback_ports import claim_port, reserve_port
from node_adapter.patience import Patience
from primitives.errors import CouldNotCheck, InvalidInput, Refused

ANVIL_VARIABLE = "BONAFIDES_ANVIL"
ENVIRONMENT_VARIABLE = "BONAFIDES_ENVIRONMENT"
NETWORK_FILE = "network.json"
LOG_FILE = "anvil.log"
CLIENT_PREFIX = "anvil/"  # how the engine names itself in web3_clientVersion
_BINARY = Path("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")
_MIN_CHAIN_ID, _MAX_CHAIN_ID = 1_000_000, 2**31 - 1  # above the well-known chains, within what every client takes
_KEPT_STATES = 64  # with fewer, a call at `latest` finds its block gone when the next one is made meanwhile
_NEVER_SECONDS = 10**9  # anvil writes when it ends, not by itself
_START_SECONDS = 60.0
_FIRST_ANSWER_SECONDS = 1.0  # a stranger that listens there may never answer
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.02
_PORT_TRIES = 5
_DUMP_TRIES = 4
_LAST_WORDS = 500
_PORT_IS_TAKEN = "Address already in use"


@dataclass(frozen=True)
class EmbeddedChain:
    """A running embedded chain."""

    rpc_url: str
    chain_id: int
    pid: int


@dataclass(frozen=True)
class EmbeddedStatus:
    """What is known of a network's chain. `block` is None when it does not run."""

    running: bool
    rpc_url: str
    chain_id: int
    pid: int | None
    block: int | None


def up(directory: Path, port: int | None = None, since: int | None = None) -> EmbeddedChain:
    """Start the chain of a network's directory, or find it running; a new directory gets a new chain.

    Args:
        directory: the network's directory; made when it is missing.
        port: the loopback port; by default the one of the last run, or a free one.
        since: the time of a new chain's first block, in seconds; its clock goes on from there until it is stopped. By
            default the machine's.

    Raises:
        Refused: `embedded-in-production`, `port-taken`; `chain-exists`, `since` is of a new chain alone.
        CouldNotCheck: `anvil-missing`, `chain-start`, `chain-state`.
    """
    refuse_in_production()
    directory.mkdir(parents=True, exist_ok=True)
    with _alone(directory, "network.lock"):
        known = _read_network(directory)
        if known is not None and since is not None:
            raise Refused("chain-exists", f"the chain of {directory} has its first block already")
        network = known or {"embedded": True, "chain_id": _new_chain_id(), "port": None, "pid": None}
        pid = _living_pid(directory, network)
        if pid is None:
            find_anvil()
            pid = _start(directory, network, port, since)
        elif port not in (None, network["port"]):
            raise Refused("port-taken", f"the chain of {directory} already runs on port {network['port']}")
        else:
            _resume(network["port"])
        _start_keeper(directory, pid)
        return EmbeddedChain(_url(network["port"]), network["chain_id"], pid)


def down(directory: Path) -> bool:
    """Stop the chain; its state is written. Returns False when it did not run.

    Raises:
        InvalidInput: the directory holds no network.
        CouldNotCheck: `chain-stop`, it does not end.
    """
    if _read_network(directory) is None:
        raise _no_network(directory)
    with _alone(directory, "network.lock"):
        network = _read_network(directory)
        pid = _living_pid(directory, network) if network else None
        if network is None or pid is None:
            return False
        saved = _save_and_pause(directory, network["port"])
        os.kill(pid, signal.SIGTERM)
        patience = Patience(_STOP_SECONDS)
        while _is_alive(pid):
            if patience.is_over():
                raise CouldNotCheck("chain-stop", f"anvil (process {pid}) does not end; {_last_words(directory, 0)}")
            time.sleep(_POLL_SECONDS)
        if saved:  # what anvil wrote as it ended says the same, unchecked
            (directory / WRITTEN_FILE).unlink(missing_ok=True)
        return True


def save(directory: Path) -> None:
    """Write the state of the running chain now, whole: what a kill of anvil falls back to.

    Raises:
        CouldNotCheck: `chain-unreachable`, it does not run; `chain-state`, it gives no whole state.
    """
    network = _read_network(directory)
    if network is None:
        raise _no_network(directory)
    control = EmbeddedControl(network["port"])
    with _alone(directory, "state.lock"):
        for _ in range(_DUMP_TRIES):  # nearly always the first is whole, and no block has to wait
            if keep_state(directory, control.dump()):
                return
        with control.paused():
            whole = keep_state(directory, control.dump())
    if not whole:
        raise CouldNotCheck("chain-state", "anvil gives a state whose accounts and blocks are of two moments")


def _save_and_pause(directory: Path, port: int) -> bool:
    """Write the last state and make no block after it. Return False when the chain hangs or ends already."""
    control = EmbeddedControl(port)
    try:
        control.pause()
        with _alone(directory, "state.lock"):
            return keep_state(directory, control.dump())
    except (ChainUnavailable, JsonRpcError):
        return False
    except CouldNotCheck:  # the disk is full: better a chain that goes on than one that ends unwritten
        _resume(port)
        raise


def _resume(port: int) -> None:
    """Make blocks again in a chain that somebody paused and then died."""
    with suppress(ChainUnavailable, JsonRpcError):  # it hangs: whoever uses it next will say so
        EmbeddedControl(port).resume()


def status(directory: Path) -> EmbeddedStatus:
    """Say whether the chain of a directory runs.

    Raises:
        InvalidInput: the directory holds no network.
    """
    network = _read_network(directory)
    if network is None:
        raise _no_network(directory)
    pid = _living_pid(directory, network)
    block = None
    if pid is not None:
        try:
            block = EmbeddedControl(network["port"]).block_number()
        except (ChainUnavailable, JsonRpcError):
            block = None
    return EmbeddedStatus(pid is not None, _url(network["port"]), network["chain_id"], pid, block)


def refuse_in_production() -> None:
    """Refuse to go on where the environment is declared to be production.

    Raises:
        Refused: `embedded-in-production`.
    """
    if os.environ.get(ENVIRONMENT_VARIABLE) == "production":
        raise Refused(
            "embedded-in-production",
            f"the embedded chain is one process without consensus; {ENVIRONMENT_VARIABLE}=production forbids it",
        )


def find_anvil() -> Path:
    """Return anvil's platform binary; the JavaScript wrapper would die before the state is written.

    Raises:
        CouldNotCheck: `anvil-missing`.
    """
    given = os.environ.get(ANVIL_VARIABLE)
    roots = [Path.cwd(), *Path.cwd().parents, *Path(__file__).resolve().parents]
    for candidate in [Path(given)] if given else [root / _BINARY for root in roots]:
        if os.access(candidate, os.X_OK):
            return candidate
    raise CouldNotCheck(
        "anvil-missing", f"anvil is not installed: run `make setup` in the checkout, or set {ANVIL_VARIABLE}"
    )


def _new_chain_id() -> int:
    return _MIN_CHAIN_ID + secrets.randbelow(_MAX_CHAIN_ID - _MIN_CHAIN_ID)


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _start(directory: Path, network: dict[str, Any], port: int | None, since: int | None) -> int:
    """Start anvil and wait for its answer; write down where it is."""
    is_drawn = port is None and network["port"] is None
    state, words = prepare_state(directory), ""
    for tries_left in reversed(range(_PORT_TRIES)):
        if is_drawn:
            network["port"] = reserve_port(directory)
        else:
            network["port"] = port or network["port"]
            claim_port(network["port"], directory)
        log_size = _log_size(directory)
        pid = _spawn_anvil(directory, network, state, since)
        network["pid"] = pid
        _write_network(directory, network)
        if _await_answer(pid, network, directory):
            _check_genesis(network["port"])
            return pid
        words = _last_words(directory, log_size)
        if not (is_drawn and tries_left and _PORT_IS_TAKEN in words):  # a stranger was faster than the bind
            break
    raise CouldNotCheck("chain-start", f"anvil ended at once: {words}")


def _spawn_anvil(directory: Path, network: dict[str, Any], state: Path | None, since: int | None) -> int:
    home = directory.resolve()
    arguments = [
        str(find_anvil()),
        *("--host", "127.0.0.1", "--port", str(network["port"]), "--chain-id", str(network["chain_id"])),
        *("--hardfork", "prague", "--prune-history", str(_KEPT_STATES), "--accounts", "0"),
        *("--gas-price", "0", "--block-base-fee-per-gas", "0", "--disable-min-priority-fee"),
        *(("--timestamp", str(since)) if since is not None else ()),
        *(("--load-state", str(home / STATE_FILE)) if state is not None else ()),
        *("--dump-state", str(home / WRITTEN_FILE), "--state-interval", str(_NEVER_SECONDS)),
        "--quiet",
    ]
    return _spawn(directory, arguments)


def _start_keeper(directory: Path, pid: int) -> None:
    keeper = "node_adapter.chain.embedded_keeper"
    _spawn(directory, [sys.executable, "-m", keeper, str(directory.resolve()), str(pid)])


def _spawn(directory: Path, arguments: list[str]) -> int:
    with (directory / LOG_FILE).open("ab") as log, Path(os.devnull).open("rb") as nothing:
        actions = [
            (os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
            (os.POSIX_SPAWN_DUP2, log.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
        ]
        # A session of its own: a signal to the caller's terminal or group must not take the chain with it.
        return os.posix_spawn(arguments[0], arguments, os.environ, file_actions=actions, setsid=True)


def _await_answer(pid: int, network: dict[str, Any], directory: Path) -> bool:
    """Wait until anvil answers; return False when it has ended.

    Raises:
        CouldNotCheck: `chain-start`, it lives and does not answer.
    """
    control = EmbeddedControl(network["port"])
    patience = Patience(_START_SECONDS)
    while _is_alive(pid):
        try:
            if control.chain_id(_FIRST_ANSWER_SECONDS) == network["chain_id"]:
                return True
        except (ChainUnavailable, JsonRpcError):
            pass
        if patience.is_over():
            raise CouldNotCheck("chain-start", f"anvil does not answer on port {network['port']}; see {directory}")
        time.sleep(_POLL_SECONDS)
    return False


def _check_genesis(port: int) -> None:
    """Hold the engine to what `embedded_state` believes of it: the block 0 that answers is the one that was built on.

    Raises:
        CouldNotCheck: `chain-start`, it is another.
    """
    control = EmbeddedControl(port)
    genesis, first = (control.call("eth_getBlockByNumber", number, False) for number in ("0x0", "0x1"))
    if first is not None and first["parentHash"] != genesis["hash"]:
        raise CouldNotCheck("chain-start", "anvil answers with another block 0 than the one its block 1 was built on")


def _last_words(directory: Path, since: int) -> str:
    try:
        with (directory / LOG_FILE).open("rb") as log:
            log.seek(max(since, _log_size(directory) - _LAST_WORDS))
            text = log.read().decode("utf-8", "replace").strip()
    except OSError:
        text = ""
    return text or f"without a word; see {directory / LOG_FILE}"


def _log_size(directory: Path) -> int:
    try:
        return (directory / LOG_FILE).stat().st_size
    except OSError:
        return 0


def _alone(directory: Path, name: str) -> AbstractContextManager[int]:
    """Hold a lock of a network's directory: two commands may be given at once."""
    return file_lock(directory / name, unwritable="network-unwritable")


def _no_network(directory: Path) -> InvalidInput:
    return InvalidInput("network", "required", f"{directory} holds no network; `bonafides network up` makes one")


def _read_network(directory: Path) -> dict[str, Any] | None:
    file = directory / NETWORK_FILE
    try:
        network = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InvalidInput("network.json", "json", f"{file} cannot be read: {error}") from error
    if not isinstance(network, dict) or not {"chain_id", "port", "pid"} <= set(network):
        raise InvalidInput("network.json", "shape", f"{file} is not a network of ours")
    return network


def _write_network(directory: Path, network: dict[str, Any]) -> None:
    file = directory / NETWORK_FILE
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps(network, indent=1) + "\n", "utf-8")
    temporary.replace(file)


def _living_pid(directory: Path, network: dict[str, Any]) -> int | None:
    pid = network["pid"]
    if not isinstance(pid, int) or not _is_alive(pid):
        return None
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    # Process ids are used again: it is ours only if it would write our state file.
    return pid if str(directory.resolve() / WRITTEN_FILE).encode() in command else None


def _is_alive(pid: int) -> bool:
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:  # our own child has ended and was waiting to be collected
            return False
    except ChildProcessError:
        pass
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")
