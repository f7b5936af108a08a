"""The embedded chain keeps its state between runs, through a torn file and through a kill."""

import os
import signal
import time

import pytest

from node_adapter.chain import embedded
from node_adapter.chain.deploy import send_and_wait
from node_adapter.chain.rpc import HttpRpc
from node_adapter.keystore import Keystore
from primitives.errors import CouldNotCheck, InvalidInput, Refused

pytestmark = pytest.mark.chain


def head(chain):
    rpc = HttpRpc(chain.rpc_url)
    try:
        return int(rpc.call("eth_blockNumber"), 16)
    finally:
        rpc.close()


def grow(chain, count):
    rpc, signer = HttpRpc(chain.rpc_url), Keystore.generate().signer()
    for _ in range(count):
        send_and_wait(rpc, signer, chain.chain_id, signer.address, b"")
    rpc.close()


def test_the_state_is_kept_between_runs(anvil, tmp_path):
    directory = tmp_path / "network"
    grow(anvil, 3)
    assert embedded.down(directory)
    assert not embedded.down(directory)
    assert not embedded.status(directory).running
    again = embedded.up(directory)
    assert (again.chain_id, again.rpc_url) == (anvil.chain_id, anvil.rpc_url)
    assert head(again) == 3
    assert embedded.up(directory) == again  # it runs already
    assert embedded.status(directory).block == 3


def test_two_networks_are_two_chains(anvil, tmp_path):
    other = embedded.up(tmp_path / "other")
    try:
        assert other.chain_id != anvil.chain_id
        assert other.rpc_url != anvil.rpc_url
        taken = int(anvil.rpc_url.rpartition(":")[2])
        with pytest.raises(Refused, match="port-taken"):
            embedded.up(tmp_path / "third", taken)
    finally:
        embedded.down(tmp_path / "other")


def test_a_torn_state_falls_back_to_the_newest_whole_copy(anvil, tmp_path):
    directory = tmp_path / "network"
    grow(anvil, 2)
    embedded.down(directory)
    grow(embedded.up(directory), 2)
    embedded.down(directory)
    state = directory / embedded.STATE_FILE
    state.write_bytes(state.read_bytes()[:-200])
    assert head(embedded.up(directory)) == 2


def test_a_kill_falls_back_to_what_was_saved(anvil, tmp_path):
    directory = tmp_path / "network"
    grow(anvil, 2)
    embedded.save(directory)
    grow(anvil, 3)
    os.kill(anvil.pid, signal.SIGKILL)
    time.sleep(0.2)
    again = embedded.up(directory)
    assert head(again) == 2
    grow(again, 1)
    assert head(again) == 3


def test_a_directory_without_a_network_is_named(tmp_path):
    with pytest.raises(InvalidInput, match="network up"):
        embedded.status(tmp_path)


def test_a_missing_binary_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv(embedded.ANVIL_VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(CouldNotCheck, match="anvil-missing"):
        embedded.up(tmp_path / "network")


def test_no_account_is_funded(anvil):
    rpc = HttpRpc(anvil.rpc_url)
    assert rpc.call("eth_accounts") == []
    rpc.close()
