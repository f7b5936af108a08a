"""Proofs of the chain's state that one process waits for and the chain process takes: a row a question.

Whoever asked drops the row. One whose process was killed meanwhile is dropped by its age.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from evidence.version2.state.headers import state_rule
from node_adapter.ports import TakenState
from node_adapter.store.schema import state_request
from primitives.encoding import decode_base64url, encode_base64url
from primitives.errors import CouldNotCheck


@dataclass(frozen=True)
class StateRequest:
    """A question that has no answer yet: the slots that are wanted of each account, and when (ms) it was asked."""

    id: str
    wanted: Mapping[str, Sequence[bytes]]
    asked_at: int


def ask(connection: Connection, request: StateRequest) -> None:
    """Store a question."""
    wanted = {address: [slot.hex() for slot in slots] for address, slots in request.wanted.items()}
    row = {"id": request.id, "wanted": json.dumps(wanted), "asked_at": request.asked_at}
    connection.execute(insert(state_request).values(**row))


def unanswered_after(connection: Connection, last: str) -> StateRequest | None:
    """Return the oldest question without an answer of those that were asked after that one; None where none is."""
    columns = (state_request.c.id, state_request.c.wanted, state_request.c.asked_at)
    waiting = select(*columns).where(state_request.c.answer.is_(None), state_request.c.id > last)
    row = connection.execute(waiting.order_by(state_request.c.id).limit(1)).one_or_none()
    return None if row is None else StateRequest(row.id, _slots(row.wanted), row.asked_at)


def answer(connection: Connection, request_id: str, said: TakenState | CouldNotCheck) -> None:
    """Store the proof, or why there is none; of a question that was dropped meanwhile nothing is kept."""
    text = json.dumps(_written(said))
    connection.execute(update(state_request).where(state_request.c.id == request_id).values(answer=text))


def take_answer(connection: Connection, request_id: str) -> TakenState | None:
    """Return the proof; None while there is no answer.

    Raises:
        CouldNotCheck: why there is none.
    """
    found = select(state_request.c.answer).where(state_request.c.id == request_id)
    text = connection.execute(found).scalar_one_or_none()
    return None if text is None else _read(text)


def drop(connection: Connection, request_id: str) -> None:
    """Remove a question, and what was answered."""
    connection.execute(delete(state_request).where(state_request.c.id == request_id))


def forget_before(connection: Connection, asked_ms: int) -> None:
    """Remove questions older than that: nobody waits for them."""
    connection.execute(delete(state_request).where(state_request.c.asked_at < asked_ms))


def _slots(text: str) -> dict[str, list[bytes]]:
    return {address: [bytes.fromhex(slot) for slot in slots] for address, slots in json.loads(text).items()}


def _written(said: TakenState | CouldNotCheck) -> dict[str, object]:
    if isinstance(said, CouldNotCheck):
        return {"code": said.code, "detail": said.detail}
    nodes = [encode_base64url(node) for node in said.nodes]
    return {"rule": said.rule, "header": encode_base64url(said.data), "nodes": nodes, "tries": said.tries}


def _read(text: str) -> TakenState:
    said = json.loads(text)
    if "code" in said:
        raise CouldNotCheck(said["code"], said["detail"])
    data = decode_base64url(said["header"], "header")
    nodes = tuple(decode_base64url(node, "nodes") for node in said["nodes"])
    return TakenState(said["rule"], state_rule(said["rule"]).parse(data, "header"), data, nodes, said["tries"])
