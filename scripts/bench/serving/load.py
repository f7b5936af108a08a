"""Many keep-alive clients in one thread, each with one request on its way: what they send was made before they begin.

The generator runs on the processors that it measures. So it does as little as it can, and says what it took itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from scripts.bench.harness import percentile

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_STATUS = slice(9, 12)  # of "HTTP/1.1 201 Created"


@dataclass
class Load:
    """What clients were answered.

    Attributes:
        seconds: from the first request to the last answer.
        own_seconds: of a processor, which the generator itself took.
        latencies: seconds from a request to its whole answer.
        statuses: how often each status came.
    """

    seconds: float = 0.0
    own_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def at(self, share: float) -> float:
        """Return the seconds that a share of the answers did not exceed."""
        return percentile(self.latencies, share)


class _Client(asyncio.Protocol):
    """One connection: sends the next request of all when the answer to its last one is whole."""

    def __init__(self, requests: Iterator[bytes], load: Load, ended: Callable[[], None], pause: float) -> None:
        self._requests, self._load, self._ended, self._pause = requests, load, ended, pause
        self._buffer, self._sent = b"", 0.0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # what a TCP connection has
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(_HEAD_END)
        if not found or len(body) < _length_of(head):
            return
        self._load.latencies.append(time.perf_counter() - self._sent)
        self._load.statuses[head[_STATUS].decode()] += 1
        self._buffer = b""
        if self._pause:
            asyncio.get_running_loop().call_later(self._pause, self._next)
        else:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended()

    def _next(self) -> None:
        request = next(self._requests, None)
        if self._transport is None:
            return
        if request is None:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)


def _length_of(head: bytes) -> int:
    at = head.lower().index(_LENGTH) + len(_LENGTH)
    return int(head[at:].partition(b"\r\n")[0])


def post(host: str, port: int, requests: Sequence[bytes], clients: int, *, pause: float = 0.0) -> Load:
    """Send requests by so many clients at once, and return what came of it.

    Args:
        host: of the server.
        port: of the server.
        requests: whole HTTP requests, each sent once.
        clients: connections, each kept for all that it sends.
        pause: seconds that a client waits between an answer and its next request.
    """
    load = Load()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        left, over = clients, asyncio.Event()

        def ended() -> None:
            nonlocal left
            left -= 1
            if not left:
                over.set()

        given = iter(requests)
        for _ in range(clients):
            await loop.create_connection(lambda: _Client(given, load, ended, pause), host, port)
        await over.wait()

    begun, own = time.perf_counter(), time.process_time()
    asyncio.run(run())
    load.seconds, load.own_seconds = time.perf_counter() - begun, time.process_time() - own
    return load


def request_of(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return a whole HTTP request."""
    lines = [f"POST {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("ascii") + _HEAD_END + body
