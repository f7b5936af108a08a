"""Running a node: its processes are children of one that watches them, keeps their logs and starts them again.

A node directory is run once: the lock that forbids a second run is inherited by the children, so that it also holds
while a child outlives a supervisor that was killed. The kernel ends the children when that happens.

What the node runs is one list (`_specs`). The listening sockets are bound here and inherited: a port that is taken is
told at once, and stays this node's while a child that answers is started again. The keystore's password goes to each
child that needs it through a pipe; it stands in nobody's environment.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from types import FrameType

from bonafides.cli.process.child import Child, ChildSpec, State
from bonafides.cli.process.child_log import ChildLog
from node_adapter import former_database
from node_adapter.file_lock import file_lock
from node_adapter.handover import erase_from_environment
from node_adapter.keys.keystore import PASSWORD_VARIABLE, Keystore
from node_adapter.loopback_ports import LOOPBACK_HOSTS, keep_port
from node_adapter.patience import Patience
from node_adapter.settings import Settings
from node_adapter.store import alarms
from node_adapter.store.engine import open_store
from node_adapter.store.migrate import upgrade
from node_adapter.store.running import running_lock
from primitives.errors import CouldNotCheck, Refused

LOCK_FILE = "run.lock"
ALONE_FILE = "supervisor.lock"
# glibc gives each thread that allocates an arena, and none of 32 threads gives back what its largest request took: with
# two of them a process that answers HTTP holds 133 MiB after 29,000 facts in bulk, without a bound 203 and more.
_ALLOCATOR = {"MALLOC_ARENA_MAX": "2"}
HEALTH_URL_FILE = "health.url"
_LOCK_SECONDS = 40.0  # longer than a child takes that ends: 20 s for answers under way, 15 s for threads beside a loop
_PORT_SECONDS = 3.0
_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.1
_BACKLOG = 1024


class Supervisor:
    """The parent of a node's processes."""

    def __init__(self, settings: Settings, password: str, workers: int) -> None:
        """Open nothing yet; `run` does."""
        self._settings = settings
        self._password = password
        self._workers = workers
        self._children: list[Child] = []
        self._logs: dict[str, ChildLog] = {}
        self._told: set[str] = set()
        self._stopping = False
        self.health_url = ""
        self.pid = os.getpid()

    def run(self, on_ready: Callable[[], None]) -> int:
        """Run until told to stop; return the exit status.

        Raises:
            Refused: `keystore-password`, `node-running`, `database-in-use`, `port-taken`.
            CouldNotCheck: `node-start` when the node does not come up, `node-died` when a process of it is given up.
        """
        Keystore.open(self._settings.keystore_path, self._password)  # a wrong password is told at once, by us
        erase_from_environment(PASSWORD_VARIABLE)
        with (
            self._alone(),
            self._lock() as lock,
            running_lock(self._settings.database) as running,
            self._sockets() as (interface, health),
        ):
            upgrade(self._settings.database)
            if self._settings.former_path.is_file():  # the same functions read it
                upgrade(self._settings.former_path)
            self._watch_former()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._stop)
            try:
                self._start(lock, interface, health)
                self._await_ready()
                if not self._stopping:
                    on_ready()
                while not self._stopping:
                    running.keep()
                    self._look_after()
                    time.sleep(_POLL_SECONDS)
            finally:
                self._end_all()
        return 0

    def _watch_former(self) -> None:
        store = open_store(self._settings.database)
        try:
            former_database.watch(self._settings, store, time.time_ns() // 1_000_000)
        finally:
            store.dispose()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _alone(self) -> AbstractContextManager[int]:
        # No child inherits it: while it is held a run lives, and nobody has to wait to be told so.
        return file_lock(self._settings.home / ALONE_FILE, busy=self._busy)

    def _lock(self) -> AbstractContextManager[int]:
        # The children of a run that was killed may still be ending.
        return file_lock(self._settings.home / LOCK_FILE, busy=self._busy, patience=Patience(_LOCK_SECONDS))

    @property
    def _busy(self) -> Refused:
        return Refused("node-running", f"another process runs the node of {self._settings.home}")

    @contextmanager
    def _sockets(self) -> Iterator[tuple[socket.socket, socket.socket]]:
        http = self._settings.http
        if http.host in LOOPBACK_HOSTS:
            with suppress(CouldNotCheck):  # it only keeps those away who look for any port
                keep_port(http.port, self._settings.home)
        with _listening(http.host, http.port) as interface, _listening("127.0.0.1", http.health_port) as health:
            self.health_url = f"http://127.0.0.1:{health.getsockname()[1]}"
            (self._settings.home / HEALTH_URL_FILE).write_text(self.health_url + "\n", "ascii")
            yield interface, health

    def _specs(self, interface: int, health: int) -> list[ChildSpec]:
        node = ("--node", str(self._settings.home))
        answer = ("-m", "api.server", *node, "--socket-fd")
        return [
            *(
                ChildSpec(f"api-{number}", (*answer, str(interface)), descriptors=(interface,))
                for number in range(1, self._workers + 1)
            ),
            ChildSpec("health", (*answer, str(health), "--only-health"), needs_password=False, descriptors=(health,)),
            ChildSpec("chain", ("-m", "node_adapter.chain_process", *node)),
            ChildSpec("task", ("-m", "node_adapter.task_process", *node)),
        ]

    def _start(self, lock: int, interface: socket.socket, health: socket.socket) -> None:
        directory = self._settings.logs_path
        directory.mkdir(mode=0o700, exist_ok=True)
        directory.chmod(0o700)
        own = {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}
        environment = {**_ALLOCATOR, **own}
        for spec in self._specs(interface.fileno(), health.fileno()):
            log = spec.name.partition("-")[0]
            if log not in self._logs:
                self._logs[log] = ChildLog(directory / f"{log}.log")
            held = ChildSpec(spec.name, spec.arguments, spec.needs_password, (*spec.descriptors, lock))
            child = Child(held, self._logs[log], environment, self._password)
            self._children.append(child)
            child.start()

    def _await_ready(self) -> None:
        """Wait until each child says that it does its work, or one of them ends for good."""
        patience = Patience(_READY_SECONDS)
        while not self._stopping:
            waiting = []
            for child in self._children:
                child.look()
                if child.state in (State.REFUSED, State.GIVEN_UP):
                    raise self._died(child)
                if child.state is not State.READY:
                    waiting.append(child)
            if not waiting:
                return
            if patience.is_over():
                name, said = waiting[0].spec.name, waiting[0].log.last_words
                raise CouldNotCheck("node-start", f"the process {name} does not come up: {said}")
            time.sleep(_POLL_SECONDS)

    def _look_after(self) -> None:
        for child in self._children:
            child.look()
            if child.state is State.GIVEN_UP:
                error = self._died(child)
                self._alarm(child, error.detail)
                raise error
            if child.state is State.REFUSED and child.spec.name not in self._told:
                self._told.add(child.spec.name)
                self._alarm(child, f"refuses to go on: {child.log.last_words}")

    def _died(self, child: Child) -> CouldNotCheck:
        return CouldNotCheck(
            "node-died", f"the process {child.spec.name} ended ({child.status}): {child.log.last_words}"
        )

    def _alarm(self, child: Child, detail: str) -> None:
        """Tell those who watch the node; that the store cannot take it must not hide the cause."""
        store = open_store(self._settings.database)
        try:
            with store.write() as connection:
                now = time.time_ns() // 1_000_000
                alarms.raise_alarm(connection, alarms.PROCESS_STOPPED, child.spec.name, detail, now)
        except CouldNotCheck as error:
            child.log.note(f"no alarm could be raised: {error}")
        finally:
            store.dispose()

    def _end_all(self) -> None:
        for child in self._children:
            child.end(signal.SIGTERM)
        patience = Patience(_STOP_SECONDS)
        while not all([child.has_ended() for child in self._children]) and not patience.is_over():
            time.sleep(_POLL_SECONDS)
        for child in self._children:
            child.end(signal.SIGKILL)  # safe at any instant: the next start goes on where it was
            child.close()
        for log in self._logs.values():
            log.close()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _listen(bound, host, port)
        yield bound


def _listen(bound: socket.socket, host: str, port: int) -> None:
    """Listen; a process of this node that was just killed may hold the port for a moment longer than the lock."""
    patience = Patience(_PORT_SECONDS)
    while True:
        try:
            bound.bind((host, port))
            bound.listen(_BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or patience.is_over():
                raise Refused("port-taken", f"{host}:{port} cannot be used: {error.strerror}") from error
            time.sleep(_POLL_SECONDS)
        else:
            return
