"""A node as it is run: what stands in its processes' environment and logs, and what happens when one is killed."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from node_adapter.init import configure
from node_adapter.loopback_ports import reserve_port
from node_adapter.workflows.identity.staff_tokens import read_token
from tests.integration.conftest import PASSWORD
from tests.waiting import wait_for_end, wait_until

pytestmark = pytest.mark.chain
COMMAND = str(Path(sys.executable).with_name("bonafides"))


@pytest.fixture
def running(consortium):
    home = consortium.homes[0]
    configure(home, {"http": {"host": "127.0.0.1", "port": reserve_port(home)}})
    log = (home.parent / "run.log").open("wb")
    process = subprocess.Popen(
        [COMMAND, "node", "run", str(home)],
        env=os.environ | {"BONAFIDES_KEYSTORE_PASSWORD": PASSWORD},
        stdout=subprocess.PIPE,
        stderr=log,
    )
    log.close()
    try:
        lines = []
        while lines[-1:] != [b"}\n"]:
            lines.append(process.stdout.readline())
            assert lines[-1], "it ended"
        yield home, process, json.loads(b"".join(lines))
    finally:
        process.terminate()
        process.stdout.close()
        wait_for_end(process)


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def named(pid, module):
    for child in children(pid):
        if module.encode() in Path(f"/proc/{child}/cmdline").read_bytes():
            return child
    return None


def is_ready(url):
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_node_keeps_its_secrets_tells_how_it_is_and_outlives_its_processes(running):
    home, process, told = running
    assert told["pid"] == process.pid
    wait_until(lambda: is_ready(told["health_url"]), "readiness")
    assert (home / "health.url").read_text("ascii").strip() == told["health_url"]

    # the password stands in no environment, and no token or password in a log
    pids = [process.pid, *children(process.pid)]
    assert len(pids) == 6
    assert not any(PASSWORD.encode() in Path(f"/proc/{pid}/environ").read_bytes() for pid in pids)
    # and no thread keeps for itself what it freed
    assert all(b"MALLOC_ARENA_MAX=2" in Path(f"/proc/{pid}/environ").read_bytes() for pid in pids[1:])
    token = read_token(home, "operator")
    with httpx.Client(base_url=told["url"], headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
        assert http.get("/v1/status").status_code == 200
        assert http.get("/v1/status", headers={"Authorization": "Bearer wrong-token-of-mine"}).status_code == 401
        assert http.post("/v1/facts", content=b"{", headers={"Content-Type": "application/json"}).status_code == 403

    # whoever watches the node is answered while strangers hold the interface
    with ExitStack() as stack:
        for _ in range(100):
            address = (httpx.URL(told["url"]).host, httpx.URL(told["url"]).port)
            stack.enter_context(socket.create_connection(address, timeout=10))
        assert httpx.get(f"{told['health_url']}/healthz", timeout=2).status_code == 200

    # a second run of the directory is refused with one sentence
    second = subprocess.run(
        [COMMAND, "node", "run", str(home)],
        env=os.environ | {"BONAFIDES_KEYSTORE_PASSWORD": PASSWORD},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (second.returncode, second.stderr.count("\n")) == (2, 1)
    assert "node-running" in second.stderr

    # a process that is killed comes again
    for module in ("node_adapter.chain_process", "api.server"):
        killed = named(process.pid, module)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda killed=killed: killed not in children(process.pid), "its end")
        wait_until(lambda: len(children(process.pid)) == 5, "the next one")
    wait_until(lambda: is_ready(told["health_url"]) and is_ready(told["url"]), "readiness")

    secrets = [PASSWORD, "wrong-token-of-mine", *(read_token(home, role) for role in ("operator", "broker-system"))]
    logs = [file for file in (home / "logs").iterdir() if file.stat().st_size]
    assert {stat.S_IMODE(file.stat().st_mode) for file in logs} == {0o600}
    assert stat.S_IMODE((home / "logs").stat().st_mode) == 0o700
    text = "".join(file.read_text("utf-8") for file in logs)
    assert "ended (-9)" in text
    assert not any(secret in text for secret in secrets)
