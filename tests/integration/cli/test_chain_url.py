"""The secrets in the URL of a chain's node: used by every command that calls it, told by none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[3]
SECRETS = ("hunter2", "s3cr3t-key")


@pytest.fixture
def run(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "BONAFIDES_KEYSTORE_PASSWORD": "a test password"}

    def run(*words, status=0):
        command = [sys.executable, "-m", "bonafides.cli.main", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment, check=False)
        assert done.returncode == status, done.stderr + done.stdout
        assert not [secret for secret in SECRETS if secret in done.stdout + done.stderr]
        return done.stdout

    return run


def test_credentials_and_query_are_used_and_not_told(anvil, tmp_path, run):
    url = anvil.rpc_url.replace("//", "//broker:hunter2@") + "/?key=s3cr3t-key"
    founders = []
    for name, role in (("a", "broker"), ("regulator", "regulator")):
        made = run("node", "init", tmp_path / name, "--name", name, "--role", role, "--port", 8099)
        (tmp_path / f"{name}.json").write_text(made, "utf-8")
        founders += ["--founder", tmp_path / f"{name}.json"]
    node, network = tmp_path / "a", tmp_path / "net.json"
    printed = run("contracts", "deploy", "--rpc-url", url, "--node", node, *founders, "--out", network)
    assert json.loads(printed) == json.loads(network.read_bytes())
    assert "rpc_url" not in json.loads(printed)  # everybody gets this file
    run("node", "configure", node, "--network", network, "--rpc-url", url)
    lines = {line["name"]: line for line in json.loads(run("doctor", "--node", node, "--json", status=1))}
    assert lines["chain"]["ok"]
    assert lines["chain"]["detail"].startswith(f"{anvil.rpc_url} is chain {anvil.chain_id}")
    run(
        "contracts",
        "status",
        "--rpc-url",
        url.replace(anvil.rpc_url.rpartition(":")[2], "9"),
        "--network",
        network,
        status=2,
    )
