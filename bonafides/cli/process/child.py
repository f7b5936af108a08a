"""One process of a node: how it is started, when it is ready, and what happens when it ends.

A child that dies is started again, after a pause that doubles; one that dies too often is given up, and the node ends
with its last words. A child that refuses to go on (exit status 2), such as one that finds another chain or a log that
is not the one that was anchored, is not started again: what it refuses does not change by itself.
"""

from __future__ import annotations

import ctypes
import enum
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bonafides.cli.process.child_log import ChildLog, Voice
from node_adapter.handover import hand_over

EXIT_REFUSED = 2
EXIT_ORPHANED = 1
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.5, 30.0
MOST_DEATHS = 6  # in a row, each within QUIET_SECONDS after a start
QUIET_SECONDS = 120.0  # who lives so long has made a new beginning
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class ChildSpec:
    """What a node runs.

    Attributes:
        name: of the process; its log is `logs/<name up to a dash>.log`.
        arguments: of the interpreter.
        needs_password: whether it opens the keystore.
        descriptors: what it inherits beside its pipes.
    """

    name: str
    arguments: Sequence[str]
    needs_password: bool = True
    descriptors: Sequence[int] = ()


class State(enum.Enum):
    """How a child stands."""

    STARTING = "starting"
    READY = "ready"
    PAUSING = "pausing"  # it died, and is started again in a moment
    REFUSED = "refused"  # it will not go on, and is not started again
    GIVEN_UP = "given-up"  # it died too often


class Child:
    """One process, and the one that takes its place."""

    def __init__(self, spec: ChildSpec, log: ChildLog, environment: dict[str, str], password: str) -> None:
        """Start nothing yet."""
        self.spec = spec
        self.log = log
        self.state = State.PAUSING
        self.status: int | None = None  # of the process that ended last
        self._environment = environment
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None
        self._voice: Voice | None = None
        self._ready: int | None = None
        self._deaths = 0
        self._started = self._next = 0.0

    @property
    def pid(self) -> int | None:
        """Its process, or None while none runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start a process."""
        voice = Voice(self.log)
        ready, says_ready = os.pipe()
        descriptors = [*self.spec.descriptors, says_ready]
        arguments = [*self.spec.arguments, "--ready-fd", str(says_ready)]
        if self.spec.needs_password:
            descriptors.append(hand_over(self._password))
            arguments += ["--password-fd", str(descriptors[-1])]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=voice.writing,
                stderr=voice.writing,
                env=self._environment,
                pass_fds=descriptors,
                preexec_fn=partial(_die_with_parent, os.getpid()),  # noqa: PLW1509 - this process has one thread
            )
        finally:
            voice.started()
            for descriptor in descriptors[len(self.spec.descriptors) :]:
                os.close(descriptor)
        self._voice, self._ready, self.state = voice, ready, State.STARTING
        self._started = time.monotonic()

    def look(self) -> None:
        """Take over what it said and did since the last look; start it again when that is due."""
        if self._process is None:
            if self.state is State.PAUSING and time.monotonic() >= self._next:
                self.start()
            return
        if self._voice is not None:
            self._voice.listen()
        if self.state is State.STARTING and self._is_ready():
            self.state = State.READY
        if self._process.poll() is not None:
            self._ended(self._process.returncode)

    def end(self, signal_number: int) -> None:
        """Send a signal, and start no other."""
        if self.state is State.PAUSING:
            self.state = State.GIVEN_UP
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal_number)

    def has_ended(self) -> bool:
        """Take over what it says, and say whether it has ended."""
        if self._process is None:
            return True
        if self._voice is not None:
            self._voice.listen()
        return self._process.poll() is not None

    def close(self) -> None:
        """Let go of its pipes."""
        if self._process is not None:
            self._process.wait()
        if self._voice is not None:
            self._voice.listen()
            self._voice.close()
        if self._ready is not None:
            os.close(self._ready)
        self._process = self._voice = self._ready = None

    def _is_ready(self) -> bool:
        if self._ready is None or not select.select([self._ready], [], [], 0)[0]:
            return False
        return os.read(self._ready, 1) == b"1"

    def _ended(self, status: int) -> None:
        lived, starting = time.monotonic() - self._started, self.state is State.STARTING
        self.close()
        self.status = status
        self.log.note(f"the process {self.spec.name} ended ({status}) after {lived:.1f} s")
        if status == EXIT_REFUSED:
            self.state = State.REFUSED
            return
        self._deaths = 1 if lived > QUIET_SECONDS and not starting else self._deaths + 1
        if self._deaths >= MOST_DEATHS:
            self.state = State.GIVEN_UP
            return
        self.state = State.PAUSING
        self._next = time.monotonic() + min(FIRST_PAUSE_SECONDS * 2 ** (self._deaths - 1), LAST_PAUSE_SECONDS)


def _die_with_parent(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the kernel was told, and nobody will send the signal
        os._exit(EXIT_ORPHANED)
