"""What stands between strangers' connections and the threads that answer: waitress, with bounds on what a client holds.

One loop in the main thread reads all connections and writes all answers; a thread is given a request only when all of
it is there, and is free again when its answer is handed over, however slowly the client reads. So a client that is
silent, slow or half-way through a request holds a socket and nothing else. Sockets are bounded too:

1. A connection that is silent, or whose request does not come on, is closed after a time; 408 if a request had begun.
2. Where there are too many connections, of one address or of all, the one that has done nothing for longest is closed,
   those that never brought a request first: a good client always gets in.
3. Where more requests wait than the threads will answer soon, a request is answered 503 at once.
4. A body above one object's size is read only from a caller whom the application knows; all bodies that are half there
   together are bounded.

Time is measured by the monotonic clock. Only this module knows waitress.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask

from api.bodies import MAX_BODY_BYTES, MAX_OBJECT_BYTES
from api.problems import CONTENT_TYPE, problem_of_status
from api.slots import ENVIRON_KEY, Slots

SWEEP_SECONDS = 0.5
PARTING_SECONDS = 2.0
_THROWN_AWAY_BYTES = 64 * 1024
_HIGH_WATERMARK = 4 * MAX_BODY_BYTES  # only an export may be longer, and let a thread wait for its reader

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
Admits = Callable[[Mapping[str, str]], bool]  # the headers of a request with a long body -> does the caller count?


@dataclass(frozen=True)
class Bounds:
    """What one client, and all together, may hold of one process.

    Attributes:
        silent_seconds: how long a connection may say nothing at all, or between two requests.
        head_seconds: how long the head of a request may take from its first byte.
        body_seconds: how long a body may take, beside a second for each `body_rate` bytes of it.
        body_rate: bytes in a second below which a client is too slow.
        answer_seconds: how long a client may leave an answer lying.
        connections: open at once.
        connections_per_address: open at once by one address that is not this machine's own.
        waiting: requests that wait for a thread.
        buffered_bytes: of all bodies together that are half there.
    """

    silent_seconds: float = 15.0
    head_seconds: float = 10.0
    body_seconds: float = 20.0
    body_rate: int = 16 * 1024
    answer_seconds: float = 60.0
    connections: int = 900
    connections_per_address: int = 128
    waiting: int = 256
    buffered_bytes: int = 4 * MAX_BODY_BYTES


class _Refusal(ErrorTask):  # type: ignore[misc] # waitress has no types
    """Tells what waitress itself refuses as a problem document."""

    def execute(self) -> None:
        error = self.request.error
        body = _problem(HTTPStatus(error.code), error.body)
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", CONTENT_TYPE))
        self.set_close_on_finish()
        self.channel.refused = True
        self.content_length = len(body)
        self.write(body)


class Connection(HTTPChannel):  # type: ignore[misc] # waitress has no types
    """One client's connection, with its times by the monotonic clock."""

    error_task_class = _Refusal
    server: Front
    request: Any = None  # the one that is not whole yet

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin silent."""
        self.heard = self.sent = time.monotonic()
        self.began: float | None = None  # when the first byte of the request came that is not whole yet
        self.admitted = False
        self.served = False
        self.refused = False  # the client may still be sending what nobody will read
        self.parting: float | None = None  # since when it is only listened to, so that it hears the refusal
        super().__init__(*args, **kwargs)

    @property
    def busy(self) -> bool:
        """A request of it is being answered, or waits for that."""
        return bool(self.requests)

    @property
    def buffered(self) -> int:
        """Bytes of a body that is not whole yet."""
        return 0 if self.request is None else int(self.request.body_bytes_received)

    def received(self, data: bytes) -> bool:
        """Take what the client sent, and look at a long body before more of it is read."""
        self.heard = time.monotonic()
        begun = self.request is not None
        taken = bool(super().received(data))
        if self.request is None:
            self.began, self.admitted = None, False
            return taken
        if not begun or self.began is None:
            self.began = self.heard
        request = self.request
        length = max(request.content_length, request.body_bytes_received)
        if request.headers_finished and length > MAX_OBJECT_BYTES and not self.admitted:
            self.admitted = self.server.admits(request.headers)
            if not self.admitted:
                self.refuse(HTTPStatus.UNAUTHORIZED, "a body of this length is read only with a valid token")
        return taken

    def refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer without a thread, and close."""
        body = _problem(status, detail)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {CONTENT_TYPE}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n"
        )
        extra = "Retry-After: 1\r\n" if status is HTTPStatus.SERVICE_UNAVAILABLE else ""
        answer = f"{head}{extra}\r\n".encode() + body
        with self.outbuf_lock:
            self.outbufs[-1].append(answer)
            self.current_outbuf_count += len(answer)
            self.total_outbufs_len += len(answer)
        if self.request is not None:
            self.request.close()
            self.request = None
        self.began = None
        self.refused = self.close_when_flushed = True

    def handle_close(self) -> None:
        """Close; after a refusal only our side at first: a socket that is closed on unread data loses what was said."""
        if self.refused and self.parting is None and self.connected:
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                super().handle_close()
                return
            self.parting = time.monotonic()
            self.will_close = self.close_when_flushed = False
            return
        super().handle_close()

    def drop(self) -> None:
        """Close at once."""
        self.refused = False
        self.handle_close()

    def readable(self) -> bool:
        """Say whether something is to be read: also what will be thrown away."""
        return self.parting is not None or bool(super().readable())

    def handle_read(self) -> None:
        """Read; what a refused client still sends is thrown away."""
        if self.parting is None:
            super().handle_read()
            return
        try:
            self.recv(_THROWN_AWAY_BYTES)  # closes at its end
        except OSError:
            self.handle_close()

    def service(self) -> None:
        """Answer the next request, in a thread."""
        self.served = True
        with self.server.slots.held():
            super().service()

    def _flush_some(self, do_close: bool = True) -> bool:
        moved = bool(super()._flush_some(do_close=do_close))
        if moved:
            self.sent = time.monotonic()
        return moved

    def is_too_slow(self, now: float, bounds: Bounds) -> bool:
        """Say whether a request that has begun does not come on."""
        if self.began is None or self.request is None:
            return False
        if not self.request.headers_finished:
            return now - self.began > bounds.head_seconds
        return now - self.began > bounds.body_seconds + self.buffered / bounds.body_rate

    def is_idle(self, now: float, bounds: Bounds) -> bool:
        """Say whether the connection has been of no use for too long."""
        if self.parting is not None:
            return now - self.parting > PARTING_SECONDS
        if self.total_outbufs_len:
            return now - max(self.sent, self.heard) > bounds.answer_seconds
        return not self.busy and self.began is None and now - max(self.heard, self.sent) > bounds.silent_seconds


class Front(TcpWSGIServer):  # type: ignore[misc] # waitress has no types
    """Serves an application on a listening socket that it was handed."""

    channel_class = Connection

    def __init__(
        self,
        application: Application,
        listening: socket.socket,
        *,
        threads: int,
        bounds: Bounds,
        admits: Admits,
        working: int | None = None,
    ) -> None:
        """Begin to accept; `loop_once` must be called to go on.

        Args:
            application: the WSGI application.
            listening: a bound socket; several processes may share it.
            threads: how many requests are answered at once.
            bounds: what clients may hold.
            admits: says of a request's headers whether its long body is to be read.
            working: how many of the threads work at once; the others wait. All of them, if none is given.
        """
        self.slots = Slots(working or threads)
        self.bounds = bounds
        self.admits = admits
        self._swept = 0.0
        adjustments = Adjustments(
            threads=threads,
            ident=None,
            max_request_body_size=MAX_BODY_BYTES,
            max_request_header_size=64 * 1024,
            outbuf_high_watermark=_HIGH_WATERMARK,
            asyncore_use_poll=True,
            backlog=1024,
            clear_untrusted_proxy_headers=True,
            log_socket_errors=False,  # strangers would fill the log
        )
        listening.setblocking(False)
        address = listening.getsockname()
        super().__init__(
            partial(_with_slots, application, self.slots),
            _sock=listening,
            adj=adjustments,
            sockinfo=(listening.family, listening.type, 0, address),
            bind_socket=False,
        )

    def loop_once(self, seconds: float) -> None:
        """Read, write and accept what is there, for at most so long."""
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)

    def readable(self) -> bool:
        """Look after the connections now and then, and say whether new ones are accepted."""
        now = time.monotonic()
        if now - self._swept >= SWEEP_SECONDS:
            self._swept = now
            self._sweep(now)
        return bool(self.accepting)

    def handle_accept(self) -> None:
        """Accept a connection; where there are too many, the least useful one makes room."""
        before = len(self.active_channels)
        super().handle_accept()
        if len(self.active_channels) > before:
            self._make_room(list(self.active_channels.values())[-1])

    def add_task(self, task: Connection) -> None:
        """Give a request to a thread, unless too many wait."""
        if len(self.task_dispatcher.queue) < self.bounds.waiting:
            super().add_task(task)
            return
        task.requests.pop(0).close()
        task.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "the node is busy; try again")

    @property
    def busy(self) -> bool:
        """Say whether a request is being answered, or an answer is on its way."""
        return any(one.busy or one.total_outbufs_len for one in self.active_channels.values())

    def stop_accepting(self) -> None:
        """Take no new connection; the open ones are served to their end."""
        self.accepting = False

    def _make_room(self, newest: Connection) -> None:
        everyone = [one for one in self.active_channels.values() if not one.will_close]
        if len(everyone) > self.bounds.connections:
            self._close_least_useful(everyone, newest)
        host = newest.addr[0] if isinstance(newest.addr, tuple) else ""
        same = [one for one in everyone if isinstance(one.addr, tuple) and one.addr[0] == host]
        if not is_own_address(host) and len(same) > self.bounds.connections_per_address:
            self._close_least_useful(same, newest)

    def _close_least_useful(self, among: list[Connection], newest: Connection) -> None:
        idle = [one for one in among if not one.busy and not one.total_outbufs_len and one is not newest]
        if not idle:
            newest.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections; try again")
            return
        min(idle, key=lambda one: (one.served, one.heard)).drop()

    def _sweep(self, now: float) -> None:
        buffered: list[Connection] = []
        for one in list(self.active_channels.values()):
            if one.is_too_slow(now, self.bounds):
                one.refuse(HTTPStatus.REQUEST_TIMEOUT, "the request did not come on")
            elif one.is_idle(now, self.bounds):
                one.will_close = True
            elif one.buffered:
                buffered.append(one)
        held = sum(one.buffered for one in buffered)
        for one in sorted(buffered, key=lambda one: one.began or 0.0):
            if held <= self.bounds.buffered_bytes:
                break
            held -= one.buffered
            one.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many bodies are half sent; try again")


def is_own_address(host: str) -> bool:
    """Say whether a caller is on this machine."""
    return host in ("127.0.0.1", "::1")


def _with_slots(application: Application, slots: Slots, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
    environ[ENVIRON_KEY] = slots
    return application(environ, start)


def _problem(status: HTTPStatus, detail: str) -> bytes:
    return json.dumps(problem_of_status(status, detail)).encode()
