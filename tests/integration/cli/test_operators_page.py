"""The commands of the operators' page, run as they stand there, in their order, against a small network."""

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from node_adapter.store import anchors, restored
from node_adapter.store.engine import open_store
from node_adapter.store.migrate import revisions
from tests.waiting import wait_for_end, wait_until

pytestmark = [pytest.mark.chain, pytest.mark.slow]
ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "for-operators.md"
COMMAND = [sys.executable, "-m", "bonafides.cli.main"]
PASSWORD, NEW_PASSWORD = "the first password", "the second password"
SECTIONS = (
    "Tokens",
    "Staff who sign",
    "New keys of the member",
    "A new address of the node",
    "New password of the keystore",
    "Backup and restore",
    "Another machine",
    "A newer version",
)


def blocks(page=PAGE):
    """Return the commands of a page: (heading, text of one fenced block), in order."""
    heading, found = "", []
    parts = re.split(r"^(## [^\n]+)$|^```sh\n(.*?)^```$", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for title, block in zip(parts[1::3], parts[2::3], strict=True):
        heading = title[3:] if title else heading
        if block:
            found.append((heading, block))
    return found


def test_every_errand_has_commands():
    assert list(dict.fromkeys(heading for heading, _ in blocks())) == list(SECTIONS)


class Place:
    """A broker's machine: its directory, the command, and a service manager that starts and stops its node."""

    def __init__(self, home):
        self.home, self.node = home, None
        tools = home / "tools"
        tools.mkdir()
        for name, text in (
            ("bonafides", f'#!/bin/sh\nexec "{sys.executable}" -m bonafides.cli.main "$@"\n'),
            ("systemctl", '#!/bin/sh\necho "$1 $2" > orders; read answer < answers; [ "$answer" = done ]\n'),
        ):
            (tools / name).write_text(text, "utf-8")
            (tools / name).chmod(0o755)
        for name in ("orders", "answers"):
            os.mkfifo(home / name)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("BONAFIDES_")}
        self.environment = {**inherited, "PYTHONPATH": str(ROOT), "PATH": f"{tools}:{os.environ['PATH']}"}

    def command(self, *words, password=True):
        extra = {"BONAFIDES_KEYSTORE_PASSWORD": PASSWORD} if password else {}
        done = subprocess.run(
            [*COMMAND, *map(str, words)],
            capture_output=True,
            cwd=self.home,
            env={**self.environment, **extra},
            check=False,
        )
        assert done.returncode == 0, (words, done.stderr.decode())
        return json.loads(done.stdout)

    @property
    def port(self):
        return tomllib.loads((self.home / "nodes" / "a" / "node.toml").read_text("utf-8"))["http"]["port"]

    def start(self):
        words = [*COMMAND, "node", "run", "nodes/a", "--workers", "1", "--password-file", "a.password"]
        with (self.home / "a.log").open("ab") as log:
            self.node = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, cwd=self.home, env=self.environment)
        line = self.node.stdout.readline()
        assert line.strip() == b"{", (self.home / "a.log").read_text("utf-8")

    def stop(self):
        self.node.send_signal(signal.SIGTERM)
        assert wait_for_end(self.node, seconds=60) == 0
        self.node.stdout.close()
        self.node = None

    def run_block(self, text):
        """Run the lines as a shell does; a call of the service manager is carried out by this test."""
        with (self.home / "shell.log").open("wb") as log:
            shell = subprocess.Popen(
                ["bash", "-eu", "-c", text], stdout=log, stderr=log, cwd=self.home, env=self.environment
            )
        orders = os.open(self.home / "orders", os.O_RDONLY | os.O_NONBLOCK)
        try:
            while shell.poll() is None:
                order = wait_until(lambda: shell.poll() is not None or read(orders), "the shell", seconds=120)
                if isinstance(order, str):
                    assert order in ("start bonafides-a", "stop bonafides-a")
                    self.start() if order.startswith("start") else self.stop()
                    (self.home / "answers").write_text("done\n", "utf-8")
        finally:
            os.close(orders)
        told = (self.home / "shell.log").read_text("utf-8")
        assert shell.wait() == 0, f"{text}\n{told}"
        return told


def read(descriptor):
    try:
        return os.read(descriptor, 200).decode().strip()
    except BlockingIOError:
        return ""


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    chain = made.command("network", "up", "chain")
    try:
        quick = ("--period-seconds", 0.3, "--promise-seconds", 60, "--heartbeat-seconds", 2)
        for name, role in (("a", "broker"), ("r", "regulator")):
            words = ("node", "init", f"nodes/{name}", "--name", f"Member {name}", "--role", role, "--port", 0)
            member = made.command(*words, *quick)
            (tmp_path / f"{name}.json").write_text(json.dumps(member), "utf-8")
        founders = ("--founder", "a.json", "--founder", "r.json")
        deploy = ("contracts", "deploy", "--node", "nodes/a", "--rpc-url", chain["rpc_url"], "--veto-blocks", 1)
        made.command(*deploy, *founders, "--out", "network.json")
        for name in ("a", "r"):
            made.command("node", "configure", f"nodes/{name}", "--network", "network.json")
        (tmp_path / "a.password").write_text(PASSWORD + "\n", "utf-8")
        (tmp_path / "a-new.password").write_text(NEW_PASSWORD + "\n", "utf-8")
        (tmp_path / "zhang-min.password").write_text("a password of Zhang Min's\n", "utf-8")
        made.start()
        yield made
    finally:
        if made.node is not None:
            made.stop()
        made.command("network", "down", "chain")


def anchors_of(place):
    """Return the number of the newest final anchor, from the database: asking by command costs a second each time."""
    store = open_store(place.home / "nodes" / "a" / "node.db")
    try:
        with store.read() as connection:
            newest = anchors.last_final(connection)
    finally:
        store.dispose()
    return newest.seq if newest else 0


def settled(place):
    """Wait until the node signs: it has caught up after a restore, and anchors again."""
    store = open_store(place.home / "nodes" / "a" / "node.db")

    def caught_up():
        with store.read() as connection:
            return restored.since(connection) is None

    log = [place.home / "a.log", place.home / "nodes" / "a" / "logs" / "chain.log"]
    try:
        wait_until(caught_up, "the restored node", processes=[place.node], logs=log)
    finally:
        store.dispose()
    seen = anchors_of(place)
    wait_until(lambda: anchors_of(place) > seen, "a new anchor", processes=[place.node], logs=log, every=0.2)


def test_the_commands_of_the_page_do_what_it_says(place):
    wait_until(lambda: anchors_of(place) > 0, "the first anchor", processes=[place.node], every=0.2)
    told, seen = {}, 0
    for heading, block in blocks():
        here = block.replace("--port 8081", f"--port {place.port}")  # one that nobody beside this test has
        told.setdefault(heading, []).append(place.run_block(here))
        settled(place)
        assert anchors_of(place) > seen, "an anchor was lost"
        seen = anchors_of(place)  # more than the backup holds, which the next block restores
    assert (place.home / "li-wei.token").stat().st_mode & 0o777 == 0o600
    tokens = {entry["name"]: entry["state"] for entry in place.command("token", "list", "--node", "nodes/a")}
    assert (tokens["Li Wei"], tokens["operator here"], tokens["account system"]) == ("revoked", "valid", "valid")
    assert re.findall(r'"state": "([a-z]+)"', told["Staff who sign"][0]) == ["valid", "valid", "ended"]
    states = re.findall(r'"state": "([a-z-]+)"', told["New keys of the member"][0])
    assert states == ["ended", "in-force"]
    assert (place.home / "a.password").read_text("utf-8").strip() == NEW_PASSWORD
    assert len(list((place.home / "backups").glob("*.tar"))) == 1
    assert "ILL" not in told["A newer version"][0]
    current, needed = revisions(place.home / "nodes" / "a" / "node.db")
    assert current == needed
