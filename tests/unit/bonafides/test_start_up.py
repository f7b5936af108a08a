"""What a command or a process does at its start: costly libraries are loaded by who needs them."""

import subprocess
import sys

import pytest

from node_adapter.init import init_node

CHAIN_LIBRARIES = {"web3", "eth_account", "py_ecc", "aiohttp", "requests"}
MIGRATIONS = {"alembic"}
ABI = {"eth_abi", "eth_utils", "pydantic"}
STORE = {"sqlalchemy"}
VERIFYING_NEEDS_NONE = {"jinja2", "sqlite3", "coincurve", "py_arkworks_bls12381", "did"}
HTTP = {"httpx", "httpcore", "requests", "aiohttp"}


@pytest.mark.parametrize(
    ("module", "kept_out"),
    [
        ("bonafides.cli.main", CHAIN_LIBRARIES | MIGRATIONS | ABI | STORE | HTTP),
        ("bonafides.cli.fact", CHAIN_LIBRARIES | MIGRATIONS | ABI | STORE | HTTP),
        ("bonafides.cli.node", CHAIN_LIBRARIES | MIGRATIONS | ABI | HTTP),
        ("bonafides.cli.wallet", CHAIN_LIBRARIES | MIGRATIONS | ABI | STORE | HTTP),
        ("bonafides.cli.verify", CHAIN_LIBRARIES | MIGRATIONS | ABI | STORE | HTTP | VERIFYING_NEEDS_NONE),
        ("bonafides.cli.verify_alone", CHAIN_LIBRARIES | MIGRATIONS | ABI | STORE | HTTP | VERIFYING_NEEDS_NONE),
        ("bonafides.verify", CHAIN_LIBRARIES | MIGRATIONS | ABI | STORE | HTTP | VERIFYING_NEEDS_NONE),
        ("api.server", CHAIN_LIBRARIES | MIGRATIONS),
        ("api.app", CHAIN_LIBRARIES | MIGRATIONS),
        ("node_adapter.task_process", CHAIN_LIBRARIES | MIGRATIONS),
        ("node_adapter.chain.embedded_keeper", CHAIN_LIBRARIES | MIGRATIONS | STORE),
        ("bonafides.cli.promise", CHAIN_LIBRARIES | MIGRATIONS | ABI | STORE | HTTP),
        ("bonafides.cli.network", CHAIN_LIBRARIES | MIGRATIONS | STORE | HTTP),
        ("evidence.verify.bundle", CHAIN_LIBRARIES | MIGRATIONS | ABI | STORE),
        ("node_adapter.chain_process", MIGRATIONS),
    ],
)
def test_what_is_not_needed_is_not_loaded(module, kept_out):
    loaded = run_python(f"import sys, {module}; print(*sys.modules)")
    assert kept_out.isdisjoint(loaded), sorted(kept_out.intersection(loaded))


@pytest.mark.parametrize(
    "module", ["node_adapter.chain.libraries", "node_adapter.chain_process", "bonafides.cli.doctor"]
)
def test_the_chains_libraries_leave_the_recursion_limit_as_it_was(module):
    """One of them raises it a hundredfold for the whole process."""
    code = f"import sys; before = sys.getrecursionlimit(); import {module}; print(before, sys.getrecursionlimit())"
    before, after = run_python(code)
    assert before == after
    loaded = run_python("import sys, node_adapter.chain.libraries; print(*sys.modules)")
    assert set(loaded) >= CHAIN_LIBRARIES  # else the test above says nothing


def test_opening_a_keystore_loads_no_library_of_the_chain(tmp_path):
    """The web processes and the task process do it, and read what strangers write."""
    init_node(tmp_path / "node", name="A", role="broker", password="x", settings={})
    code = "import sys; from pathlib import Path; from node_adapter.keys.keystore import Keystore; "
    code += f"Keystore.open(Path({str(tmp_path / 'node' / 'keystore')!r}), 'x').signer(); print(*sys.modules)"
    assert CHAIN_LIBRARIES.isdisjoint(run_python(code))


def run_python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    return done.stdout.split()
