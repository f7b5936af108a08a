"""Jobs of many threads that one of them does together: what comes while it works goes into the next group.

The thread that finds nobody at work leads: it does its own job and all that wait, in the order in which they came. When
it has done, it wakes the others of its group, and the first that came meanwhile, which leads the next one. So a job
waits for the group that is being worked on and for its own, whoever else comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Generic, TypeVar

Job = TypeVar("Job")
Take = Callable[[], Sequence[Job]]


@dataclass(eq=False)
class _Waiting(Generic[Job]):
    """A job whose thread waits until it is done, or until it has to lead."""

    job: Job
    size: int
    awake: Event = field(default_factory=Event)
    done: bool = False
    error: BaseException | None = None


class Grouping(Generic[Job]):
    """Jobs that wait to be done together."""

    def __init__(self, most: int) -> None:
        """Begin with none; a group takes jobs of at most that size together, and always one."""
        self._most = most
        self._mutex = Lock()
        self._waiting: deque[_Waiting[Job]] = deque()
        self._led = False

    def do(self, job: Job, size: int, work: Callable[[Take[Job]], None]) -> None:
        """Have a job done by this thread or another one, and return when it is.

        Args:
            job: keeps what comes of it.
            size: how large it is beside others.
            work: does jobs. It is given what takes those that wait, and calls that once, as late as it can; it keeps in
                each what refuses that one alone. What it raises all of its group are told.
        """
        mine = _Waiting(job, size)
        with self._mutex:
            self._waiting.append(mine)
            leads, self._led = not self._led, True
        if not leads:
            mine.awake.wait()  # whoever leads wakes it, however the group ends
        if not mine.done:
            self._lead(work)
        if mine.error is not None:
            raise mine.error

    def _lead(self, work: Callable[[Take[Job]], None]) -> None:
        group: list[_Waiting[Job]] = []

        def take() -> Sequence[Job]:
            group.extend(self._next_group())
            return [one.job for one in group]

        error: BaseException | None = None
        try:
            work(take)
        except BaseException as raised:
            error = raised
        group = group or self._next_group()
        with self._mutex:
            following = self._waiting[0] if self._waiting else None
            self._led = following is not None
        for one in group:
            one.done, one.error = True, error
            one.awake.set()
        if following is not None:
            following.awake.set()

    def _next_group(self) -> list[_Waiting[Job]]:
        with self._mutex:
            group = [self._waiting.popleft()]
            size = group[0].size
            while self._waiting and size + self._waiting[0].size <= self._most:
                size += self._waiting[0].size
                group.append(self._waiting.popleft())
        return group
