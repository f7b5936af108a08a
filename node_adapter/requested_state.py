"""Proofs of the chain's state, for a process that does not speak with the chain: the chain process takes them.

A question is a row of the store (`store.state_requests`). It must not be asked inside a write transaction: another
process writes the answer, and would wait for its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from node_adapter.ports import Clock, Entropy, TakenState
from node_adapter.store import state_requests
from node_adapter.store.engine import Store
from node_adapter.store.state_requests import StateRequest
from primitives.errors import CouldNotCheck
from primitives.uuid7 import ENTROPY_BYTES, uuid7

NOT_PROVED = "state-not-proved"
PATIENCE_MS = 10_000
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class RequestedState:
    """A `StateSource` that asks the chain process."""

    store: Store
    clock: Clock
    entropy: Entropy

    def __call__(self, wanted: Mapping[str, Sequence[bytes]]) -> TakenState:
        """Wait for the proofs, ten seconds at the most.

        Raises:
            CouldNotCheck: `state-not-proved`, nobody answered; or why the chain process has none.
        """
        now = self.clock.now_ms()
        request = StateRequest(uuid7(now, self.entropy(ENTROPY_BYTES)), wanted, now)
        with self.store.write() as connection:
            state_requests.ask(connection, request)
        try:
            return self._answer(request.id)
        finally:
            with self.store.write() as connection:
                state_requests.drop(connection, request.id)

    def _answer(self, request_id: str) -> TakenState:
        until = self.clock.monotonic_ms() + PATIENCE_MS
        while True:
            with self.store.read() as connection:
                taken = state_requests.take_answer(connection, request_id)
            if taken is not None:
                return taken
            if self.clock.monotonic_ms() >= until:
                raise CouldNotCheck(NOT_PROVED, "the chain process took no proof of the chain's state: does it run?")
            self.clock.sleep(_LOOK_SECONDS)
