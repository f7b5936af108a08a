"""Waiting in tests: for an event, and no longer than the processes that would bring it live."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from node_adapter.patience import Patience

_LAST_WORDS = 3000


def wait_until(
    condition: Callable[[], object],
    what: object,
    *,
    seconds: float = 60,
    processes: Iterable[subprocess.Popen] = (),
    logs: Iterable[Path] = (),
    every: float = 0.05,
):
    """Look until the condition gives something true, and return that.

    Args:
        condition: what is looked at.
        what: what is waited for, for the failure; a function gives what is known at the end.
        seconds: how long at most, on a machine that is free; longer where it is busy.
        processes: whose end ends the wait.
        logs: where they say what was wrong.
        every: the pause between two looks, in seconds.
    """
    patience, processes = Patience(seconds), list(processes)
    while not (found := condition()):
        ended = [process for process in processes if process.poll() is not None]
        if ended or patience.is_over():
            told = what() if callable(what) else what
            why = f"ended with {ended[0].returncode}: {ended[0].args}" if ended else "time is over"
            words = "\n".join(log.read_text("utf-8", "replace")[-_LAST_WORDS:] for log in logs if log.exists())
            raise AssertionError(f"waited in vain for {told} ({why})\n{words}")
        time.sleep(every)
    return found


def wait_for_end(process: subprocess.Popen, *, seconds: float = 30) -> int:
    """Wait for the end of a process that was told to end, and return its status; a hang is killed and told."""
    try:
        wait_until(lambda: process.poll() is not None, f"the end of {process.args}", seconds=seconds, every=0.02)
    except AssertionError:
        process.kill()
        process.wait()
        raise
    return process.returncode
