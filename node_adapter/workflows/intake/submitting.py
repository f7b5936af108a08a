"""Facts on their way into the store: those of many requests share one transaction, and each gets its own outcome.

A transaction is dear, and a fact in it is cheap: what the chain says, the rule sets, the roster and the head of the log
are read once, one signature promises all, and the disk is waited for once. So the facts of all requests that wait go
in together (`node_adapter.grouping`). Nobody is told of a fact before its transaction is committed.

1. What refuses one fact is its own outcome. What the node itself cannot do fails all of the group alike. Anything else
   that fails in a group may be the fault of one request of it: then each is taken alone.
2. A request under an `Idempotency-Key` gets the answer that is kept under it, or its own is kept in the same
   transaction as its fact: no key is ever kept of what was not stored, or the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from domain.domains import Domains
from node_adapter.grouping import Take
from node_adapter.node import Node
from node_adapter.store import idempotency
from node_adapter.store.idempotency import StoredAnswer
from node_adapter.workflows.intake.accepted import Accepted
from node_adapter.workflows.intake.facts import Intake, outcome_of_fact, with_promise
from primitives.errors import BonafidesError, CouldNotCheck, Refused
from replay.wire.fact import IntakeFact, read_fact

Outcome = Accepted | BonafidesError
_SEVERAL = 2
_OF_THE_STORE = "store-"  # how the codes begin of what the database cannot do, for whomever
_OF_A_ROW = "store-unreadable"  # what one history holds, and no other


@dataclass(frozen=True)
class Key:
    """The key of a request: `row` as it is before there is an answer; `answer` fills it with that of a fact."""

    row: StoredAnswer
    answer: Callable[[Accepted], StoredAnswer] = field(repr=False)


@dataclass(eq=False)
class FactRequest:
    """One request's facts, read or refused, and what comes of it.

    That is one of three: an outcome for each fact, in order, with the answer that is kept under its key; the answer
    that was kept under it before; what failed for it alone.
    """

    facts: Sequence[IntakeFact | BonafidesError]
    key: Key | None = None
    outcomes: Sequence[Outcome] = ()
    answer: StoredAnswer | None = None
    earlier: StoredAnswer | None = None
    error: Exception | None = None


def submit_facts(
    node: Node, facts: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any], Domains], IntakeFact] = read_fact
) -> list[Outcome]:
    """Store facts in one transaction; each gets its own outcome, in order. `read` checks the shape of one.

    Raises:
        Refused: `member-unknown` or `member-suspended`: this member may not record.
        CouldNotCheck: the store is busy or full, or no block is indexed yet; nothing of this call was stored.
    """
    return list(_submitted(node, FactRequest([_read(node, fact, read) for fact in facts])).outcomes)


def submit_under_key(node: Node, fact: Mapping[str, Any], key: Key) -> tuple[StoredAnswer, bool]:
    """Store a fact, with its answer under a key; returns that or the one that was kept before, and whether it was.

    Raises:
        BonafidesError: what refuses the fact, and then nothing is kept under the key; `idempotency-key-reused`;
            otherwise as `submit_facts`.
    """
    submission = _submitted(node, FactRequest([_read(node, fact, read_fact)], key))
    if submission.earlier is not None:
        return submission.earlier, True
    if submission.answer is not None:
        return submission.answer, False
    [outcome] = submission.outcomes
    if isinstance(outcome, BonafidesError):
        raise outcome
    raise AssertionError("a fact was accepted under a key, and no answer was kept")


def _read(
    node: Node, fact: Mapping[str, Any], read: Callable[[Mapping[str, Any], Domains], IntakeFact]
) -> IntakeFact | BonafidesError:
    return outcome_of_fact(lambda value: read(value, node.domains), fact)


def _submitted(node: Node, submission: FactRequest) -> FactRequest:
    node.submissions.do(submission, len(submission.facts), lambda take: _store_waiting(node, take))
    if submission.error is not None:
        raise submission.error
    return submission


def _store_waiting(node: Node, take: Take[FactRequest]) -> None:
    """Store what waits once the write lock is held: whoever comes before that is of the group."""
    group: Sequence[FactRequest] = ()
    try:
        with node.store.write() as connection:
            group = take()
            alone = _store(node, connection, group)
    except Exception as error:
        if len(group) < _SEVERAL or _is_of_the_store(error):
            raise
        alone = list(group)
    _store_each(node, alone)


def _store_each(node: Node, submissions: Sequence[FactRequest]) -> None:
    failed: Exception | None = None
    for one in submissions:
        if failed is None or not _is_of_the_store(failed):
            failed = _failure_of(node, one)
        one.error = failed


def _failure_of(node: Node, submission: FactRequest) -> Exception | None:
    try:
        with node.store.write() as connection:
            _store(node, connection, [submission])
    except Exception as error:
        return error
    return None


def _is_of_the_store(error: Exception) -> bool:
    return isinstance(error, CouldNotCheck) and error.code.startswith(_OF_THE_STORE) and error.code != _OF_A_ROW


def _store(node: Node, connection: Connection, group: Sequence[FactRequest]) -> list[FactRequest]:
    """Store the facts of a group with their answers; return those that wait for the answer under the same key."""
    known = _known_answers(node, connection, group)
    first: dict[tuple[str, str], FactRequest] = {}
    fresh, later = [], []
    for one in group:
        one.outcomes, one.answer, one.earlier = (), None, None  # of a transaction that was rolled back nothing is told
        place = None if one.key is None else one.key.row.place
        if place in known:
            _answer_again(one, known[place])
        elif place is not None and first.setdefault(place, one) is not one:
            later.append(one)
        else:
            fresh.append(one)
    _take_facts(node, connection, fresh)
    for one in fresh:
        one.answer = _answer_of(one)
    idempotency.keep(connection, [one.answer for one in fresh if one.answer is not None])
    return later


def _take_facts(node: Node, connection: Connection, submissions: Sequence[FactRequest]) -> None:
    """Store what is well formed of the facts of some submissions, and set all their outcomes."""
    intake = Intake(
        node, connection, [fact for one in submissions for fact in one.facts if isinstance(fact, IntakeFact)]
    )
    found = [
        [fact if isinstance(fact, BonafidesError) else outcome_of_fact(intake.accept, fact) for fact in one.facts]
        for one in submissions
    ]
    promises = intake.flush()
    for one, outcomes in zip(submissions, found, strict=True):
        one.outcomes = [with_promise(outcome, promises) for outcome in outcomes]


def _known_answers(
    node: Node, connection: Connection, group: Sequence[FactRequest]
) -> Mapping[tuple[str, str] | None, StoredAnswer]:
    rows = [one.key.row for one in group if one.key is not None]
    if not rows:
        return {}
    idempotency.forget_old(connection, node.clock.now_ms())
    known = dict(idempotency.find(connection, rows))
    for place, row in known.items():
        if row.status == idempotency.IN_PROGRESS:  # an earlier release took it before its fact, and was ended between
            idempotency.release(connection, *place)
    return {place: row for place, row in known.items() if row.status != idempotency.IN_PROGRESS}


def _answer_again(submission: FactRequest, known: StoredAnswer) -> None:
    if submission.key is not None and known.request_digest != submission.key.row.request_digest:
        submission.outcomes = [Refused("idempotency-key-reused", "the key was used for another request")]
    else:
        submission.earlier = known


def _answer_of(submission: FactRequest) -> StoredAnswer | None:
    """Return what is kept under the key of a submission whose fact was accepted."""
    if submission.key is None:
        return None
    [outcome] = submission.outcomes
    return submission.key.answer(outcome) if isinstance(outcome, Accepted) else None
