"""A port belongs to whoever chose it, before it is bound and while what uses it is stopped."""

import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from node_adapter import loopback_ports
from node_adapter.loopback_ports import claim_port, keep_port, release_ports, reserve_port, why_taken
from primitives.errors import CouldNotCheck, Refused

RESERVE = (
    "import pathlib, sys; from node_adapter.loopback_ports import reserve_port; "
    "print(reserve_port(pathlib.Path(sys.argv[1])))"
)


@pytest.fixture(autouse=True)
def runtime(tmp_path, monkeypatch):
    monkeypatch.setenv(loopback_ports.RUNTIME_VARIABLE, str(tmp_path))


@pytest.fixture
def few_ports(monkeypatch):
    """So few that two who do not know of each other take the same."""
    first = next(port for port in range(31_000, 31_900) if all(why_taken(port + more) is None for more in range(4)))
    monkeypatch.setattr(loopback_ports, "FIRST_PORT", first)
    monkeypatch.setattr(loopback_ports, "LAST_PORT", first + 3)


def owner(tmp_path, name):
    (tmp_path / name).mkdir()
    return tmp_path / name


def test_a_chosen_port_is_not_chosen_again_though_nobody_has_bound_it(tmp_path, few_ports):
    owners = [owner(tmp_path, f"owner-{number}") for number in range(5)]
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(reserve_port, owners[:4]))) == 4
    with pytest.raises(Refused, match="port-taken"):
        reserve_port(owners[4])


def test_a_reservation_outlives_the_process_that_made_it(tmp_path):
    mine, other = owner(tmp_path, "mine"), owner(tmp_path, "other")
    found = subprocess.run(
        [sys.executable, "-c", RESERVE, mine], capture_output=True, text=True, encoding="utf-8", check=True
    )
    port = int(found.stdout)
    with pytest.raises(Refused, match=f"port {port} .* reserved for {mine}"):
        claim_port(port, other)
    claim_port(port, mine)


def test_a_reservation_ends_with_its_directory_or_by_word(tmp_path, few_ports):
    gone, mine = owner(tmp_path, "gone"), owner(tmp_path, "mine")
    first = reserve_port(gone)
    gone.rmdir()
    claim_port(first, mine)
    release_ports(mine)
    claim_port(first, owner(tmp_path, "next"))


def test_what_another_program_listens_on_is_taken(tmp_path):
    with socket.socket() as other:
        other.bind((loopback_ports.LOOPBACK, 0))
        other.listen()
        with pytest.raises(Refused, match="in use"):
            claim_port(other.getsockname()[1], tmp_path)


def test_its_own_port_is_waited_for_a_moment(tmp_path):
    port = reserve_port(tmp_path)
    ending = socket.socket()
    ending.bind((loopback_ports.LOOPBACK, port))
    ending.listen()
    threading.Timer(0.3, ending.close).start()
    claim_port(port, tmp_path)


def test_without_a_runtime_directory_it_stands_beside_the_temporary_files(tmp_path, monkeypatch):
    monkeypatch.delenv(loopback_ports.RUNTIME_VARIABLE)
    monkeypatch.setattr(loopback_ports.tempfile, "gettempdir", lambda: str(tmp_path))
    port = reserve_port(tmp_path)
    assert (tmp_path / f"bonafides-{os.getuid()}" / "ports" / str(port)).read_text("utf-8") == str(tmp_path)


def test_a_runtime_directory_that_is_not_ours_is_refused(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "bonafides").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CouldNotCheck, match="runtime-directory"):
        reserve_port(tmp_path)


def test_a_port_that_a_node_uses_is_kept_from_those_who_look_for_any(tmp_path):
    port = reserve_port(owner(tmp_path, "first"))
    release_ports(tmp_path / "first")
    keep_port(port, owner(tmp_path, "second"))
    keep_port(port, owner(tmp_path, "third"))  # named twice by a person: whose node is up first has it
    claim_port(port, tmp_path / "second")
    with pytest.raises(Refused, match=r"reserved for .*second"):
        claim_port(port, tmp_path / "third")
