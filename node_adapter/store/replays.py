"""Replays that were asked for, and what they gave: for each identity of the client a bundle and a report.

They hold originals of a client. So they are kept for days, and those of a subject can be dropped at once.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from node_adapter.store.records import RecordRow
from node_adapter.store.schema import record, replay, replay_document
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused, VerificationFailed

ISSUE_REFERENCE = "report-issue:"
_AFTER_HEX = "g"
WAITING, DONE, FAILED = "waiting", "done", "failed"
_KINDS = {kind.__name__: kind for kind in (Refused, VerificationFailed, CouldNotCheck)}


@dataclass(frozen=True)
class ReplayRow:
    """A replay that was asked for.

    Attributes:
        id: in the order of time.
        state: waiting, done or failed.
        asked: what was asked for.
        asked_at: milliseconds.
        done_at: milliseconds; None while it waits.
        error: why it failed; None else.
        progress: how far it is, of one that waits and was begun.
    """

    id: str
    state: str
    asked: Mapping[str, Any]
    asked_at: int
    done_at: int | None = None
    error: BonafidesError | None = None
    progress: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ReplayPart:
    """Of whom one part of a replay is, and what is told of it without its texts.

    Attributes:
        number: 0 of the identity that was asked for.
        relation: to that one; empty of that one itself.
        subject: the pseudonym.
        did: of the identity, or None.
        standing: as of when, what was checked, what was not.
    """

    number: int
    relation: str
    subject: str
    did: str | None
    standing: Mapping[str, Any]


@dataclass(frozen=True)
class ReplayTexts:
    """The texts of one part: the bundle, the report's page, and the report as JSON."""

    bundle: str = field(repr=False)
    report_html: str = field(repr=False)
    report: str = field(repr=False)

    @property
    def content(self) -> dict[str, Any]:
        """The report as data."""
        content: dict[str, Any] = json.loads(self.report)
        return content


def add(connection: Connection, row: ReplayRow) -> None:
    """Store a replay that waits."""
    values = {"id": row.id, "state": row.state, "asked": json.dumps(row.asked), "asked_at": row.asked_at}
    connection.execute(insert(replay).values(**values))


def find(connection: Connection, replay_id: str) -> ReplayRow | None:
    """Return a replay, or None."""
    found = connection.execute(select(replay).where(replay.c.id == replay_id)).mappings().one_or_none()
    return None if found is None else _row(found)


def count_waiting(connection: Connection, most: int) -> int:
    """Return how many replays wait, of which no more than so many are counted."""
    some = select(replay.c.id).where(replay.c.state == WAITING).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def count_before(connection: Connection, replay_id: str, most: int) -> int:
    """Return how many replays wait that were asked for before that one, of which no more than so many are counted."""
    earlier = select(replay.c.id).where(replay.c.state == WAITING, replay.c.id < replay_id).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(earlier)).scalar_one())


def note_progress(connection: Connection, replay_id: str, progress: Mapping[str, Any]) -> None:
    """Keep how far a replay is."""
    connection.execute(update(replay).where(replay.c.id == replay_id).values(progress=json.dumps(progress)))


def next_waiting(connection: Connection) -> ReplayRow | None:
    """Return the oldest replay that waits."""
    waiting = select(replay).where(replay.c.state == WAITING).order_by(replay.c.id).limit(1)
    found = connection.execute(waiting).mappings().one_or_none()
    return None if found is None else _row(found)


def finish(
    connection: Connection, replay_id: str, parts: Sequence[tuple[ReplayPart, ReplayTexts]], now_ms: int
) -> None:
    """Keep what a replay gave."""
    for part, texts in parts:
        told = {**vars(part), "standing": json.dumps(part.standing)}
        connection.execute(insert(replay_document).values(replay=replay_id, **told, **vars(texts)))
    connection.execute(update(replay).where(replay.c.id == replay_id).values(state=DONE, done_at=now_ms))


def fail(connection: Connection, replay_id: str, error: BonafidesError, now_ms: int) -> None:
    """Keep why a replay could not be made."""
    told: dict[str, str] = {"kind": type(error).__name__, "code": error.code, "detail": error.detail}
    if isinstance(error, InvalidInput):  # what was asked was read before: it is the store that holds nonsense
        told = {"kind": VerificationFailed.__name__, "code": "local-store", "detail": str(error)}
    values = {"state": FAILED, "done_at": now_ms, "error": json.dumps(told)}
    connection.execute(update(replay).where(replay.c.id == replay_id).values(**values))


def parts(connection: Connection, replay_id: str) -> list[ReplayPart]:
    """Return the parts of a replay, without their texts."""
    columns = [replay_document.c[part.name] for part in dataclasses.fields(ReplayPart)]
    found = select(*columns).where(replay_document.c.replay == replay_id).order_by(replay_document.c.number)
    return [
        ReplayPart(**{**row, "standing": json.loads(row["standing"])}) for row in connection.execute(found).mappings()
    ]


def texts(connection: Connection, replay_id: str, number: int) -> ReplayTexts | None:
    """Return the texts of one part, or None."""
    columns = [replay_document.c[part.name] for part in dataclasses.fields(ReplayTexts)]
    of_part = (replay_document.c.replay == replay_id, replay_document.c.number == number)
    found = connection.execute(select(*columns).where(*of_part)).mappings().one_or_none()
    return None if found is None else ReplayTexts(**found)


def issue_reference(replay_id: str) -> str:
    """Return how the references begin of the records which say that a document of a replay was given out."""
    return f"{ISSUE_REFERENCE}{replay_id}:"


def issues(connection: Connection, replay_id: str) -> list[RecordRow]:
    """Return the records of what was given out of a replay, in log order; also of one that is not kept any more."""
    start = issue_reference(replay_id)
    ours = (record.c.source_ref >= start, record.c.source_ref < start + _AFTER_HEX)
    found = select(record).where(*ours).order_by(record.c.log_index)
    return [RecordRow(**row) for row in connection.execute(found).mappings()]


def forget_before(connection: Connection, asked_ms: int) -> None:
    """Remove replays that were asked for earlier, whatever became of them."""
    old = select(replay.c.id).where(replay.c.asked_at < asked_ms)
    connection.execute(delete(replay_document).where(replay_document.c.replay.in_(old)))
    connection.execute(delete(replay).where(replay.c.asked_at < asked_ms))


def forget_of(connection: Connection, pid: str) -> None:
    """Remove all that replays gave of a subject, whole replays at a time: what is erased may not stand in one."""
    of_subject = select(replay_document.c.replay).where(replay_document.c.subject == pid)
    ids = list(connection.execute(of_subject).scalars())
    connection.execute(delete(replay_document).where(replay_document.c.replay.in_(ids)))
    connection.execute(delete(replay).where(replay.c.id.in_(ids)))


def _row(found: Mapping[Any, Any]) -> ReplayRow:
    error = None
    if found["error"] is not None:
        told = json.loads(found["error"])
        error = _KINDS[told["kind"]](told["code"], told["detail"])
    progress = None if found["progress"] is None else json.loads(found["progress"])
    return ReplayRow(**{**found, "asked": json.loads(found["asked"]), "error": error, "progress": progress})
