"""One run of the whole job, as `make demo` runs it; the network is left running for the tests of this folder."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.waiting import wait_until

COMMAND = Path(sys.executable).with_name("bonafides")
CLIENTS = "60"


@dataclass(frozen=True)
class Job:
    """What a finished run left behind."""

    out: Path
    summary: dict[str, Any]
    running: dict[str, Any]
    printed: str

    def home(self, member: str) -> Path:
        return Path(self.running["nodes"][member]["home"])

    def http(self, member: str, role: str | None) -> httpx.Client:
        headers = {}
        if role is not None:
            token = (self.home(member) / "tokens" / f"{role}.token").read_text("ascii").strip()
            headers["Authorization"] = f"Bearer {token}"
        return httpx.Client(base_url=self.running["nodes"][member]["url"], headers=headers, timeout=60)

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "BONAFIDES_KEYSTORE_PASSWORD": (self.out / "keystore.password").read_text("ascii").strip(),
            "BONAFIDES_WALLET_PASSWORD": (self.out / "wallet.password").read_text("ascii").strip(),
        }
        return subprocess.run(
            [COMMAND, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment,
            check=False,
        )


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    out = tmp_path_factory.mktemp("job") / "demo"
    done = subprocess.run(
        [COMMAND, "demo", "--clients", CLIENTS, "--keep", "--out", out],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    running = json.loads((out / "running.json").read_text("utf-8"))
    yield Job(out, json.loads((out / "summary.json").read_text("utf-8")), running, done.stdout)
    for node in running["nodes"].values():
        os.kill(node["pid"], signal.SIGTERM)
    for node in running["nodes"].values():
        _await_end(node["pid"])
    subprocess.run([COMMAND, "network", "down", out / "chain"], check=True, capture_output=True)


def _await_end(pid: int) -> None:
    def has_ended() -> bool:
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"

    wait_until(has_ended, f"the end of the node with process {pid}", every=0.1)
