"""How many requests are worked on at once, and whom a thread that waits lets in."""

import http.client
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from flask import Flask

from api.front import Bounds, Front
from api.slots import Slots, while_waiting
from tests.waiting import wait_until
from tests.world.served_front import serving

WORKING, THREADS = 2, 8


class Desk:
    """An application whose `/work` works and whose `/wait` waits for others, each until the test lets it go on."""

    def __init__(self):
        self.app = Flask("desk")
        self.at_work, self.waiting = 0, 0
        self.may_work, self.may_wait = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self.app.add_url_rule("/work", view_func=self.work)
        self.app.add_url_rule("/wait", view_func=self.wait)

    def count(self, name, by):
        with self._lock:
            setattr(self, name, getattr(self, name) + by)

    def work(self):
        self.count("at_work", 1)
        self.may_work.wait()
        self.count("at_work", -1)
        return "done"

    def wait(self):
        with while_waiting():
            self.count("waiting", 1)
            self.may_wait.wait()
        self.count("waiting", -1)
        return "done"


@contextmanager
def served(application):
    listening = socket.create_server(("127.0.0.1", 0))
    front = Front(
        application, listening, threads=THREADS, bounds=Bounds(), admits=lambda _headers: False, working=WORKING
    )
    with serving(front):
        yield listening.getsockname()[1]


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path)
    answer = connection.getresponse().read()
    connection.close()
    return answer


def test_so_many_work_at_once_and_no_more():
    desk = Desk()
    with served(desk.app) as port, ThreadPoolExecutor(THREADS) as pool:
        answers = [pool.submit(get, port, "/work") for _ in range(THREADS)]
        wait_until(lambda: desk.at_work == WORKING, "those who work")
        most = WORKING
        desk.may_work.set()
        for answer in answers:
            most = max(most, desk.at_work)
            assert answer.result() == b"done"
        assert most == WORKING


def test_who_waits_for_others_lets_others_work():
    desk = Desk()
    with served(desk.app) as port, ThreadPoolExecutor(THREADS) as pool:
        waiting = [pool.submit(get, port, "/wait") for _ in range(THREADS - 1)]
        wait_until(lambda: desk.waiting == THREADS - 1, "more that wait than may work")
        desk.may_work.set()
        assert pool.submit(get, port, "/work").result() == b"done"
        desk.may_wait.set()
        assert [answer.result() for answer in waiting] == [b"done"] * (THREADS - 1)


def test_a_request_that_fails_gives_its_place_back():
    desk = Desk()

    @desk.app.get("/fail")
    def fail():
        with while_waiting():
            raise ZeroDivisionError

    desk.may_work.set()
    with served(desk.app) as port:
        for _ in range(2 * WORKING):
            assert b"Internal Server Error" in get(port, "/fail")
        assert get(port, "/work") == b"done"


def test_a_server_that_counts_no_places_is_waited_in_as_well():
    desk = Desk()
    desk.may_wait.set()
    assert desk.app.test_client().get("/wait").data == b"done"


def test_no_place_is_left_that_nobody_holds():
    with pytest.raises(ValueError, match="released too many"), Slots(1).left():
        pytest.fail("a second one would work")
