import socket
import subprocess
import sys

import pytest

from bonafides.cli import supervisor as module
from bonafides.cli.supervisor import Supervisor
from node_adapter.init import init_node
from node_adapter.loopback_ports import reserve_port
from node_adapter.settings import Settings
from primitives.errors import CouldNotCheck, Refused


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
    init_node(tmp_path / "a", name="A", role="broker", password="pw", settings={"chain": chain, "http": http})
    return Settings.load(tmp_path / "a")


class Children:
    """Stands in for gunicorn and the worker: small programs that live or die as a test wants."""

    def __init__(self, monkeypatch, programs):
        self.started = []
        self._programs = programs
        self._real = subprocess.Popen
        monkeypatch.setattr(module.subprocess, "Popen", self.popen)

    def popen(self, _arguments, **options):
        program = self._programs[len(self.started)]
        child = self._real([sys.executable, "-c", program], **options)
        self.started.append(child)
        return child


SERVE = """
import http.server, os, sys, tomllib, pathlib
settings = tomllib.loads(pathlib.Path(os.environ["BONAFIDES_NODE_DIR"], "node.toml").read_text())
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", settings["http"]["port"]), Handler).serve_forever()
"""
LIVE = "import time; time.sleep(60)"
DIE = "import sys; print('no such chain', file=sys.stderr); sys.exit(2)"


def test_a_node_runs_until_it_is_told_to_stop(settings, monkeypatch):
    children = Children(monkeypatch, [SERVE, LIVE, LIVE])
    supervisor = Supervisor(settings, "pw", 1)
    monkeypatch.setattr(module, "_WORKER_SECONDS", 0.1)
    monkeypatch.setattr(module.signal, "signal", lambda *_: None)
    ready = []

    def on_ready():
        ready.append(True)
        supervisor._stop(15, None)

    assert supervisor.run(on_ready) == 0
    assert ready == [True]
    assert all(child.poll() is not None for child in children.started)


def test_when_one_process_dies_the_other_is_stopped_and_the_reason_told(settings, monkeypatch):
    children = Children(monkeypatch, [SERVE, DIE, LIVE])
    monkeypatch.setattr(module.signal, "signal", lambda *_: None)
    with pytest.raises(CouldNotCheck) as caught:
        Supervisor(settings, "pw", 1).run(lambda: None)
    assert caught.value.code == "node-died"
    assert "chain" in caught.value.detail
    assert "no such chain" in caught.value.detail
    assert all(child.poll() is not None for child in children.started)


REFUSE = """
import os, pathlib, sys, time
from node_adapter.store.engine import open_store
from node_adapter.store.identity import WorkerStatus, put_worker_status
time.sleep(1)
with open_store(pathlib.Path(os.environ["BONAFIDES_NODE_DIR"], "node.db")).write() as connection:
    put_worker_status(connection, WorkerStatus(time.time_ns() // 1_000_000, None, None, "another chain"))
time.sleep(0.5)
sys.exit("another chain")
"""


def test_a_node_whose_worker_refuses_the_chain_never_says_that_it_is_ready(settings, monkeypatch):
    Children(monkeypatch, [SERVE, REFUSE, LIVE])
    monkeypatch.setattr(module.signal, "signal", lambda *_: None)
    ready = []
    with pytest.raises(CouldNotCheck) as caught:
        Supervisor(settings, "pw", 1).run(lambda: ready.append(True))
    assert "another chain" in caught.value.detail
    assert ready == []


def test_a_directory_is_run_once(settings, monkeypatch):
    monkeypatch.setattr(module, "_LOCK_SECONDS", 0.3)
    lock = Supervisor(settings, "pw", 1)._take_lock()
    with pytest.raises(Refused) as caught:
        Supervisor(settings, "pw", 1).run(lambda: None)
    assert caught.value.code == "node-running"
    module.os.close(lock)


def test_a_taken_port_is_told(settings):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", settings.http.port))
        taken.listen()
        with pytest.raises(Refused) as caught:
            Supervisor(settings, "pw", 1).run(lambda: None)
    assert caught.value.code == "port-taken"


def test_a_node_that_never_answers_is_given_up(settings, monkeypatch):
    children = Children(monkeypatch, [LIVE, LIVE, LIVE])
    monkeypatch.setattr(module, "_READY_SECONDS", 0.3)
    monkeypatch.setattr(module.signal, "signal", lambda *_: None)
    with pytest.raises(CouldNotCheck) as caught:
        Supervisor(settings, "pw", 1).run(lambda: None)
    assert caught.value.code == "node-start"
    assert all(child.poll() is not None for child in children.started)
