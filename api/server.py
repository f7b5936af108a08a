"""One process that answers HTTP for a node, on a listening socket that its parent bound: `python -m api.server`.

`bonafides node run` starts several beside one another on the same socket, and one more for `--only-health` on a socket
of its own, so that no flood of the interface keeps whoever watches the node from hearing how it is.
"""

from __future__ import annotations

import argparse
import logging
import resource
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

from flask import Flask

from api.app import create_app, create_health_app
from api.auth import is_known_token
from api.front import Admits, Bounds, Front
from node_adapter.bootstrap import open_node, open_watched
from node_adapter.handover import read_handed_over, report_ready
from node_adapter.keys.keystore import read_password
from node_adapter.node import Node
from node_adapter.process import EXIT_FAILED, EXIT_REFUSED
from primitives.errors import BonafidesError, CouldNotCheck

THREADS = 32  # most of which wait for the transaction that their facts go into
WORKING = 4
HEALTH_THREADS = 2
GRACE_SECONDS = 20.0
_LOOP_SECONDS = 0.5
_SPARE_FILES = 100  # descriptors that are not connections: database, logs, temporary files
_MANY_FILES = 8192

_log = logging.getLogger("api.server")


class Stop:
    """Set by a signal."""

    def __init__(self) -> None:
        """Listen to SIGTERM and SIGINT."""
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def serve(
    application: Flask, listening: socket.socket, stop: Stop, *, threads: int, admits: Admits, working: int = WORKING
) -> None:
    """Answer until asked to stop, then finish what has begun."""
    front = Front(application, listening, threads=threads, bounds=_bounds(), admits=admits, working=working)
    while not stop.asked:
        front.loop_once(_LOOP_SECONDS)
    front.stop_accepting()
    deadline = time.monotonic() + GRACE_SECONDS
    while front.busy and time.monotonic() < deadline:
        front.loop_once(0.1)
    front.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the node that the options name; returns the exit status."""
    parser = argparse.ArgumentParser(prog="api.server", description="a process that answers HTTP for a node")
    parser.add_argument("--node", type=Path, required=True, help="the node's directory")
    parser.add_argument("--socket-fd", type=int, required=True, help="the listening socket, inherited")
    parser.add_argument("--only-health", action="store_true", help="answer /healthz and /readyz only; needs no key")
    parser.add_argument("--password-fd", type=int, help="a pipe that holds the keystore's password")
    parser.add_argument("--ready-fd", type=int, help="a pipe to write to once requests are answered")
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # that a request waits a moment is no news
    stop = Stop()
    try:
        with socket.socket(fileno=options.socket_fd) as listening:
            if options.only_health:
                application, threads = create_health_app(open_watched(options.node)), HEALTH_THREADS
                admits: Admits = _nobody
            else:
                password = read_handed_over(options.password_fd) if options.password_fd is not None else read_password()
                node = open_node(options.node, password)
                application, admits, threads = create_app(node), _known_to(node), THREADS
            report_ready(options.ready_fd)
            serve(application, listening, stop, threads=threads, admits=admits)
    except BonafidesError as error:
        _log.error("%s", error)
        return EXIT_FAILED if isinstance(error, CouldNotCheck) else EXIT_REFUSED
    return 0


def _bounds() -> Bounds:
    """Raise the number of files that this process may open, and bound the connections by it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, _MANY_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return replace(Bounds(), connections=max(16, (soft - _SPARE_FILES) // 2))  # a body or an answer may need a file


def _nobody(_headers: Mapping[str, str]) -> bool:
    return False


def _known_to(node: Node) -> Admits:
    def admits(headers: Mapping[str, str]) -> bool:
        try:
            return is_known_token(node, headers.get("AUTHORIZATION", ""))
        except BonafidesError:  # a store that is busy says nothing about the caller: the route will
            return True

    return admits


if __name__ == "__main__":
    sys.exit(main())
