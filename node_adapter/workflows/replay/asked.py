"""Asking for a replay, and what became of it.

1. The request names one subject, a case and a reason.
2. Where the client has had another wallet (`succession`), each other identity is replayed beside it in the same way.
3. Reading originals is itself recorded: the ACCESS_LOG record of each identity comes first, through the same door as
   every fact, in one transaction with the replay that is to be made. Nothing is read before.
4. The replay waits until it is made (`workflows.replay.replay`), and is then kept for some days. An order of a
   regulator under this case is noted as answered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from domain.words import LANGUAGES
from node_adapter.node import Node
from node_adapter.store import anchors, records, replay_orders, replays, subjects
from node_adapter.store.records import RecordRow
from node_adapter.store.replays import DONE, FAILED, WAITING, ReplayRow, ReplayTexts
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.former.opened import FormerLook, look_at_former
from node_adapter.workflows.identity.succession import related
from node_adapter.workflows.replay.access import APPROVALS, log_access
from node_adapter.workflows.replay.replay import AskedReplay, Part, ReplayedIdentity
from primitives.errors import BonafidesError, CouldNotCheck, Refused
from primitives.shapes import Fields, Named, Nullable, OneOf
from primitives.timestamp import format_time
from primitives.uuid7 import ENTROPY_BYTES, uuid7
from replay.succession import SUCCEED, SUCCEEDED
from replay.wire.shapes import CASE, REASON, REFERENCE, exactly_one

KEPT_MS = 7 * 86_400_000
QUEUED = "queued"
MAX_WAITING = 50  # what a replay gives is kept for days: who asks without end would fill the disk
_WAYS = ("subject", "did")
_TIES = (SUCCEED, SUCCEEDED)
_ISSUED = ("identity", "document", "report_form", "language", "sha256", "bytes", "issued_to")
LANGUAGE = OneOf(*LANGUAGES)
REPLAY_REQUEST = Named(
    "ReplayRequest",
    Fields(
        {"case": CASE, "reason": REASON},
        {**dict.fromkeys(_WAYS, Nullable(REFERENCE)), "lang": LANGUAGE, "access": APPROVALS},
    ).note("The subject is named by subject or by did."),
)


def ask_replay(node: Node, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for the replay of a client ({"subject" or "did", "case", "reason", "lang"?, "access"?: signed looks}).

    Returns:
        {"id", "state": "waiting"}.

    Raises:
        InvalidInput: malformed request.
        Refused: `subject-not-found`, `no-records`; or what refuses an approval of the look.
        CouldNotCheck: `not-anchored`, nothing of the subject is anchored yet; `replays-waiting`, so many are asked for
            that this one would wait too long: nothing is recorded.
    """
    asked = REPLAY_REQUEST.read(request, "")  # (1)
    way = exactly_one(asked, _WAYS)
    case, reason = asked["case"], asked["reason"]
    now = node.clock.now_ms()
    with node.store.write() as connection:
        if replays.count_waiting(connection, MAX_WAITING) == MAX_WAITING:
            raise CouldNotCheck("replays-waiting", f"{MAX_WAITING} replays wait to be made; ask again in a while")
        opened = _identities(node, connection, way, asked[way])  # (2)
        for one in opened:  # (3)
            types = sorted({*one.former.types, *records.types_of(connection, one.subject.pid)})
            order = None if one.subject.did is None else replay_orders.find_order(connection, case, one.subject.did)
            log_access(
                node,
                connection,
                one.subject,
                case=case,
                reason=reason,
                types=types,
                order=order,
                approvals=asked.get("access"),
            )
        last = anchors.last_final(connection)
        wanted = AskedReplay(
            case=case,
            reason=reason,
            lang=asked.get("lang", LANGUAGES[0]),
            reach=0 if last is None else last.block,
            identities=tuple(ReplayedIdentity(one.relation, one.subject.pid) for one in opened),
        )
        row = ReplayRow(uuid7(now, node.entropy(ENTROPY_BYTES)), WAITING, wanted.to_json(), now)
        replays.add(connection, row)
    return {"id": row.id, "state": row.state}


@dataclass(frozen=True)
class _Opened:
    relation: str
    subject: SubjectRow
    former: FormerLook


def _identities(node: Node, connection: Connection, way: str, value: str) -> list[_Opened]:
    """Return every identity of the client, the one that was asked for first.

    It runs under the lock that facts are accepted under: no history is read whole.
    """
    find = {"subject": subjects.find_by_pid, "did": subjects.find_by_did}
    waiting = [("", _found(find[way](connection, value)))]
    opened: dict[str, _Opened] = {}
    for relation, subject in waiting:  # it grows
        if subject.pid in opened:
            continue
        former = look_at_former(node, subject, _TIES)
        first = records.at_places(connection, subject.pid, [1]).get(1)
        if first is None and not former.types:
            raise Refused("no-records", "subject: there is nothing to replay")
        if first is not None and not former.types and first.log_index >= anchors.anchored_size(connection):
            raise CouldNotCheck(
                "not-anchored", "no record of this subject is anchored yet; replay again after the next anchor"
            )
        opened[subject.pid] = _Opened(relation, subject, former)
        waiting += [
            (tie.relation, _found(subjects.find_by_pid(connection, tie.subject)))
            for tie in related([*former.rows, *records.of_types(connection, subject.pid, _TIES)])
            if relation in ("", tie.relation)
        ]
    return list(opened.values())


def _found(subject: SubjectRow | None) -> SubjectRow:
    if subject is None:
        raise Refused("subject-not-found", "subject: this broker has no such subject")
    return subject


@dataclass(frozen=True)
class WaitingReplay:
    """A replay to be made; `starts` is how often it was begun and broke off, since the process that made it ended."""

    id: str
    asked: AskedReplay
    starts: int


def next_replay(node: Node) -> WaitingReplay | None:
    """Return the replay to be made next; None where none waits."""
    with node.store.read() as connection:
        row = replays.next_waiting(connection)
    if row is None:
        return None
    return WaitingReplay(row.id, AskedReplay.of_json(row.asked), (row.progress or {}).get("starts", 0))


def keep_replay(node: Node, replay_id: str, asked: AskedReplay, made: Sequence[Part]) -> None:
    """Keep what was made, and note the orders that it answers; what shows a record that was erased meanwhile waits on.

    It is then made again, of what is left.
    """
    now = node.clock.now_ms()
    with node.store.write() as connection:
        if any(_shows_erased(connection, part.subject, texts) for part, texts in made):
            return
        replays.finish(connection, replay_id, made, now)
        for part, _ in made:  # (4)
            if part.did is not None:
                replay_orders.mark_answered(connection, asked.case, part.did, now)


def _shows_erased(connection: Connection, pid: str, texts: ReplayTexts) -> bool:
    """Say whether an erased record's envelope stands in a bundle; a text that names its id shows nothing of it."""
    return any(f'"record_id":"{record_id}"' in texts.bundle for record_id in records.erased_ids(connection, pid))


def keep_progress(
    node: Node, replay_id: str, step: str, identity: int, waits_for: BonafidesError | None = None, *, starts: int = 1
) -> None:
    """Keep how far a replay is: its step, of which identity, what it waits for there, and how often it was begun."""
    told = None if waits_for is None else {"code": waits_for.code, "detail": waits_for.detail}
    progress = {"step": step, "identity": identity, "since": node.clock.now_ms(), "waits_for": told, "starts": starts}
    with node.store.write() as connection:
        replays.note_progress(connection, replay_id, progress)


def keep_failure(node: Node, replay_id: str, error: BonafidesError) -> None:
    """Keep why a replay cannot be made."""
    with node.store.write() as connection:
        replays.fail(connection, replay_id, error, node.clock.now_ms())


def show_replay(node: Node, replay_id: str) -> dict[str, Any]:
    """Return how a replay stands, and what it found as far as it is no text.

    Returns:
        {"id", "state", "case", "asked_at", "done_at", "error": {"code", "detail"} or null, "progress", "subject",
        "did", "as_of", "checked", "not_checked", "reach", "issued": [what was given out of it, as recorded],
        "related": [of each other identity of the client, and of each history of format 1 that one continues, the same
        from "subject" to "reach", with its number and relation]};
        `as_of`, `reach` and what was checked are null and empty before it is done; `progress` is null after that, and
        says before it how many are made first, which step this one is at since when, of which identity of how many,
        and what it waits for there.

    Raises:
        Refused: `replay-not-found`, there is none, or not any more.
    """
    with node.store.read() as connection:
        row = _row(connection, replay_id)
        parts = replays.parts(connection, replay_id)
        before = replays.count_before(connection, replay_id, MAX_WAITING) if row.state == WAITING else 0
        issued, anchored = replays.issues(connection, replay_id), anchors.anchored_size(connection)
    asked = AskedReplay.of_json(row.asked)
    nothing: dict[str, Any] = {"did": None, "as_of": None, "checked": [], "not_checked": [], "reach": None}
    told = [{"subject": part.subject, "did": part.did, **part.standing} for part in parts]
    first = told[0] if told else {"subject": asked.identities[0].subject, **nothing}
    return {
        "id": row.id,
        "state": row.state,
        "case": asked.case,
        "asked_at": format_time(row.asked_at),
        "done_at": None if row.done_at is None else format_time(row.done_at),
        "error": None if row.error is None else {"code": row.error.code, "detail": row.error.detail},
        "progress": _progress(row, before, len(asked.identities)) if row.state == WAITING else None,
        "issued": [_issue(one, anchored=one.log_index < anchored) for one in issued],
        **first,
        "related": [
            {"number": part.number, "relation": part.relation, **one}
            for part, one in zip(parts[1:], told[1:], strict=True)
        ],
    }


def _issue(row: RecordRow, *, anchored: bool) -> dict[str, Any]:
    told = {} if row.payload is None else json.loads(row.payload)
    return {
        "record_id": row.record_id,
        "issued_at": format_time(row.accepted_at),
        "anchored": anchored,
        **{name: told.get(name) for name in _ISSUED},
    }


def _progress(row: ReplayRow, before: int, identities: int) -> dict[str, Any]:
    begun = row.progress or {"step": QUEUED, "identity": 0, "since": row.asked_at, "waits_for": None, "starts": 0}
    return {
        "before": before,
        "step": begun["step"],
        "since": format_time(begun["since"]),
        "identity": begun["identity"],
        "identities": identities,
        "waits_for": begun["waits_for"],
        "starts": begun.get("starts", 1),  # one that an earlier release began says nothing of it
    }


def replay_texts(node: Node, replay_id: str, number: int = 0) -> ReplayTexts:
    """Return bundle and report of one identity: 0 is the one that was asked for.

    Raises:
        Refused: `replay-not-found`, there is no such replay, or no such identity in it; `replay-waiting`, it is yet to
            be made.
        BonafidesError: why it could not be made.
    """
    with node.store.read() as connection:
        row = _row(connection, replay_id)
        found = replays.texts(connection, replay_id, number) if row.state == DONE else None
    if row.state == FAILED and row.error is not None:
        raise row.error
    if row.state == WAITING:
        raise Refused("replay-waiting", f"the replay {replay_id} is not made yet: ask again in a moment")
    if found is None:
        raise Refused("replay-not-found", f"number: the replay {replay_id} has no identity {number}")
    return found


def _row(connection: Connection, replay_id: str) -> ReplayRow:
    found = replays.find(connection, replay_id)
    if found is None:
        raise Refused("replay-not-found", "id: there is no such replay, or it is not kept any more")
    return found
