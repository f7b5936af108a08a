"""Jobs that wait for each other's group: none is lost, doubled or left waiting, whatever fails."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from node_adapter.grouping import Grouping
from tests.waiting import wait_until

MOST = 8


class Desk:
    """Jobs of threads, with what is noted of each group; the first group waits until the test lets it go on."""

    def __init__(self, pool: ThreadPoolExecutor, most: int = MOST) -> None:
        self.grouping: Grouping[int] = Grouping(most)
        self.groups: list[list[int]] = []
        self.go_on, self.pool = Event(), pool
        self.failing: Callable[[list[int]], BaseException | None] = lambda _group: None

    def work(self, take):
        group = list(take())
        self.groups.append(group)
        if len(self.groups) == 1:
            self.go_on.wait()
        if error := self.failing(group):
            raise error

    def send(self, job: int, size: int = 1) -> Future[None]:
        """Have a job done in a thread; it has been taken or waits in its order when this returns."""
        waits = self.waiting
        done = self.pool.submit(self.grouping.do, job, size, self.work)
        wait_until(lambda: self.waiting > waits or [job] in self.groups or done.done(), "the job", every=0.001)
        return done

    @property
    def waiting(self) -> int:
        return len(self.grouping._waiting)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(32) as pool:
        yield pool


@pytest.fixture
def desk(pool):
    desk = Desk(pool)
    yield desk
    desk.go_on.set()


def test_who_waits_goes_into_the_next_group_in_order(desk):
    done = [desk.send(job) for job in range(6)]
    assert not any(one.done() for one in done)
    desk.go_on.set()
    assert [one.result() for one in done] == [None] * 6
    assert desk.groups == [[0], [1, 2, 3, 4, 5]]
    desk.send(6).result()
    assert desk.groups[-1] == [6]


def test_a_group_is_no_larger_than_it_may_be_and_never_empty(desk):
    done = [desk.send(0), desk.send(1, MOST + 1), desk.send(2, 3), desk.send(3, MOST - 3), desk.send(4)]
    desk.go_on.set()
    for one in done:
        one.result()
    assert desk.groups == [[0], [1], [2, 3], [4]]


def test_what_fails_a_group_each_of_it_is_told_and_nobody_else(desk):
    desk.failing = lambda group: ValueError("of the group") if 2 in group else None
    done = [desk.send(0), desk.send(1), desk.send(2)]
    desk.go_on.set()
    assert done[0].result() is None
    for one in done[1:]:
        with pytest.raises(ValueError, match="of the group"):
            one.result()
    assert desk.send(3).result() is None


def test_work_that_fails_before_it_takes_the_jobs_fails_those_that_wait(pool):
    grouping: Grouping[int] = Grouping(MOST)

    def refuse(_take):
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            grouping.do(1, 1, refuse)


def test_a_thousand_jobs_of_many_threads_are_each_done_once(pool):
    desk = Desk(pool)
    desk.go_on.set()
    list(pool.map(lambda job: desk.grouping.do(job, 1 + job % 5, desk.work), range(1000)))
    assert sorted(job for group in desk.groups for job in group) == list(range(1000))
