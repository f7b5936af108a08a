"""Tokens of a time-stamp authority over this member's checkpoints (RFC 3161): asked for beside the loop, and kept.

Specification: docs/spec/evidence-2.md, section 18. An authority beside the chain says not later than when a checkpoint
was there. No verdict rests on it, and nothing waits for it: an authority that is away is an alarm and nothing else. A
token is verified under the certificate that the operator pinned before it is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from evidence.version2.log.timestamp_token import MAX_TOKEN_BYTES, make_request, verify_token
from node_adapter.beside import beside
from node_adapter.node import Node
from node_adapter.settings import TimestampSettings
from node_adapter.store import alarms, timestamp_tokens
from node_adapter.store.timestamp_tokens import TimestampToken
from node_adapter.workflows.anchoring.cosigning import FinalCheckpoint, newest_checkpoint
from primitives.encoding import encode_base64url
from primitives.errors import BonafidesError, CouldNotCheck
from primitives.timestamp import format_time

QUERY_TYPE = "application/timestamp-query"
MAX_PAGE = 20
LOOK_EVERY_SECONDS = 5.0
END_SECONDS = 5.0
FIRST_WAIT_MS, LONGEST_WAIT_MS = 60_000, 3_600_000
_HOUR_MS = 3_600_000
_OK = 200

_log = logging.getLogger("node_adapter.timestamps")


class Stamping:
    """When the authority is asked next: what a process keeps in memory."""

    def __init__(self, node: Node, settings: TimestampSettings) -> None:
        """Nobody was asked yet."""
        self._node, self._settings = node, settings
        self._failed = 0
        self._not_before = 0

    def step(self) -> bool:
        """Ask for a token of the newest checkpoint where one is due; return whether one was kept."""
        node = self._node
        if node.clock.monotonic_ms() < self._not_before:
            return False
        with node.store.read() as connection:
            checkpoint = newest_checkpoint(connection)
            if checkpoint is None or not self._is_due(connection, checkpoint):
                return False
        try:
            token = self._ask(checkpoint)
        except BonafidesError as error:
            self._wait(error)
            return False
        with node.store.write() as connection:
            timestamp_tokens.add(connection, token)
            alarms.close_alarm(connection, alarms.TIMESTAMP_FAILED, node.clock.now_ms())
        self._failed = 0
        return True

    def _is_due(self, connection: Connection, checkpoint: FinalCheckpoint) -> bool:
        newest = timestamp_tokens.newest(connection, checkpoint.seq)
        if newest is None:
            return True
        passed = self._node.clock.now_ms() - newest.kept_at
        return newest.seq != checkpoint.seq and not 0 <= passed < self._settings.every_hours * _HOUR_MS

    def _ask(self, checkpoint: FinalCheckpoint) -> TimestampToken:
        """Return a token that holds.

        Raises:
            CouldNotCheck, InvalidInput, VerificationFailed: why there is none.
        """
        settings, home = self._settings, self._node.settings.home
        authority, roots = (_read(home, name) for name in (settings.authority, settings.roots))
        query = make_request(checkpoint.note)
        answer = self._node.ask(settings.url, query, QUERY_TYPE, max_bytes=MAX_TOKEN_BYTES)
        if answer.status != _OK:
            raise CouldNotCheck("timestamp-failed", f"the authority answered {answer.status}")
        stamped = verify_token(answer.body, checkpoint.note, authority, [roots])
        return TimestampToken(checkpoint.seq, stamped.time_ms, checkpoint.note, answer.body, self._node.clock.now_ms())

    def _wait(self, error: BonafidesError) -> None:
        wait = min(FIRST_WAIT_MS << min(self._failed, 10), LONGEST_WAIT_MS)
        self._failed += 1
        self._not_before = self._node.clock.monotonic_ms() + wait
        _log.warning("no time-stamp token: %s", error)
        with self._node.store.write() as connection:
            now = self._node.clock.now_ms()
            alarms.raise_alarm(connection, alarms.TIMESTAMP_FAILED, "authority", str(error), now)


def shown_tokens(node: Node, after: int, limit: int) -> dict[str, Any]:
    """Return tokens of checkpoints after a number, by number: {"timestamps": [...], "next_after"}."""
    with node.store.read() as connection:
        found = timestamp_tokens.page(connection, after, limit + 1)
    page = found[:limit]
    return {
        "timestamps": [
            {
                "seq": one.seq,
                "time": format_time(one.time_ms),
                "checkpoint": one.note,
                "token": encode_base64url(one.token),
            }
            for one in page
        ],
        "next_after": page[-1].seq if len(found) > limit else None,
    }


def _read(home: Path, name: str) -> bytes:
    try:
        return (home / name).read_bytes()
    except OSError as error:
        raise CouldNotCheck("timestamp-failed", f"{home / name}: {error.strerror}") from error


@contextmanager
def stamping(node: Node) -> Iterator[None]:
    """Ask the authority beside whatever is done within, where the settings name one and there is a log."""
    settings = node.settings.timestamps
    if settings is None or node.settings.member.role != "broker":
        yield
        return
    stamped = Stamping(node, settings)
    with beside("timestamps", stamped.step, idle_seconds=LOOK_EVERY_SECONDS, end_seconds=END_SECONDS):
        yield
