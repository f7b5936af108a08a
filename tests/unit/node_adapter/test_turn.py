"""The turn to write: one at a time among threads and processes, next whoever waits, none of a process that is gone."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from node_adapter.store.turn import WriteTurn
from primitives.errors import CouldNotCheck
from tests.waiting import wait_until

LONG = 60.0
HOLD = """
import sys, pathlib
from node_adapter.store.turn import WriteTurn
with WriteTurn(pathlib.Path(sys.argv[1]), 60).held():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "node.db"


@contextmanager
def another_process(database: Path):
    """Another process that has the turn until its input ends."""
    command = [sys.executable, "-c", HOLD, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process


def test_a_second_writer_is_told_that_the_store_is_busy(database: Path) -> None:
    turn = WriteTurn(database, LONG)
    with turn.held():
        for other in (WriteTurn(database, 0.05), WriteTurn(database, 0.0)):
            with pytest.raises(CouldNotCheck) as caught, other.held():
                pytest.fail("two writers")
            assert caught.value.code == "store-busy"
    with WriteTurn(database, LONG).held():  # who gave up holds nothing
        pass


def test_a_thread_of_the_same_turn_gives_up_too(database: Path) -> None:
    turn = WriteTurn(database, 0.05)

    def second() -> str:
        with pytest.raises(CouldNotCheck) as caught, turn.held():
            pytest.fail("two writers")
        return caught.value.code

    with turn.held(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(second).result() == "store-busy"
    with turn.held():
        pass


def test_a_process_that_is_killed_holds_no_turn(database: Path) -> None:
    with another_process(database) as process:
        with pytest.raises(CouldNotCheck), WriteTurn(database, 0.05).held():
            pytest.fail("two writers")
        process.kill()
        with WriteTurn(database, LONG).held():
            pass


def test_who_waits_is_next_and_not_who_has_just_written(database: Path) -> None:
    """A process that writes without a pause does not keep the others from it."""
    order: list[str] = []

    def wait() -> None:
        with WriteTurn(database, LONG).held():
            order.append("who waited")

    mine = WriteTurn(database, LONG)
    with ThreadPoolExecutor(1) as pool:
        for _ in range(20):
            with mine.held():
                waiting = pool.submit(wait)
                wait_until(lambda: is_locked(database.with_name("node.db-next")), "who waits", every=0.001)
            with mine.held():
                order.append("who wrote")
            waiting.result()
    assert order == ["who waited", "who wrote"] * 20


def is_locked(file: Path) -> bool:
    with file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(CouldNotCheck) as caught, WriteTurn(tmp_path / "missing" / "node.db", LONG).held():
        pytest.fail("no lock")
    assert caught.value.code == "store-unavailable"


def test_nothing_stays_open(database: Path) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    turn, before = WriteTurn(database, LONG), count()
    for _ in range(20):
        with turn.held():
            pass
    with another_process(database) as process:
        with pytest.raises(CouldNotCheck), WriteTurn(database, 0.05).held():
            pytest.fail("two writers")
        process.send_signal(signal.SIGKILL)
    wait_until(lambda: count() <= before, "the end of what waited")
