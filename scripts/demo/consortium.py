"""The consortium of the demo: an embedded chain, two founding brokers and a regulator, and a third broker by vote."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from scripts.demo.surface import Command, DemoError, Http, wait_until

BROKERS = ("alpha", "beta", "gamma")
FOUNDING_BROKERS = ("alpha", "beta")
REGULATOR = "regulator"
_TITLES = {
    "alpha": "Alpha Securities (synthetic)",
    "beta": "Beta Securities (synthetic)",
    "gamma": "Gamma Securities (synthetic)",
    REGULATOR: "Regulator (synthetic)",
}
# Short periods, so that a run of two minutes shows what a day does. Production values stand in the settings' defaults.
_ANCHORING = ("--period-seconds", "1", "--promise-seconds", "60", "--heartbeat-seconds", "30")


@dataclass
class Member:
    """One member's node as the demo sees it: a directory, a URL and the tokens of its staff."""

    name: str
    home: Path
    address: str
    port: int
    signing_key: str
    did: str = ""
    process: subprocess.Popen[bytes] | None = None
    _clients: dict[str, Http] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the node listens: loopback."""
        return f"http://127.0.0.1:{self.port}"

    def has_ended(self) -> bool:
        """Say whether the node's process is over, or was never started."""
        return self.process is None or self.process.poll() is not None

    def as_role(self, role: str) -> Http:
        """Return an HTTP client with the token of a role of this member's staff."""
        if role not in self._clients:
            self._clients[role] = Http(self.url, self.token(role))
        return self._clients[role]

    def token(self, role: str) -> str:
        """Return the token of a role of this member's staff."""
        return (self.home / "tokens" / f"{role}.token").read_text(encoding="ascii").strip()


class Consortium:
    """Everything that runs: the chain and the members' nodes. `close` stops what `open` started."""

    def __init__(self, directory: Path) -> None:
        """Draw the passwords of this run; they are kept in the environment of our own processes only."""
        self.directory = directory
        self.members: dict[str, Member] = {}
        self.network_file = directory / "network.json"
        self.wallet = directory / "wallet"
        self._passwords = {name: secrets.token_hex(16) for name in ("keystore", "wallet")}
        self.command = Command(
            {f"BONAFIDES_{name.upper()}_PASSWORD": password for name, password in self._passwords.items()}
        )
        self.rpc_url = ""
        self.chain_id = 0

    def start_chain(self, *words: str) -> None:
        """Start the embedded chain, a new one where there is none."""
        chain = self.command.json("network", "up", str(self.directory / "chain"), *words)
        self.rpc_url, self.chain_id = chain["rpc_url"], chain["chain_id"]

    def make_nodes(self) -> None:
        """Make the four node directories, each with keys of its own."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            made = pool.map(self._make_node, [*BROKERS, REGULATOR])
        self.members = {member.name: member for member in made}

    def deploy(self) -> dict[str, Any]:
        """Deploy the contracts with two brokers and the regulator as founders, and point every node at them."""
        founders = [("--founder", str(self._member_file(name))) for name in (*FOUNDING_BROKERS, REGULATOR)]
        network: dict[str, Any] = self.command.json(
            *("contracts", "deploy", "--node", str(self.members["alpha"].home), "--rpc-url", self.rpc_url),
            *(word for pair in founders for word in pair),
            *("--veto-blocks", "1", "--out", str(self.network_file)),
        )
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(self._configure, self.members.values()))
        return network

    def start_nodes(self, *names: str) -> None:
        """Start nodes, and wait until each says that it is ready."""
        for name in names:
            member = self.members[name]
            log = member.home / "logs" / "node.log"
            member.process = self.command.start("node", "run", str(member.home), log=log)
        for name in names:
            self.await_ready(self.members[name])

    def stop_chain(self) -> None:
        """Stop the embedded chain; its state is kept."""
        self.command.run("network", "down", str(self.directory / "chain"))

    def stop_node(self, name: str) -> None:
        """Stop one node with SIGTERM."""
        process = self.members[name].process
        if process is not None:
            process.send_signal(signal.SIGTERM)
            wait_until(self.members[name].has_ended, what=f"the end of the node of {name}", seconds=60)
            self.members[name].process = None

    def admit_third_broker(self) -> None:
        """Admit gamma by the founders' votes; the regulator lets the veto period pass."""
        alpha, beta = (str(self.members[name].home) for name in FOUNDING_BROKERS)
        applicant = str(self._member_file("gamma"))
        proposal = str(
            self.command.json("member", "propose-admission", "--node", alpha, "--applicant", applicant)["proposal"]
        )
        self.command.run("member", "vote", "--node", alpha, proposal)
        self.command.run("member", "vote", "--node", beta, proposal)
        self.command.run("member", "execute", "--node", beta, proposal)

    def keep(self) -> None:
        """Leave everything running: write the passwords of this run to private files, and what runs where."""
        for name, password in self._passwords.items():
            file = self.directory / f"{name}.password"
            file.touch(mode=0o600)
            file.write_text(password + "\n", encoding="ascii")
        running = {
            "rpc_url": self.rpc_url,
            "chain_id": self.chain_id,
            "nodes": {
                member.name: {"home": str(member.home), "url": member.url, "pid": member.process.pid}
                for member in self.members.values()
                if member.process is not None
            },
        }
        (self.directory / "running.json").write_text(json.dumps(running, indent=1) + "\n", encoding="utf-8")

    def close(self) -> None:
        """Stop the nodes, then the chain, which writes its state."""
        for member in self.members.values():
            if member.process is not None:
                member.process.send_signal(signal.SIGTERM)
        for member in self.members.values():
            if member.process is not None:
                try:
                    wait_until(member.has_ended, what=f"the end of the node of {member.name}", seconds=60)
                except DemoError:
                    member.process.kill()
        if self.rpc_url:
            self.stop_chain()

    def _make_node(self, name: str) -> Member:
        home = self.directory / "nodes" / name
        role = "regulator" if name == REGULATOR else "broker"
        made = self.command.json("node", "init", str(home), "--name", _TITLES[name], "--role", role, "--port", "0")
        self._member_file(name).write_text(json.dumps(made), encoding="utf-8")
        member = made["member"]
        return Member(name, home, member["address"], made["port"], member["keys"]["signing"])

    def _configure(self, member: Member) -> None:
        peers = [("--peer", f"{peer.address}={peer.url}") for peer in self.members.values() if peer.name != member.name]
        self.command.run(
            *("node", "configure", str(member.home), "--network", str(self.network_file), "--rpc-url", self.rpc_url),
            *("--finality-depth", "1", *_ANCHORING),
            *(word for pair in peers for word in pair),
        )
        member.did = f"did:ethr:{hex(self.chain_id)}:{member.address}"

    def _member_file(self, name: str) -> Path:
        return self.directory / f"member-{name}.json"

    def await_ready(self, member: Member) -> None:
        """Wait until a node says that it can accept facts."""

        def ready() -> bool:
            self.require_alive()
            return _answers(member)

        wait_until(ready, what=f"the node of {member.name}", seconds=120, every=0.1)

    def await_level(self, *names: str) -> None:
        """Wait until the nodes named have read as much of the chain as any node has now: one may ask what another did.

        That a node has written something says nothing of the others, which follow the chain by themselves.
        """

        def read(member: Member) -> int:
            self.require_alive()
            return int(member.as_role("operator").get("/v1/status")["chain"]["indexed"]["number"])

        newest = max(read(member) for member in self.members.values() if member.process is not None)
        for name in names:
            wait_until(lambda at=self.members[name]: read(at) >= newest, what=f"block {newest} at {name}")

    def require_alive(self) -> None:
        """Say that a node has ended, and its last words; nobody waits for an answer of one that has.

        Raises:
            DemoError: one has.
        """
        for member in self.members.values():
            if member.process is not None and member.has_ended():
                log = (member.home / "logs" / "node.log").read_text(encoding="utf-8", errors="replace")
                raise DemoError(f"the node of {member.name} ended with {member.process.returncode}:\n{log[-2000:]}")


def still_running(directory: Path) -> list[int]:
    """Return the processes of a kept network that still run in a directory."""
    file = directory / "running.json"
    if not file.exists():
        return []
    nodes = json.loads(file.read_bytes())["nodes"].values()
    return [node["pid"] for node in nodes if node["home"].encode() in _command_line(node["pid"])]


def how_to_stop(directory: Path) -> str:
    """Return the shell command that stops a kept network."""
    pids = " ".join(str(pid) for pid in still_running(directory))
    return f"kill {pids}; bonafides network down {directory / 'chain'}"


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _answers(member: Member) -> bool:
    try:
        Http(member.url).get("/readyz")
    except (DemoError, httpx.TransportError):
        return False
    return True
