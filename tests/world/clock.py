"""The time of a test's world, which the test moves."""

from __future__ import annotations

from node_adapter.life import SignOfLife

START = 1_795_220_000_000


class Clock:
    """`sleep` lets time pass, setting `now` sets the machine's time; `step_ms` passes whenever the time is read."""

    def __init__(self, step_ms=0):
        self.now = START
        self.tick = 1_000_000
        self.step_ms = step_ms

    def now_ms(self):
        self.now += self.step_ms
        self.tick += self.step_ms
        return self.now

    def monotonic_ms(self):
        return self.tick

    def sleep(self, seconds):
        self.now += int(seconds * 1000)
        self.tick += int(seconds * 1000)

    def sign_of_life(self):
        """What a chain process says that is well: it is read at the moment when it is written."""
        return SignOfLife("", 1, self.tick, answered=self.tick)
