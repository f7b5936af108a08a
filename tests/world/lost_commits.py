"""What stands between a node and its PostgreSQL server, and breaks a connection at a commit that it is told of.

A commit whose answer is lost has happened or has not: the node cannot tell. Both are made here, on a real connection.
"""

from __future__ import annotations

import contextlib
import socket
import threading

from node_adapter.loopback_ports import LOOPBACK

_COMMIT = b"COMMIT\0"  # as a client's message of PostgreSQL's protocol ends
_CHUNK = 64 * 1024


class LostCommits:
    """A port of the loopback that hands on all that is said, but for the commit that a test asks to lose."""

    def __init__(self, server_port: int) -> None:
        """Listen; the server is asked when somebody connects."""
        self._server_port = server_port
        self._listening = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listening.getsockname()[1]
        self._mutex = threading.Lock()
        self._commits_left, self._happens = 0, True
        self.lost = 0  # commits so far
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, number: int = 1, *, happens: bool) -> None:
        """Break the connection at a later commit: the first one from now, the second, ...

        Args:
            number: which one.
            happens: the server does it, and only its answer is lost; otherwise the server is never asked.
        """
        with self._mutex:
            self._commits_left, self._happens = number, happens

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection((LOOPBACK, self._server_port))
            is_lost = threading.Event()
            for hand_on in (self._from_client, self._from_server):
                threading.Thread(target=hand_on, args=(client, server, is_lost), daemon=True).start()

    def _from_client(self, client: socket.socket, server: socket.socket, is_lost: threading.Event) -> None:
        with _closing(client, server):
            while said := client.recv(_CHUNK):
                if said.endswith(_COMMIT) and self._is_the_one():
                    if not self._happens:
                        return
                    is_lost.set()
                server.sendall(said)

    def _from_server(self, client: socket.socket, server: socket.socket, is_lost: threading.Event) -> None:
        with _closing(client, server):
            while (said := server.recv(_CHUNK)) and not is_lost.is_set():
                client.sendall(said)

    def _is_the_one(self) -> bool:
        with self._mutex:
            if self._commits_left == 0:
                return False
            self._commits_left -= 1
            self.lost += self._commits_left == 0
            return self._commits_left == 0


@contextlib.contextmanager
def _closing(*both: socket.socket):
    """End both sides, however one side ended."""
    try:
        with contextlib.suppress(OSError):
            yield
    finally:
        for one in both:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
