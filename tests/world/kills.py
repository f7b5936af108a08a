"""Starts a node's processes, lets them work for a random time, and kills some of them, or the chain under them.

api, chain, task   the one process
all                these three at once
supervised         a node under `node run`: a child, then the supervisor alone, then the next one with its children
engine             the embedded chain and the keeper of its copies
database           the server of the node's database, where it is on one: the node lives on, or dies with it
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from sqlalchemy import select

from node_adapter.chain import embedded
from node_adapter.store import alarms, outbox
from node_adapter.store.schema import outbox as outbox_table
from tests.waiting import wait_for_end, wait_until

COMMAND = str(Path(sys.executable).with_name("bonafides"))
MODULES = {"chain": "node_adapter.chain_process", "api": "api.server", "task": "node_adapter.task_process"}
VICTIMS = {"chain": 30, "api": 16, "task": 4, "all": 34, "supervised": 6, "engine": 10}  # of a hundred rounds
DATABASE = "database"
_OF_A_SERVER = {DATABASE: 20}
_WITH_CHAIN = ("chain", "all", "supervisor", "node", "engine")


class Killer:
    """Kills in rounds, and counts whom, and what the node was doing."""

    def __init__(self, consortium, node, loads, seed, password, server=None):
        self.consortium, self.node, self.loads = consortium, node, loads
        self.server = server
        self.victims = VICTIMS | (_OF_A_SERVER if server else {})
        self.home = node.settings.home
        self.environment = os.environ | {"BONAFIDES_KEYSTORE_PASSWORD": password}
        self.random = random.Random(seed)
        self.states = Counter()  # of the outbox at a death
        self.kills = Counter()
        self.processes = {}
        self.supervisor = None
        self.listening = None

    @property
    def count(self):
        return sum(self.kills.values())

    def round(self, victim=None):
        victim = victim or self.random.choices(list(self.victims), list(self.victims.values()))[0]
        if victim == "supervised":
            self.round_supervised()
            return
        self.start()
        if victim in ("engine", DATABASE) or self.random.random() < 0.9:  # the others die while they start
            self.wait_until_it_works()
            time.sleep(self.random.uniform(0, 0.5))
        else:
            time.sleep(self.random.uniform(0, 1.5))
        if victim == "engine":
            self.kill_engine()
        elif victim == DATABASE:
            self.kill_database()
        else:
            self.kill(*(MODULES if victim == "all" else (victim,)))
            self.note(victim)

    def start(self):
        """Start what does not run; they share the listening socket as under a supervisor."""
        if self.listening is None:
            self.listening = wait_until(self.listen, "the port")  # the threads of who was killed may hold it a while
        for name in MODULES:
            if name not in self.processes:
                self.processes[name] = self.spawn(name)

    def listen(self):
        http, listening = self.node.settings.http, socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((http.host, http.port))
            listening.listen()
        except OSError:
            listening.close()
            return None
        return listening

    def spawn(self, name):
        number = self.listening.fileno()
        with (self.home / "logs" / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", MODULES[name], "--node", str(self.home)]
                + (["--socket-fd", str(number)] if name == "api" else []),
                env=self.environment,
                stdout=log,
                stderr=log,
                pass_fds=[number],
                start_new_session=True,
            )

    def kill(self, *names):
        dying = [self.processes.pop(name) for name in names if name in self.processes]
        for process in dying:
            process.kill()
        for process in dying:
            process.wait()

    def round_supervised(self):
        """A child dies and comes again; its parent dies alone, and the next takes over; all die at once."""
        self.kill(*MODULES)
        self.let_go_of_the_port()
        self.run_supervisor()
        self.wait_until_it_works()
        child = self.random.choice(list(MODULES))
        os.kill(self.child(child), signal.SIGKILL)
        self.note(f"{child}, supervised")
        self.wait_until_it_works()
        time.sleep(self.random.uniform(0, 0.5))
        children = children_of(self.supervisor.pid)
        self.supervisor.kill()
        self.supervisor.wait()
        self.note("supervisor")
        self.run_supervisor()  # at once: the children of the first may still be ending
        self.wait_for_end_of(children)
        self.wait_until_it_works()
        time.sleep(self.random.uniform(0, 0.5))
        children = children_of(self.supervisor.pid)
        os.killpg(self.supervisor.pid, signal.SIGKILL)
        self.supervisor.wait()
        self.supervisor = None
        self.wait_for_end_of(children)
        self.note("node")

    def let_go_of_the_port(self):
        if self.listening is not None:
            self.listening.close()
            self.listening = None

    def wait_for_end_of(self, pids):
        wait_until(lambda: not any(embedded._is_alive(pid) for pid in pids), f"the end of {pids}", logs=self.logs())

    def run_supervisor(self):
        with (self.home / "logs" / "supervisor.log").open("ab") as log:
            command = [COMMAND, "node", "run", str(self.home), "--workers", "1"]
            self.supervisor = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, process_group=0)

    def child(self, name):
        """Return a child of the supervisor."""

        def find():
            for pid in children_of(self.supervisor.pid):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if MODULES[name].encode() in words and b"--only-health" not in words:
                    return pid
            return None

        return wait_until(find, f"the process {name}", processes=[self.supervisor])

    def kill_engine(self):
        """Kill the embedded chain and its keeper; it comes back with the whole history of its last copy."""
        directory = self.consortium.directory
        wait_until((directory / embedded.STATE_FILE).exists, "the first copy of the chain")
        dying = [embedded.status(directory).pid, keeper_of(directory)]
        self.random.shuffle(dying)
        for pid in dying:
            with suppress(ProcessLookupError):  # the keeper ends with its chain
                os.kill(pid, signal.SIGKILL)
        self.wait_for_end_of(dying)
        self.note("engine")
        copy = newest_copy(directory)
        if self.random.random() < 0.5:
            time.sleep(self.random.uniform(0, 2))
        self.consortium.start_chain()
        for number in (0, len(copy) // 2, len(copy) - 1):
            assert self.consortium.rpc.call("eth_getBlockByNumber", hex(number), False)["hash"] == copy[number]
        self.wait_until_it_works()

    def kill_database(self):
        """Kill the server of the database, half of the time with the node's processes, and start it again."""
        self.server.kill()
        if self.random.random() < 0.5:
            self.kill(*MODULES)
        time.sleep(self.random.uniform(0, 1))
        self.server.start()
        self.note(DATABASE)
        self.start()
        self.wait_until_it_works()

    def wait_until_it_works(self):
        before = self.progress()

        def moved():
            for load in self.loads:
                assert load.error is None, load.error
            return all(now != then for now, then in zip(self.progress(), before, strict=True))

        processes = [*self.processes.values(), *([self.supervisor] if self.supervisor else [])]
        wait_until(moved, f"progress after {self.kills}", processes=processes, logs=self.logs(), every=0.005)

    def progress(self):
        """Return what moves while the chain process works, and what moves while HTTP is answered."""
        with self.node.store.read() as connection:
            counts = outbox.counts(connection)
        written = tuple(counts[state] for state in ("final", "failed", "signed", "sent"))
        return written, len(self.loads[0].answers)

    def logs(self):
        return [self.home / "logs" / f"{name}.log" for name in ("supervisor", "chain", "api")]

    def note(self, victim):
        self.kills[victim] += 1
        if self.count % 50 == 0:
            print(f"{time.strftime('%H:%M:%S')} {self.count} kills, {len(self.loads[0].answers)} facts", flush=True)  # noqa: T201
        if victim.partition(",")[0] in _WITH_CHAIN:
            self.states.update(states_at_death(self.node))

    def end(self):
        """End the node as an operator would."""
        for process in self.processes.values():
            process.terminate()
        assert [wait_for_end(process) for process in self.processes.values()] == [0, 0, 0]
        self.close()

    def close(self):
        """Leave nothing behind, whatever happened."""
        if self.supervisor is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.supervisor.pid, signal.SIGKILL)
            self.supervisor.wait()
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.let_go_of_the_port()


def states_at_death(node):
    """Return the state of the write that the chain process was on, and of the last one that it had finished."""
    with node.store.read() as connection:
        row = outbox.next_open(connection)
        done = select(outbox_table.c.state).where(outbox_table.c.state.in_((outbox.FINAL, outbox.FAILED)))
        last = connection.execute(done.order_by(outbox_table.c.updated_at.desc()).limit(1)).first()
    return ([row.state] if row else []) + ([last.state] if last else [])


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def keeper_of(directory):
    """Return the process that takes the copies of a chain; one that begins is waited for."""
    return wait_until(lambda: _find_keeper(directory), "the keeper of the chain's copies")


def _find_keeper(directory):
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = file.read_bytes().split(b"\0")
            if b"node_adapter.chain.embedded_keeper" in words and str(directory.resolve()).encode() in words:
                return int(file.parent.name)
    return None


def newest_copy(directory):
    """Return the hashes of the blocks of the newest copy on disk, by number."""
    state = json.loads((directory / embedded.STATE_FILE).read_bytes())
    headers = [block["header"] for block in state["blocks"]]
    parents = {int(header["number"], 16) - 1: header["parentHash"] for header in headers}
    return [parents[number] for number in range(len(headers) - 1)]


def open_alarms(node, kind):
    with node.store.read() as connection:
        return alarms.list_alarms(connection, kind)
