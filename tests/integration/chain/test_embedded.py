"""The embedded chain keeps its state between runs, through a torn file and through a kill."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from node_adapter.chain import embedded, embedded_keeper
from node_adapter.chain.deploy import send_and_wait
from node_adapter.chain.embedded_control import EmbeddedControl
from node_adapter.chain.rpc import HttpRpc
from node_adapter.keys.keystore import Keystore
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from tests.waiting import wait_until
from tests.world.kills import keeper_of

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


def genesis(chain):
    rpc = HttpRpc(chain.rpc_url)
    try:
        return rpc.call("eth_getBlockByNumber", "0x0", False)["hash"]
    finally:
        rpc.close()


def test_block_0_stays_what_it_was_through_many_restarts(anvil, tmp_path):
    """Each start of anvil makes a block 0, each dump holds them all, and which one is loaded is chance."""
    directory = tmp_path / "network"
    first = genesis(anvil)
    grow(anvil, 1)
    for number in range(1, 9):
        embedded.down(directory)
        chain = embedded.up(directory)
        assert (genesis(chain), head(chain)) == (first, number)
        grow(chain, 1)


def test_a_network_that_holds_several_blocks_0_is_mended(anvil, tmp_path):
    directory = tmp_path / "network"
    first = genesis(anvil)
    grow(anvil, 2)
    embedded.down(directory)
    state = directory / embedded.STATE_FILE
    dump = json.loads(state.read_bytes())
    (block,) = [block for block in dump["blocks"] if block["header"]["number"] == "0x0"]
    others = [block | {"header": block["header"] | {"timestamp": hex(number)}} for number in (1, 2, 3)]
    for blocks in ([*others, *dump["blocks"]], [*dump["blocks"], *others]):
        state.write_text(json.dumps(dump | {"blocks": blocks}), "utf-8")
        chain = embedded.up(directory)
        assert (genesis(chain), head(chain)) == (first, 2)
        embedded.down(directory)


def test_a_torn_state_falls_back_to_the_newest_whole_copy(anvil, tmp_path):
    directory = tmp_path / "network"
    grow(anvil, 2)
    embedded.down(directory)
    kept = (directory / embedded.STATE_FILE).read_bytes()
    grow(embedded.up(directory), 2)
    embedded.down(directory)
    (directory / "state.1.json").write_bytes(kept)
    state = directory / embedded.STATE_FILE
    state.write_bytes(state.read_bytes()[:-200])
    assert head(embedded.up(directory)) == 2


def test_a_chain_without_any_whole_state_is_not_begun_anew_in_silence(anvil, tmp_path):
    directory = tmp_path / "network"
    grow(anvil, 2)
    embedded.down(directory)
    for state in directory.glob("state*.json"):
        state.write_bytes(state.read_bytes()[:-200])
    with pytest.raises(CouldNotCheck, match=r"none of state\.json.* is whole"):
        embedded.up(directory)


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    while embedded._is_alive(pid):
        time.sleep(0.01)


def test_a_kill_falls_back_to_what_was_saved(anvil, tmp_path):
    directory = tmp_path / "network"
    grow(anvil, 2)
    embedded.save(directory)
    grow(anvil, 3)
    kill(anvil.pid)
    again = embedded.up(directory)
    assert 2 <= head(again) <= 5  # the keeper may have saved once more
    reached = head(again)
    grow(again, 1)
    assert head(again) == reached + 1


def test_a_kill_while_the_state_is_written_leaves_a_whole_one(anvil, tmp_path):
    """Whatever instant of a save is hit, the chain comes back with its block 0, and not before the last whole copy."""
    directory = tmp_path / "network"
    first = genesis(anvil)
    grow(anvil, 20)
    embedded.save(directory)
    chain, kept = anvil, 20
    for number in range(8):
        grow(chain, 2)
        saver = subprocess.Popen([sys.executable, "-c", SAVE_FOR_EVER, str(directory)])
        time.sleep(0.3 + 0.037 * number)
        kill(chain.pid)
        saver.kill()
        saver.wait()
        chain = embedded.up(directory)
        assert genesis(chain) == first
        assert head(chain) >= kept
        kept = head(chain)


SAVE_FOR_EVER = """
import sys, pathlib
from node_adapter.chain import embedded
while True:
    embedded.save(pathlib.Path(sys.argv[1]))
"""


def test_copies_are_taken_while_the_chain_runs(anvil, tmp_path):
    """Nobody calls `save`: a kill loses the last seconds, not everything since the start."""
    directory = tmp_path / "network"
    grow(anvil, 3)
    wait_until((directory / embedded.STATE_FILE).exists, "a copy")
    kill(anvil.pid)
    assert head(embedded.up(directory)) == 3


def test_the_keeper_of_a_killed_chain_does_not_keep_the_next_one_away(tmp_path):
    """It may hold the lock for as long as its last copy takes; a chain without a keeper would lose everything."""
    directory = tmp_path / "network"
    directory.mkdir()
    lock = os.open(directory / embedded_keeper.LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # as the keeper of a chain that is gone
    os.pwrite(lock, b"1", 0)
    chain = embedded.up(directory)
    keeper = threading.Thread(target=embedded_keeper.keep, args=(directory, chain.pid))
    try:
        grow(chain, 2)
        keeper.start()
        keeper.join(1)
        assert keeper.is_alive(), "it has left its chain alone"
        os.close(lock)
        wait_until((directory / embedded.STATE_FILE).exists, "a copy")
    finally:
        embedded.down(directory)
        keeper.join()


def test_a_chain_whose_keeper_was_killed_says_so_and_gets_another(anvil, tmp_path):
    directory = tmp_path / "network"
    wait_until(lambda: embedded_keeper.is_kept(directory), "the keeper")
    kill(keeper_of(directory))
    assert not embedded_keeper.is_kept(directory)
    embedded.up(directory)
    wait_until(lambda: embedded_keeper.is_kept(directory), "the next keeper")


def test_a_chain_that_was_ended_by_the_machine_keeps_its_state(anvil, tmp_path):
    """On a shutdown every process gets SIGTERM, and nobody says `network down`."""
    directory = tmp_path / "network"
    grow(anvil, 3)
    os.kill(anvil.pid, signal.SIGTERM)
    while embedded._is_alive(anvil.pid):
        time.sleep(0.01)
    again = embedded.up(directory)
    assert head(again) == 3
    assert not (directory / embedded.WRITTEN_FILE).exists()


def test_a_chain_that_was_paused_by_a_dead_process_goes_on(anvil, tmp_path):
    EmbeddedControl(int(anvil.rpc_url.rpartition(":")[2])).pause()
    embedded.up(tmp_path / "network")
    grow(anvil, 1)


def test_latest_is_answered_while_blocks_are_made(anvil):
    """With the state of one block only, anvil loses `latest` under the caller whenever another block is made."""
    over = threading.Event()

    def flood():
        while not over.is_set():
            grow(anvil, 10)

    threads = [threading.Thread(target=flood) for _ in range(2)]
    for thread in threads:
        thread.start()
    rpc = HttpRpc(anvil.rpc_url)
    try:
        for _ in range(300):
            assert rpc.call("eth_call", {"to": "0x" + "11" * 20, "data": "0x"}, "latest") == "0x"
    finally:
        over.set()
        rpc.close()
        for thread in threads:
            thread.join()


def test_anvil_that_cannot_start_says_why_in_its_own_words(tmp_path, monkeypatch):
    words = tmp_path / "anvil"
    words.write_text("#!/bin/sh\necho this machine has no room for a chain >&2\nexit 1\n", "utf-8")
    words.chmod(0o755)
    monkeypatch.setenv(embedded.ANVIL_VARIABLE, str(words))
    with pytest.raises(CouldNotCheck, match="no room for a chain"):
        embedded.up(tmp_path / "network")


def test_a_port_that_a_stranger_took_first_is_drawn_again(tmp_path, monkeypatch):
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        taken, draw = stranger.getsockname()[1], embedded.reserve_port
        drawn = iter([taken])
        monkeypatch.setattr(embedded, "reserve_port", lambda owner: next(drawn, None) or draw(owner))
        chain = embedded.up(tmp_path / "network")
    try:
        assert chain.rpc_url != f"http://127.0.0.1:{taken}"
        assert head(chain) == 0
    finally:
        embedded.down(tmp_path / "network")


def test_the_port_of_a_stopped_network_is_not_given_to_another(anvil, tmp_path):
    directory, port = tmp_path / "network", int(anvil.rpc_url.rpartition(":")[2])
    embedded.down(directory)
    with pytest.raises(Refused, match=f"reserved for {directory}"):
        embedded.up(tmp_path / "other", port)
    assert embedded.up(directory).rpc_url == anvil.rpc_url


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
