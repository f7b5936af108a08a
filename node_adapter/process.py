"""What the node's processes beside HTTP have in common: one of each per node, told to end by a signal, one exit status.

chain   `node_adapter.chain_process`   reads the chain, sends the outbox, anchors the log, watches the promises
task    `node_adapter.task_process`    moves the joint tasks, and speaks with other members' nodes
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from node_adapter.bootstrap import open_node
from node_adapter.file_lock import file_lock
from node_adapter.handover import read_handed_over, report_ready
from node_adapter.keys.keystore import read_password
from node_adapter.node import Node
from node_adapter.settings import require_directory
from primitives.errors import BonafidesError, CouldNotCheck, Refused

EXIT_REFUSED = 2  # what it refuses does not change by itself: it is not to be started again
EXIT_FAILED = 1

Ready = Callable[[], None]  # to be called once the process does its work
Run = Callable[[Node, threading.Event, Ready], None]  # works until the event is set


@contextmanager
def only_one(home: Path, name: str) -> Iterator[None]:
    """Hold the lock of a process of a node.

    Raises:
        Refused: `process-running`.
        CouldNotCheck: `settings-unreadable`, there is no such directory; `node-unwritable`.
    """
    require_directory(home)
    busy = Refused("process-running", f"another {name} process runs on {home}")
    with file_lock(home / f"{name}.lock", busy=busy):
        yield


def run_process(name: str, home: Path, password: str, run: Run, ready: Ready = lambda: None) -> None:
    """Run one process of a node's directory until SIGTERM or SIGINT.

    Raises:
        Refused: `process-running`, or what `run` refuses.
        BonafidesError: what `open_node` and `run` raise.
    """
    log = logging.getLogger(f"node_adapter.{name}")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    with only_one(home, name):
        node = open_node(home, password)
        try:
            log.info("the %s process of %s begins", name, node.address)
            run(node, stop, ready)
            log.info("the %s process of %s ends", name, node.address)
        finally:
            node.store.dispose()


def main(name: str, run: Run, arguments: Sequence[str] | None = None) -> int:
    """Entry of `python -m node_adapter.<name>_process --node DIR`; returns the exit status."""
    parser = argparse.ArgumentParser(prog=f"node_adapter.{name}_process", description=f"the {name} process of a node")
    parser.add_argument("--node", type=Path, required=True, help="the node's directory")
    parser.add_argument("--password-file", type=Path, help="else BONAFIDES_KEYSTORE_PASSWORD")
    parser.add_argument("--password-fd", type=int, help="a pipe that holds the password")
    parser.add_argument("--ready-fd", type=int, help="a pipe to write to once the process does its work")
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        handed = options.password_fd
        password = read_password(file=options.password_file) if handed is None else read_handed_over(handed)
        run_process(name, options.node, password, run, partial(report_ready, options.ready_fd))
    except BonafidesError as error:
        logging.getLogger(f"node_adapter.{name}").error("%s", error)  # noqa: TRY400 - meant for a person, who needs no traceback
        return EXIT_FAILED if isinstance(error, CouldNotCheck) else EXIT_REFUSED
    return 0
