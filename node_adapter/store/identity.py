"""What this database belongs to, and how its processes fare: the table `setting`.

`chain_id`, `genesis`, `member`, `directory` and `code:<address>` are written once. `worker.*` is the chain process's
own account of itself and `tasks.*` the task process's, for `/readyz` and the status page.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from node_adapter.store.operations import upsert
from node_adapter.store.schema import setting

_SEEN = "worker.seen_at"
_STALLED = "worker.stalled_since"
_HEAD = "worker.chain_head"
_STOPPED = "worker.stopped"
_TASKS_SEEN = "tasks.seen_at"
_VALUE = select(setting.c.value).where(setting.c.key == bindparam("wanted"))  # every request asks: it is built once


@dataclass(frozen=True)
class WorkerStatus:
    """How the chain process fares. Times in ms; None where there is nothing to say.

    Attributes:
        seen_at: when it last ran.
        stalled_since: since when the chain does not answer, or refuses what is asked.
        chain_head: the newest block that it has seen.
        stopped: why it refuses to go on.
    """

    seen_at: int | None
    stalled_since: int | None
    chain_head: int | None
    stopped: str | None


def get(connection: Connection, key: str) -> str | None:
    """Return a setting, or None."""
    return connection.execute(_VALUE, {"wanted": key}).scalar_one_or_none()


def put(connection: Connection, key: str, value: str) -> None:
    """Write a setting, whatever it was."""
    upsert(connection, setting, {"key": key, "value": value}, ("key",), {"value": value})


def put_worker_status(connection: Connection, status: WorkerStatus) -> None:
    """Write the chain process's account of itself."""
    put(connection, _SEEN, _text(status.seen_at))
    put(connection, _STALLED, _text(status.stalled_since))
    put(connection, _HEAD, _text(status.chain_head))
    put(connection, _STOPPED, status.stopped or "")


def worker_status(connection: Connection) -> WorkerStatus:
    """Return the chain process's account of itself."""
    return WorkerStatus(
        seen_at=_number(get(connection, _SEEN)),
        stalled_since=_number(get(connection, _STALLED)),
        chain_head=_number(get(connection, _HEAD)),
        stopped=get(connection, _STOPPED) or None,
    )


def put_tasks_seen(connection: Connection, now_ms: int) -> None:
    """Note that the task process runs."""
    put(connection, _TASKS_SEEN, _text(now_ms))


def tasks_seen(connection: Connection) -> int | None:
    """Return when the task process last ran."""
    return _number(get(connection, _TASKS_SEEN))


def _text(value: int | None) -> str:
    return "" if value is None else str(value)


def _number(text: str | None) -> int | None:
    return int(text) if text else None
