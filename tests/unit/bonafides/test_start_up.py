"""What a command or a process does at its start: costly libraries are loaded by who needs them."""

import os
import subprocess
import sys

import pytest

from api.wsgi import application
from node_adapter.init import init_node

CHAIN_LIBRARIES = {"web3", "eth_account", "py_ecc"}
MIGRATIONS = {"alembic"}
ABI = {"eth_abi", "eth_utils", "pydantic"}
STORE = {"sqlalchemy"}


@pytest.mark.parametrize(
    ("module", "kept_out"),
    [
        ("bonafides.cli.main", CHAIN_LIBRARIES | MIGRATIONS | ABI | STORE),
        ("bonafides.cli.broker", CHAIN_LIBRARIES | MIGRATIONS | ABI | STORE),
        ("bonafides.cli.node", CHAIN_LIBRARIES | MIGRATIONS | ABI),
        ("bonafides.cli.wallet_online", CHAIN_LIBRARIES | MIGRATIONS | ABI | STORE),
        ("bonafides.cli.verify", CHAIN_LIBRARIES | MIGRATIONS | STORE),
        ("api.wsgi", CHAIN_LIBRARIES | MIGRATIONS),
        ("node_adapter.chain_process", CHAIN_LIBRARIES | MIGRATIONS),
    ],
)
def test_what_is_not_needed_is_not_loaded(module, kept_out):
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True
    ).stdout.split()
    assert kept_out.isdisjoint(loaded), sorted(kept_out.intersection(loaded))


def test_the_application_is_made_without_opening_the_database(tmp_path, monkeypatch):
    """Gunicorn forks after it is made: a connection that its children shared would corrupt the file."""
    chain = {"rpc_url": "http://127.0.0.1:1", "chain_id": 7, "directory": "0x" + "11" * 20, "directory_block": 1}
    settings = {"chain": {**chain, "finality_depth": 1}, "http": {"host": "127.0.0.1", "port": 8080}}
    init_node(tmp_path / "node", name="A", role="broker", password="x", settings=settings)
    monkeypatch.setenv("BONAFIDES_KEYSTORE_PASSWORD", "x")
    monkeypatch.setenv("BONAFIDES_NODE_DIR", str(tmp_path / "node"))
    application()
    opened = [os.readlink(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd") if _is_open(number)]
    assert not [name for name in opened if "node.db" in name]


def _is_open(number):
    return os.path.islink(f"/proc/self/fd/{number}")
