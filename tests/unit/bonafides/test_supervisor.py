"""What a node's parent does: start, wait, keep logs, start again, give up. Small programs stand in."""

import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bonafides.cli.process import child as child_module
from bonafides.cli.process import child_log
from bonafides.cli.process import supervisor as module
from bonafides.cli.process.child import ChildSpec, State
from bonafides.cli.process.child_log import ChildLog, Voice
from bonafides.cli.process.supervisor import Supervisor
from node_adapter.handover import erase_from_environment, hand_over, read_handed_over
from node_adapter.init import init_node
from node_adapter.loopback_ports import reserve_port
from node_adapter.settings import Settings
from node_adapter.store import alarms
from node_adapter.store.engine import open_store
from primitives.errors import CouldNotCheck, Refused

PASSWORD = "a password that nobody else may read"
READY = """
import os, sys, time
def option(name): return int(sys.argv[sys.argv.index(name) + 1])
def ready(): os.write(option("--ready-fd"), b"1")
"""
LIVE = READY + "ready(); time.sleep(60)"
REFUSE = "import sys; print('no such chain', file=sys.stderr); sys.exit(2)"


@pytest.fixture
def settings(tmp_path):
    chain = {
        "rpc_url": "http://127.0.0.1:1",
        "chain_id": 7,
        "directory": "0x" + "01" * 20,
        "directory_block": 1,
        "finality_depth": 1,
    }
    http = {"host": "127.0.0.1", "port": reserve_port(tmp_path)}
    init_node(tmp_path / "a", name="A", role="broker", password=PASSWORD, settings={"chain": chain, "http": http})
    return Settings.load(tmp_path / "a")


class Parent(Supervisor):
    """A supervisor of small programs, one a name; it is told to stop once `until` holds."""

    def __init__(self, settings, until=lambda parent: parent.ready, **programs):
        super().__init__(settings, PASSWORD, 1)
        self.programs, self.until, self.ready = programs, until, False
        self.begun = time.monotonic()

    def _specs(self, interface, health):
        return [
            ChildSpec(name, ("-c", program), needs_password=name == "keys") for name, program in self.programs.items()
        ]

    def go(self):
        return self.run(self._on_ready)

    def _on_ready(self):
        self.ready = True

    def _look_after(self):
        super()._look_after()
        assert time.monotonic() - self.begun < 30
        if self.until(self):
            self._stop(15, None)

    def child(self, name):
        return next(child for child in self._children if child.spec.name == name)

    def log(self, name):
        return (self._settings.logs_path / f"{name}.log").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def no_signals(monkeypatch):
    monkeypatch.setattr(module.signal, "signal", lambda *_: None)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(child_module, "FIRST_PAUSE_SECONDS", 0.05)


def alarms_of(settings):
    store = open_store(settings.database_path)
    with store.read() as connection:
        found = alarms.list_alarms(connection, alarms.PROCESS_STOPPED)
    store.dispose()
    return [(alarm.about, alarm.detail) for alarm in found]


def test_a_node_is_ready_when_each_process_says_so_and_runs_until_it_is_told_to_stop(settings):
    slow = READY + "time.sleep(0.5); open('slow was ready', 'w'); ready(); time.sleep(60)"
    parent = Parent(settings, fast=LIVE, slow=slow.replace("slow was ready", str(settings.home / "slow")))
    assert parent.go() == 0
    assert parent.ready
    assert (settings.home / "slow").exists()
    assert [child.pid for child in parent._children] == [None, None]


def test_a_process_that_refuses_at_the_start_ends_the_node_with_its_last_words(settings):
    parent = Parent(settings, fast=LIVE, chain=REFUSE)
    with pytest.raises(CouldNotCheck) as caught:
        parent.go()
    assert (caught.value.code, parent.ready) == ("node-died", False)
    assert "chain ended (2): no such chain" in caught.value.detail
    assert [child.pid for child in parent._children] == [None, None]


def test_a_process_that_dies_is_started_again(settings, quick):
    """The first one dies once it was ready, the next one lives."""
    mark = settings.home / "died"
    program = (
        READY
        + f"""
ready()
if not os.path.exists({str(mark)!r}):
    open({str(mark)!r}, "w"); print("the last words", flush=True); os.kill(os.getpid(), 9)
time.sleep(60)
"""
    )

    def again(parent):
        return parent.child("chain").status == -9 and parent.child("chain").state is State.READY

    parent = Parent(settings, again, chain=program, api=LIVE)
    assert parent.go() == 0
    assert "the last words" in parent.log("chain")
    assert "ended (-9)" in parent.log("chain")
    assert alarms_of(settings) == []


def test_a_process_that_dies_again_and_again_is_given_up_loudly(settings, quick):
    program = READY + "ready(); time.sleep(0.02); print('cannot', flush=True); sys.exit(1)"
    parent = Parent(settings, lambda _parent: False, task=program, api=LIVE)
    with pytest.raises(CouldNotCheck) as caught:
        parent.go()
    assert caught.value.code == "node-died"
    assert parent.log("task").count("cannot") == child_module.MOST_DEATHS
    if parent.ready:
        ((about, _detail),) = alarms_of(settings)
        assert about == "task"


def test_pauses_double_and_end(settings, monkeypatch):
    child = child_module.Child(ChildSpec("x", ()), ChildLog(settings.logs_path / "x.log"), {}, PASSWORD)
    now = [1000.0]
    monkeypatch.setattr(child_module.time, "monotonic", lambda: now[0])
    pauses = []
    for _ in range(child_module.MOST_DEATHS - 1):
        child.state, child._started = State.READY, now[0] - 1
        child._ended(1)
        pauses.append(child._next - now[0])
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0]
    child._ended(1)
    assert child.state is State.GIVEN_UP
    child.state, child._started = State.READY, now[0] - child_module.QUIET_SECONDS - 1  # it had lived long
    child._ended(1)
    assert (child.state, child._next - now[0]) == (State.PAUSING, 0.5)
    child.log.close()


def test_a_process_that_refuses_later_is_left_alone_and_the_others_go_on(settings):
    program = READY + "ready(); time.sleep(0.3); print('anchor-conflict: another root', flush=True); sys.exit(2)"
    told = []

    def is_told(parent):
        told[:] = alarms_of(settings) if parent.child("chain").state is State.REFUSED else []
        return bool(told)

    parent = Parent(settings, is_told, chain=program, api=LIVE)
    assert parent.go() == 0
    assert told == [("chain", "refuses to go on: anchor-conflict: another root")]
    assert parent.log("chain").count("anchor-conflict") == 1


def test_a_process_that_never_says_that_it_is_ready_is_given_up(settings, monkeypatch):
    monkeypatch.setattr(module, "_READY_SECONDS", 0.3)
    parent = Parent(settings, api=LIVE, mute="import time; print('waiting for a lock', flush=True); time.sleep(60)")
    with pytest.raises(CouldNotCheck) as caught:
        parent.go()
    assert caught.value.code == "node-start"
    assert "mute does not come up: waiting for a lock" in caught.value.detail


def test_a_directory_is_run_once(settings, monkeypatch):
    monkeypatch.setattr(module, "_LOCK_SECONDS", 0.3)
    with Supervisor(settings, PASSWORD, 1)._lock(), pytest.raises(Refused) as caught:
        Parent(settings, api=LIVE).go()
    assert caught.value.code == "node-running"


def test_a_taken_port_is_told(settings, monkeypatch):
    monkeypatch.setattr(module, "_PORT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", settings.http.port)), pytest.raises(Refused) as caught:
        Parent(settings, api=LIVE).go()
    assert caught.value.code == "port-taken"


def test_a_port_that_a_killed_process_still_holds_is_waited_for(settings, monkeypatch):
    holder = socket.create_server(("127.0.0.1", settings.http.port))
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        holder.close()

    monkeypatch.setattr(module.time, "sleep", sleep)
    with module._listening("127.0.0.1", settings.http.port) as bound:
        assert bound.getsockname()[1] == settings.http.port
    assert len(slept) == 1


def test_the_password_reaches_those_who_need_it_and_stands_in_no_environment(settings, monkeypatch):
    monkeypatch.setenv("BONAFIDES_KEYSTORE_PASSWORD", PASSWORD)
    say = (
        READY
        + """
got = os.read(option("--password-fd"), 4096).decode() if "--password-fd" in sys.argv else "nothing"
print("knows" if got == "PASSWORD" else got, flush=True)
ready(); time.sleep(60)
"""
    )
    say = say.replace("PASSWORD", PASSWORD)
    seen = []

    def look(parent):
        for child in parent._children:
            seen.append(Path(f"/proc/{child.pid}/environ").read_bytes())
        return True

    parent = Parent(settings, look, keys=say, other=say)
    parent.go()
    assert parent.log("keys").splitlines() == ["knows"]
    assert parent.log("other").splitlines() == ["nothing"]
    assert len(seen) == 2
    assert not any(PASSWORD.encode() in environment for environment in seen)
    assert "BONAFIDES_KEYSTORE_PASSWORD" not in os.environ


def test_a_variable_is_erased_from_what_the_kernel_shows_of_a_process(tmp_path):
    program = """
from node_adapter.handover import erase_from_environment
import os, pathlib
erase_from_environment("SECRET_OF_MINE")
assert "SECRET_OF_MINE" not in os.environ
left = pathlib.Path("/proc/self/environ").read_bytes()
print(b"hidden" in left, b"BEFORE=kept" in left, b"XSECRET_OF_MINE=also kept" in left)
"""
    environment = {"BEFORE": "kept", "XSECRET_OF_MINE": "also kept", "SECRET_OF_MINE": "hidden", "AFTER": "too"}
    command = [sys.executable, "-c", program]
    told = child_module.subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", check=True, cwd=Path.cwd()
    )
    assert told.stdout.split() == ["False", "True", "True"]
    erase_from_environment("A_VARIABLE_THAT_IS_NOT_THERE")


def test_a_secret_is_read_once():
    descriptor = hand_over(PASSWORD)
    assert read_handed_over(descriptor) == PASSWORD
    with pytest.raises(CouldNotCheck):
        read_handed_over(descriptor)


def test_a_log_is_for_its_owner_alone_and_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(child_log, "MAX_BYTES", 2000)
    file = tmp_path / "api.resources.log"
    file.touch(mode=0o644)
    log = ChildLog(file)
    for number in range(500):
        log.write(f"line {number} " + "x" * 50)
    log.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == child_log.KEPT_FILES + 1
    assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}
    assert sum(one.stat().st_size for one in files) <= 2000 * len(files)
    assert "line 499" in file.read_text(encoding="utf-8")
    assert log.last_words.startswith("line 499")


def test_what_a_child_says_is_taken_line_by_line_whatever_it_is(tmp_path):
    log = ChildLog(tmp_path / "x.log")
    voice = Voice(log)
    os.write(voice.writing, b"one\ntw")
    assert voice.listen()
    os.write(voice.writing, b"o\n\xff\n" + b"y" * 20_000)
    assert voice.listen()
    voice.started()
    assert not voice.listen()
    voice.close()
    log.close()
    lines = (tmp_path / "x.log").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ["one", "two", "\\xff"]
    assert "".join(lines[3:]) == "y" * 20_000


def test_a_child_whose_parent_died_before_it_began_does_not_begin():
    """The kernel tells of a parent's death from the moment on when it is asked to."""
    begin = "from bonafides.cli.process.child import _die_with_parent; _die_with_parent(2**22 + 1); print('it works')"
    done = subprocess.run([sys.executable, "-c", begin], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (child_module.EXIT_ORPHANED, b"")
