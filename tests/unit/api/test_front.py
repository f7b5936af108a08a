"""What one client may hold, and what it is told."""

import json
import socket
import threading
import time
from contextlib import closing, contextmanager

import pytest

from api.front import Bounds, Front
from tests.world.served_front import serving

TOKEN = "Bearer known"


class Application:
    """Answers the length of what came; `/wait` waits for the test."""

    def __init__(self):
        self.go_on = threading.Event()

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/wait":
            self.go_on.wait(20)
        length = len(environ["wsgi.input"].read())
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(length).encode()]


@contextmanager
def served(*, threads=1, **bounds):
    listening = socket.create_server(("127.0.0.1", 0))
    application = Application()
    front = Front(
        application,
        listening,
        threads=threads,
        bounds=Bounds(**bounds),
        admits=lambda headers: headers.get("AUTHORIZATION") == TOKEN,
    )
    port = listening.getsockname()[1]
    with serving(front):
        try:
            yield port, application
        finally:
            application.go_on.set()


def connect(port, said=b""):
    one = socket.create_connection(("127.0.0.1", port), timeout=10)
    one.sendall(said)
    return one


def rest(one):
    """Everything until the server closes."""
    found = b""
    while data := one.recv(65536):
        found += data
    return found


def answer(one):
    """Status and body of the one answer on a connection that is closed after it."""
    head, _, body = rest(one).partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def problem(one):
    status, body = answer(one)
    told = json.loads(body)
    assert told["status"] == status
    return status, told["code"]


def get(path="/", more=""):
    return f"GET {path} HTTP/1.1\r\nHost: n\r\n{more}\r\n".encode()


CLOSE = "Connection: close\r\n"


def test_a_silent_connection_is_closed_without_a_word():
    with served(silent_seconds=0.2) as (port, _), closing(connect(port)) as one:
        assert rest(one) == b""


def test_a_kept_connection_is_closed_when_nothing_follows():
    with served(silent_seconds=0.2) as (port, _), closing(connect(port, get())) as one:
        assert rest(one).endswith(b"0")


@pytest.mark.parametrize("said", [b"G", get()[:-2], b"POST / HTTP/1.1\r\nHost: n\r\nContent-Length: 9\r\n\r\nabc"])
def test_a_request_that_does_not_come_on_is_408(said):
    with served(head_seconds=0.3, body_seconds=0.3) as (port, _), closing(connect(port, said)) as one:
        assert problem(one) == (408, "request-timeout")


def test_a_request_that_drips_is_408_however_steadily():
    with served(head_seconds=0.5, silent_seconds=60) as (port, _), closing(connect(port)) as one:
        one.settimeout(0.02)
        begun = time.monotonic()
        for byte in get("/" + "x" * 1000):
            try:
                one.sendall(bytes([byte]))
                if one.recv(1):
                    break
            except (TimeoutError, BrokenPipeError, ConnectionResetError):
                continue
        assert time.monotonic() - begun < 10


def test_a_long_body_is_read_from_a_known_caller_only():
    length = 2 * 1024 * 1024
    head = f"POST / HTTP/1.1\r\nHost: n\r\nContent-Length: {length}\r\n{CLOSE}"
    with served() as (port, _):
        with closing(connect(port, f"{head}\r\n".encode())) as stranger:
            assert problem(stranger) == (401, "unauthorized")
        with closing(connect(port, f"{head}Authorization: {TOKEN}\r\n\r\n".encode())) as known:
            known.sendall(b"x" * length)
            assert answer(known) == (200, str(length).encode())


def test_a_long_body_of_unknown_length_is_stopped_where_it_becomes_long():
    head = "POST / HTTP/1.1\r\nHost: n\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with served() as (port, _), closing(connect(port, head.encode())) as stranger:
        for _ in range(17):
            stranger.sendall(chunk)
        assert problem(stranger) == (401, "unauthorized")


def test_what_http_itself_refuses_is_a_problem():
    with served() as (port, _):
        with closing(connect(port, get(more=f"X: {'x' * 70_000}\r\n"))) as one:
            assert problem(one)[0] == 431
        declared = f"POST / HTTP/1.1\r\nHost: n\r\nAuthorization: {TOKEN}\r\nContent-Length: {2**40}\r\n\r\n"
        with closing(connect(port, declared.encode())) as one:
            assert problem(one) == (413, "request-entity-too-large")


def test_the_connection_that_did_nothing_for_longest_makes_room():
    with served(connections=3) as (port, _):
        useful = connect(port, get())
        useful.recv(4096)
        silent = [connect(port) for _ in range(2)]
        newest = connect(port, get(more=CLOSE))
        assert answer(newest) == (200, b"0")
        assert rest(silent[0]) == b""
        useful.sendall(get(more=CLOSE))
        assert answer(useful) == (200, b"0")
        for one in (*silent, newest, useful):
            one.close()


def test_where_all_are_busy_a_newcomer_is_told_so():
    with served(connections=2, threads=2) as (port, application):
        busy = [connect(port, get("/wait", CLOSE)) for _ in range(2)]
        time.sleep(0.3)
        with closing(connect(port, get())) as newcomer:
            assert problem(newcomer) == (503, "service-unavailable")
        application.go_on.set()
        assert [answer(one) for one in busy] == [(200, b"0")] * 2
        for one in busy:
            one.close()


def test_more_requests_than_will_be_answered_soon_are_told_to_come_again():
    with served(threads=1, waiting=1) as (port, application):
        first = connect(port, get("/wait", CLOSE))
        time.sleep(0.2)
        second = connect(port, get("/", CLOSE))
        time.sleep(0.2)
        with closing(connect(port, get())) as third:
            assert problem(third) == (503, "service-unavailable")
        application.go_on.set()
        assert [answer(one)[0] for one in (first, second)] == [200, 200]
        first.close()
        second.close()


def test_bodies_that_are_half_there_are_bounded_together():
    head = f"POST / HTTP/1.1\r\nHost: n\r\nAuthorization: {TOKEN}\r\nContent-Length: 3000000\r\n\r\n".encode()
    with served(buffered_bytes=3_000_000) as (port, _):
        held = [connect(port, head + b"x" * 2_000_000) for _ in range(2)]
        assert problem(held[0]) == (503, "service-unavailable")
        held[1].sendall(b"x" * 1_000_000)
        assert held[1].recv(4096).startswith(b"HTTP/1.1 200")
        for one in held:
            one.close()
