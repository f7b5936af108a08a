"""Running a node: gunicorn, the chain process and the task process as children of one process that watches both.

A node directory is run once: the lock that forbids a second run is inherited by the children, so that it also holds
while a child outlives a supervisor that was killed. The kernel ends the children when that happens.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import httpx

from node_adapter.keystore import PASSWORD_VARIABLE, Keystore
from node_adapter.loopback_ports import LOOPBACK_HOSTS, keep_port
from node_adapter.patience import Patience
from node_adapter.settings import Settings
from node_adapter.store.engine import open_store
from node_adapter.store.identity import worker_status
from node_adapter.store.migrate import upgrade
from primitives.errors import CouldNotCheck, Refused

LOCK_FILE = "run.lock"
_LOCK_SECONDS = 20.0
_READY_SECONDS = 60.0
_WORKER_SECONDS = 8.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.1
_PR_SET_PDEATHSIG = 1
_GUNICORN_GRACE_SECONDS = 20


class Supervisor:
    """The parent of a node's processes."""

    def __init__(self, settings: Settings, password: str, workers: int) -> None:
        """Open nothing yet; `run` does."""
        self._settings = settings
        self._password = password
        self._workers = workers
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = False
        self.pid = os.getpid()

    def run(self, on_ready: Callable[[], None]) -> int:
        """Run until told to stop; return the exit status.

        Raises:
            Refused: `keystore-password`, `node-running`.
            CouldNotCheck: `node-start` when the node does not come up, `node-died` when a process of it ends.
        """
        Keystore.open(self._settings.keystore_path, self._password)  # a wrong password is told at once, by us
        lock = self._take_lock()
        try:
            self._check_port()
            upgrade(self._settings.database_path)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._stop)
            begun_ms = time.time_ns() // 1_000_000
            self._start_all(lock)
            self._await_ready()
            self._await_worker(begun_ms)
            if not self._stopping:
                on_ready()
            while not self._stopping:
                self._check_alive()
                time.sleep(_POLL_SECONDS)
        finally:
            self._end_all()
            os.close(lock)
        return 0

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _take_lock(self) -> int:
        file = self._settings.home / LOCK_FILE
        try:
            lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CouldNotCheck("node-unwritable", f"{file}: {error.strerror}") from error
        patience = Patience(_LOCK_SECONDS)
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if patience.is_over():
                    os.close(lock)
                    raise Refused("node-running", f"another process runs the node of {self._settings.home}") from error
                time.sleep(_POLL_SECONDS)
            else:
                return lock

    def _check_port(self) -> None:
        http = self._settings.http
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((http.host, http.port))
            except OSError as error:
                raise Refused("port-taken", f"{http.host}:{http.port} cannot be used: {error.strerror}") from error
        if http.host in LOOPBACK_HOSTS:
            with suppress(CouldNotCheck):  # it only keeps those away who look for any port
                keep_port(http.port, self._settings.home)

    def _start_all(self, lock: int) -> None:
        http = self._settings.http
        home = str(self._settings.home)
        logs = self._settings.logs_path
        logs.mkdir(mode=0o700, exist_ok=True)
        gunicorn = [
            *("-m", "gunicorn", "--bind", f"{http.host}:{http.port}", "--workers", str(self._workers)),
            *("--threads", "4", "--graceful-timeout", str(_GUNICORN_GRACE_SECONDS), "--timeout", "120"),
            *("--log-level", "warning", "--no-control-socket"),
            *("--preload", "api.wsgi:application()"),  # one import and one opened keystore for all workers
        ]
        self._start("api", gunicorn, lock, logs / "api.log")
        for name in ("chain", "task"):
            self._start(name, ["-m", f"node_adapter.{name}_process", "--node", home], lock, logs / f"{name}.log")

    def _start(self, name: str, arguments: list[str], lock: int, log: Path) -> None:
        environment = {
            **os.environ,
            PASSWORD_VARIABLE: self._password,
            "BONAFIDES_NODE_DIR": str(self._settings.home),
        }
        with log.open("ab") as output:
            self._children[name] = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                pass_fds=(lock,),
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread has been started here
            )

    def _await_ready(self) -> None:
        patience = Patience(_READY_SECONDS)
        url = f"{self._settings.http.url}/healthz"
        with httpx.Client(timeout=2, trust_env=False) as http:  # one for all: making it costs more than a request
            while not self._stopping:
                self._check_alive()
                try:
                    if http.get(url).is_success:
                        return
                except httpx.HTTPError:
                    pass
                if patience.is_over():
                    raise CouldNotCheck("node-start", f"the node does not answer; see {self._settings.logs_path}")
                time.sleep(_POLL_SECONDS)

    def _await_worker(self, begun_ms: int) -> None:
        """Wait for the chain process's first look at the chain: a node on the wrong one must not say that it is ready.

        A process that cannot say anything yet, such as one whose database is locked, is not waited for.
        """
        store = open_store(self._settings.database_path)
        patience = Patience(_WORKER_SECONDS)
        try:
            while not self._stopping and not patience.is_over():
                self._check_alive()
                with store.read() as connection:
                    status = worker_status(connection)
                if status.stopped is None and (status.seen_at or 0) >= begun_ms:
                    return
                time.sleep(_POLL_SECONDS)
        finally:
            store.dispose()

    def _check_alive(self) -> None:
        for name, child in self._children.items():
            if child.poll() is not None and not self._stopping:
                log = self._settings.logs_path / f"{name}.log"
                raise CouldNotCheck("node-died", f"the process {name} ended ({child.returncode}): {_last_line(log)}")

    def _end_all(self) -> None:
        running = [child for child in self._children.values() if child.poll() is None]
        for child in running:
            child.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for child in running:
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()  # safe at any instant: the next start goes on where it was
                child.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        return "no log"
    return lines[-1][:300] if lines else "its log is empty"
