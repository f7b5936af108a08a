"""What a node lets go of when it is old enough, and how far it has come (docs/adr/0091).

No proof rests on any of it. A transaction that was signed is needed while the chain may still lose its block: the block
up to which such were let go is kept, and a chain that is set back behind that block is refused.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, select, update

from node_adapter.store import identity
from node_adapter.store.outbox import FINAL, KIND_ANCHOR
from node_adapter.store.schema import (
    ALARM_CLOSED,
    BLOCK_WITH_RECEIPTS,
    TASK_WITH_STATE,
    WRITE_WITHOUT_ERROR,
    alarm,
    chain_block,
    outbox,
    outbox_attempt,
    own_transaction,
    task,
    task_message,
)
from node_adapter.store.tasks import ENDED
from primitives.errors import Refused

_KEY = "retention"
RECEIPTS_GONE = ""


@dataclass(frozen=True)
class Limits:
    """What is old enough: writes of this block and before (None of none), tasks and alarms that ended earlier (ms)."""

    block: int | None
    tasks_ms: int
    alarms_ms: int


@dataclass(frozen=True)
class LetGo:
    """What was let go of since the node was made.

    Attributes:
        block: transactions of this block and before are not kept any more; None while all are.
        at: when something was let go of last, in ms.
        writes: chain writes whose signed transactions are gone.
        nonces: own transactions of the index.
        receipts: blocks whose receipts are gone.
        tasks: ended tasks whose messages and engine's state are gone.
        alarms: closed alarms.
        gas: what writes used whose rows are gone, by kind.
    """

    block: int | None = None
    at: int | None = None
    writes: int = 0
    nonces: int = 0
    receipts: int = 0
    tasks: int = 0
    alarms: int = 0
    gas: dict[str, int] = field(default_factory=dict)


def let_go_so_far(connection: Connection) -> LetGo:
    """Return what was let go of."""
    kept = identity.get(connection, _KEY)
    return LetGo() if kept is None else LetGo(**json.loads(kept))


def require_kept(connection: Connection, after_block: int) -> None:
    """Refuse a chain that has lost blocks whose transactions were let go of: nobody could send them again.

    Raises:
        Refused: `reset-too-far`.
    """
    gone = let_go_so_far(connection).block
    if gone is not None and after_block < gone:
        raise Refused(
            "reset-too-far",
            f"the chain ends at block {after_block}, and what this node wrote into blocks up to {gone} is not kept any "
            "more: bring the chain's state back, or restore a backup of before",
        )


def block_before(connection: Connection, seconds: int) -> int | None:
    """Return the newest indexed block that is so much older than the newest one, by the chain's time, or None."""
    number, time = chain_block.c.number, chain_block.c.timestamp
    first = connection.execute(select(func.min(number))).scalar_one()  # asked for each alone an end is one look
    if first is None:
        return None
    low, high = first - 1, connection.execute(select(func.max(number))).scalar_one()
    latest = connection.execute(select(time).where(number == high)).scalar_one() - seconds
    while low < high:  # times ascend with numbers, and there is no index by time
        middle = (low + high + 1) // 2
        old = connection.execute(select(time).where(number == middle)).scalar_one() <= latest
        low, high = (middle, high) if old else (low, middle - 1)
    return low if low >= first else None


def is_over(connection: Connection, limits: Limits) -> bool:
    """Say whether there is anything to let go of; it asks without the write lock what `let_go` would find."""
    asked: list[Any] = [select(task.c.task_id).where(_task_over(limits)), select(alarm.c.id).where(_alarm_over(limits))]
    asked.append(_messages_over(limits))
    if limits.block is not None:
        asked += [select(outbox.c.id).where(_write_over(limits.block)), _nonces_over(connection, limits.block)]
        asked.append(select(chain_block.c.number).where(_receipts_over(limits.block)))
    return any(connection.execute(query.limit(1)).first() is not None for query in asked)


def let_go(connection: Connection, limits: Limits, most: int, now_ms: int) -> bool:
    """Let go of so many rows of each kind at the most; say whether there was anything.

    Args:
        connection: in a write transaction.
        limits: what is old enough.
        most: rows of each kind.
        now_ms: the time.
    """
    before = let_go_so_far(connection)
    gas, writes, nonces, receipts = dict(before.gas), 0, 0, 0
    if limits.block is not None:
        writes = _let_writes_go(connection, limits.block, most, gas)
        nonces = _let_nonces_go(connection, limits.block, most)
        receipts = _let_receipts_go(connection, limits.block, most)
    tasks, alarms = _let_tasks_go(connection, limits, most), _let_alarms_go(connection, limits, most)
    if not (writes or nonces or receipts or tasks or alarms):
        return False
    reached = max(before.block or 0, limits.block or 0) if writes or nonces else before.block
    after = LetGo(
        block=reached,
        at=now_ms,
        writes=before.writes + writes,
        nonces=before.nonces + nonces,
        receipts=before.receipts + receipts,
        tasks=before.tasks + tasks,
        alarms=before.alarms + alarms,
        gas=gas,
    )
    identity.put(connection, _KEY, json.dumps(asdict(after)))
    return True


def _write_over(block: int) -> ColumnElement[bool]:
    return and_(WRITE_WITHOUT_ERROR, outbox.c.block <= block, _unindexed(outbox.c.state) == FINAL)


def _let_writes_go(connection: Connection, block: int, most: int, gas: dict[str, int]) -> int:
    """Drop the transactions of settled writes, and an anchor's row with them: an anchor has its own, which is kept.

    Any other row stays as the sign that its write was made: under its key nothing is written twice.
    """
    query = select(outbox.c.id, outbox.c.kind, outbox.c.gas_used).where(_write_over(block))
    rows = connection.execute(query.order_by(outbox.c.block).limit(most)).all()
    for row in rows:
        connection.execute(delete(outbox_attempt).where(outbox_attempt.c.row_id == row.id))
        this = outbox.c.id == row.id
        if row.kind == KIND_ANCHOR:
            gas[row.kind] = gas.get(row.kind, 0) + (row.gas_used or 0)
            connection.execute(delete(outbox).where(this))
        else:
            connection.execute(update(outbox).where(this).values(raw=None))
    return len(rows)


def _nonces_over(connection: Connection, block: int) -> Select[tuple[int]]:
    """Return the nonces of that block and before, but for the last: which nonce is free is counted from it."""
    until = own_transaction.c.block <= block
    newest_first = (
        select(own_transaction.c.nonce)
        .where(until)
        .order_by(own_transaction.c.block.desc(), own_transaction.c.nonce.desc())
    )
    last = connection.execute(newest_first.limit(1)).scalar_one_or_none()
    return select(own_transaction.c.nonce).where(until, own_transaction.c.nonce < (-1 if last is None else last))


def _let_nonces_go(connection: Connection, block: int, most: int) -> int:
    over = _nonces_over(connection, block).order_by(own_transaction.c.nonce).limit(most)
    nonces = list(connection.execute(over).scalars())
    connection.execute(delete(own_transaction).where(own_transaction.c.nonce.in_(nonces)))
    return len(nonces)


def _receipts_over(block: int) -> ColumnElement[bool]:
    return and_(BLOCK_WITH_RECEIPTS, chain_block.c.number <= block)


def _let_receipts_go(connection: Connection, block: int, most: int) -> int:
    """Drop receipts, which were checked against their header when the block was indexed: format 2 proves by state."""
    over = select(chain_block.c.number).where(_receipts_over(block)).order_by(chain_block.c.number).limit(most)
    numbers = list(connection.execute(over).scalars())
    connection.execute(update(chain_block).where(chain_block.c.number.in_(numbers)).values(receipts=RECEIPTS_GONE))
    return len(numbers)


def _ended(limits: Limits) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _unindexed(task.c.state).in_(ENDED), task.c.updated_at < limits.tasks_ms


def _unindexed(state: ColumnElement[str]) -> ColumnElement[str]:
    """Return a state as an expression: by the index of states SQLite would go over all that ever ended."""
    return state + ""


def _task_over(limits: Limits) -> ColumnElement[bool]:
    return and_(TASK_WITH_STATE, *_ended(limits))


def _messages_over(limits: Limits) -> Select[tuple[str]]:
    old = task_message.c.received_at < limits.tasks_ms
    return (
        select(task_message.c.task_id).join(task, task.c.task_id == task_message.c.task_id).where(old, *_ended(limits))
    )


def _let_tasks_go(connection: Connection, limits: Limits, most: int) -> int:
    """Drop what an ended task needed to be computed: messages, and the engine's state, which holds its secret input."""
    over = (select(task.c.task_id).where(_task_over(limits)), _messages_over(limits))
    ids = {found for query in over for found in connection.execute(query.limit(most)).scalars()}
    for task_id in ids:
        connection.execute(delete(task_message).where(task_message.c.task_id == task_id))
        connection.execute(update(task).where(task.c.task_id == task_id).values(engine_state=None))
    return len(ids)


def _alarm_over(limits: Limits) -> ColumnElement[bool]:
    return and_(ALARM_CLOSED, alarm.c.closed_at < limits.alarms_ms)


def _let_alarms_go(connection: Connection, limits: Limits, most: int) -> int:
    ids = list(connection.execute(select(alarm.c.id).where(_alarm_over(limits)).limit(most)).scalars())
    connection.execute(delete(alarm).where(alarm.c.id.in_(ids)))
    return len(ids)
