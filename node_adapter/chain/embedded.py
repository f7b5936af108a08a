"""The embedded chain: one anvil process that keeps its state in a network's directory.

It shows the protocol, not consensus: one process decides everything, so it refuses to be used as production.
The directory of a network:

    network.json   chain id (drawn once), port, process id
    state.json     what anvil writes on SIGTERM, or `save` asks it for; state.1.json .. state.3.json are older copies
    anvil.log

Anvil goes on making blocks while it writes, and then the accounts it wrote are ahead of the blocks; so it is made to
pause first, and it never writes by itself. A kill of anvil goes back to the last state that was written, and a torn
`state.json` to the newest whole copy. The chain is shorter then, and every node sends again what is missing.
"""

from __future__ import annotations

import gzip
import json
import os
import secrets
import shutil
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node_adapter.chain.errors import ChainUnavailable, JsonRpcError
from node_adapter.chain.rpc import HttpRpc
from primitives.errors import CouldNotCheck, InvalidInput, Refused

ANVIL_VARIABLE = "BONAFIDES_ANVIL"
ENVIRONMENT_VARIABLE = "BONAFIDES_ENVIRONMENT"
NETWORK_FILE = "network.json"
STATE_FILE = "state.json"
COPIES = 3
CLIENT_PREFIX = "anvil/"  # how the engine names itself in web3_clientVersion
_BINARY = Path("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")
_MIN_CHAIN_ID, _MAX_CHAIN_ID = 1_000_000, 2**31 - 1  # above the well-known chains, within what every client takes
_FIRST_PORT, _LAST_PORT, _PORT_TRIES = 20_000, 32_000, 50
_START_SECONDS = 20.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.02
_FIRST_PORT, _LAST_PORT = 20_000, 31_999
_PORT_TRIES = 100
_QUIESCE_SECONDS = 5.0
_SETTLE_SECONDS = 0.1


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


def up(directory: Path, port: int | None = None) -> EmbeddedChain:
    """Start the chain of a network's directory, or find it running; a new directory gets a new chain.

    Args:
        directory: the network's directory; made when it is missing.
        port: the loopback port; by default the one of the last run, or a free one.

    Raises:
        Refused: `embedded-in-production`, `port-taken`.
        CouldNotCheck: `anvil-missing`, `chain-start`.
    """
    refuse_in_production()
    directory.mkdir(parents=True, exist_ok=True)
    network = _read_network(directory) or {"embedded": True, "chain_id": _new_chain_id(), "port": None, "pid": None}
    pid = _living_pid(directory, network)
    if pid is not None:
        if port not in (None, network["port"]):
            raise Refused("port-taken", f"the chain of {directory} already runs on port {network['port']}")
        return EmbeddedChain(_url(network["port"]), network["chain_id"], pid)
    network["port"] = _usable_port(port or network["port"])
    _prepare_state(directory)
    pid = _start(directory, network)
    network["pid"] = pid
    _write_network(directory, network)
    _await_answer(pid, network, directory)
    return EmbeddedChain(_url(network["port"]), network["chain_id"], pid)


def down(directory: Path) -> bool:
    """Stop the chain; its state is written. Returns False when it did not run.

    Raises:
        CouldNotCheck: `chain-stop`, it does not end.
    """
    network = _read_network(directory)
    pid = _living_pid(directory, network) if network else None
    if pid is None:
        return False
    _quiesce(_url(network["port"]) if network else "")
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while _is_alive(pid):
        if time.monotonic() > deadline:
            raise CouldNotCheck("chain-stop", f"anvil (process {pid}) does not end; its state may not be written")
        time.sleep(_POLL_SECONDS)
    return True


def save(directory: Path) -> None:
    """Write the state of the running chain now, whole: what a kill of anvil falls back to. Blocks pause meanwhile.

    Raises:
        CouldNotCheck: `chain-unreachable`, it does not run.
    """
    url = status(directory).rpc_url
    _quiesce(url)
    rpc = HttpRpc(url, timeout_seconds=_STOP_SECONDS)
    try:
        packed = bytes.fromhex(str(rpc.call("anvil_dumpState")).removeprefix("0x"))
        temporary = directory / f"{STATE_FILE}.new"
        temporary.write_bytes(gzip.decompress(packed))
        _rotate(directory)
        temporary.replace(directory / STATE_FILE)
    finally:
        rpc.call("evm_setAutomine", True)
        if int(rpc.call("txpool_status")["pending"], 16):
            rpc.call("evm_mine")
        rpc.close()


def _quiesce(url: str) -> None:
    """Stop block making. A block made while anvil writes its state leaves accounts that are ahead of the blocks."""
    rpc = HttpRpc(url, timeout_seconds=_QUIESCE_SECONDS)
    try:
        rpc.call("evm_setAutomine", False)
        before = None
        while (block := rpc.call("eth_blockNumber")) != before:
            before = block
            time.sleep(_SETTLE_SECONDS)
    except (ChainUnavailable, JsonRpcError):
        pass  # it hangs or ends already: then nothing is to be stopped
    finally:
        rpc.close()


def status(directory: Path) -> EmbeddedStatus:
    """Say whether the chain of a directory runs.

    Raises:
        InvalidInput: the directory holds no network.
    """
    network = _read_network(directory)
    if network is None:
        raise InvalidInput("network", "missing", f"{directory} holds no network; `bonafides network up` makes one")
    url = _url(network["port"])
    pid = _living_pid(directory, network)
    block = None
    if pid is not None:
        rpc = HttpRpc(url)
        try:
            block = int(rpc.call("eth_blockNumber"), 16)
        except (ChainUnavailable, JsonRpcError):
            block = None
        finally:
            rpc.close()
    return EmbeddedStatus(pid is not None, url, network["chain_id"], pid, block)


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


def _start(directory: Path, network: dict[str, Any]) -> int:
    binary = str(find_anvil())
    arguments = [
        binary,
        *("--host", "127.0.0.1", "--port", str(network["port"]), "--chain-id", str(network["chain_id"])),
        *("--hardfork", "prague", "--prune-history", "--accounts", "0"),
        *("--gas-price", "0", "--block-base-fee-per-gas", "0", "--disable-min-priority-fee"),
        *("--state", str(directory.resolve() / STATE_FILE)),
        "--quiet",
    ]
    with (directory / "anvil.log").open("ab") as log, Path(os.devnull).open("rb") as nothing:
        actions = [
            (os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
            (os.POSIX_SPAWN_DUP2, log.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
        ]
        # A session of its own: a signal to the caller's terminal or group must not take the chain with it.
        return os.posix_spawn(binary, arguments, os.environ, file_actions=actions, setsid=True)


def _await_answer(pid: int, network: dict[str, Any], directory: Path) -> None:
    rpc = HttpRpc(_url(network["port"]), timeout_seconds=_START_SECONDS)
    deadline = time.monotonic() + _START_SECONDS
    try:
        while time.monotonic() < deadline:
            if not _is_alive(pid):
                raise CouldNotCheck("chain-start", f"anvil ended at once; see {directory / 'anvil.log'}")
            try:
                if int(rpc.call("eth_chainId"), 16) == network["chain_id"]:
                    return
            except (ChainUnavailable, JsonRpcError):
                pass
            time.sleep(_POLL_SECONDS)
    finally:
        rpc.close()
    raise CouldNotCheck("chain-start", f"anvil does not answer on port {network['port']}")


def _usable_port(port: int | None) -> int:
    if port is not None:
        reason = _why_not(port)
        if reason:
            raise Refused("port-taken", f"port {port} of 127.0.0.1 cannot be used: {reason}")
        return port
    # Below the range from which the kernel takes ports for outgoing connections: the port is kept for the next run,
    # and must not be somebody's connection by then.
    for _ in range(_PORT_TRIES):
        port = _FIRST_PORT + secrets.randbelow(_LAST_PORT - _FIRST_PORT + 1)
        if not _why_not(port):
            return port
    raise Refused("port-taken", f"found no free port between {_FIRST_PORT} and {_LAST_PORT} of 127.0.0.1")


def _why_not(port: int) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return str(error.strerror)
    return None


def _prepare_state(directory: Path) -> None:
    state = directory / STATE_FILE
    if state.exists() and _is_whole(state):
        _rotate(directory)
        return
    if state.exists():
        state.replace(directory / "state.torn.json")
    whole = next((copy for copy in _copies(directory) if copy.exists() and _is_whole(copy)), None)
    if whole is not None:
        shutil.copy2(whole, state)


def _rotate(directory: Path) -> None:
    """Keep the present state as the newest copy; the oldest copy goes."""
    copies = _copies(directory)
    for older, newer in zip(reversed(copies), reversed(copies[:-1]), strict=False):
        if newer.exists():
            newer.replace(older)
    state = directory / STATE_FILE
    if state.exists():
        shutil.copy2(state, copies[0])


def _copies(directory: Path) -> list[Path]:
    return [directory / f"state.{number}.json" for number in range(1, COPIES + 1)]


def _is_whole(state: Path) -> bool:
    try:
        return isinstance(json.loads(state.read_bytes()), dict)
    except (OSError, ValueError):
        return False


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
    # Process ids are used again: it is ours only if it keeps our state file.
    return pid if str(directory.resolve() / STATE_FILE).encode() in command else None


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
