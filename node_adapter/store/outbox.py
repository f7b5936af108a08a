"""The outbox: every chain write of the member, written in the transaction that makes it necessary.

    new -> signed (the raw transaction is committed before it leaves) -> sent -> final | failed

A row leaves `signed` or `sent` backwards only when the chain has lost it: see `reopen` and `unsign`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, case, func, insert, select, update

from node_adapter.ports import TransactionOutcome
from node_adapter.store.schema import outbox
from primitives.errors import InvalidInput, Refused

NEW, SIGNED, SENT, FINAL, FAILED = "new", "signed", "sent", "final", "failed"
STATES = (NEW, SIGNED, SENT, FINAL, FAILED)
KIND_ANCHOR = "anchor"
_ADDRESS_CHARACTERS = 42


@dataclass(frozen=True)
class OutboxRow:
    """One chain write. `nonce`, `raw` and `tx_hash` are there from `signed` on, `block` once it is final."""

    id: int
    kind: str
    key: str
    target: str
    data: bytes
    state: str
    nonce: int | None
    raw: bytes | None
    tx_hash: bytes | None
    block: int | None
    block_hash: bytes | None
    gas_used: int | None
    error: str | None
    created_at: int
    updated_at: int


def enqueue(connection: Connection, kind: str, key: str, target: str, data: bytes, now_ms: int) -> int:
    """Put a chain write into the outbox; the same key again returns the row that is there.

    Args:
        connection: a connection inside the caller's write transaction.
        kind: what it is, such as `anchor` or `did`.
        key: the caller's name for it, unique: the same write is made once.
        target: the contract's address, lower-case 0x hex.
        data: the call data.
        now_ms: the time.

    Returns:
        The row's id.

    Raises:
        Refused: `outbox-key-reused`, the key stands for another write.
    """
    if len(target) != _ADDRESS_CHARACTERS or target != target.lower():
        raise InvalidInput("target", "address", "must be 0x and 40 lower-case hexadecimal digits")
    there = by_key(connection, key)
    if there is not None:
        if (there.kind, there.target, there.data) != (kind, target, data):
            raise Refused("outbox-key-reused", f"the outbox holds another write under the key {key}")
        return there.id
    values = {"kind": kind, "key": key, "target": target, "data": data, "state": NEW}
    result = connection.execute(insert(outbox).values(**values, created_at=now_ms, updated_at=now_ms))
    return int(result.inserted_primary_key[0]) if result.inserted_primary_key else 0


def enqueue_again(connection: Connection, kind: str, key: str, target: str, data: bytes, now_ms: int) -> None:
    """Put a chain write into the outbox, also in place of one under its key that failed; any other one stays.

    Raises:
        Refused: `outbox-key-reused`, the key stands for a write of another kind.
    """
    there = by_key(connection, key)
    if there is None:
        enqueue(connection, kind, key, target, data, now_ms)
    elif there.kind != kind:
        raise Refused("outbox-key-reused", f"the outbox holds another write under the key {key}")
    elif there.state == FAILED:
        nothing = dict.fromkeys(("nonce", "raw", "tx_hash", "block", "block_hash", "gas_used", "error"))
        _set(connection, there.id, state=NEW, target=target, data=data, updated_at=now_ms, **nothing)


def by_key(connection: Connection, key: str) -> OutboxRow | None:
    """Return the row under a key, or None."""
    row = connection.execute(select(outbox).where(outbox.c.key == key)).first()
    return _row(row) if row else None


def by_id(connection: Connection, row_id: int) -> OutboxRow:
    """Return a row that exists."""
    return _row(connection.execute(select(outbox).where(outbox.c.id == row_id)).one())


def open_rows(connection: Connection, kind: str) -> list[OutboxRow]:
    """Return the rows of a kind that are neither final nor failed, oldest first."""
    query = select(outbox).where(outbox.c.kind == kind, outbox.c.state.in_((NEW, SIGNED, SENT))).order_by(outbox.c.id)
    return [_row(row) for row in connection.execute(query)]


def open_hashes(connection: Connection) -> dict[bytes, int]:
    """Return the transactions that are signed or sent and not settled, as hash -> id."""
    query = select(outbox.c.tx_hash, outbox.c.id).where(outbox.c.state.in_((SIGNED, SENT)))
    return {row.tx_hash: row.id for row in connection.execute(query)}


def next_open(connection: Connection) -> OutboxRow | None:
    """Return the row to work on: what is in flight by nonce, else the oldest new anchor, else the oldest new row."""
    in_flight = select(outbox).where(outbox.c.state.in_((SIGNED, SENT))).order_by(outbox.c.nonce).limit(1)
    anchors_first = case((outbox.c.kind == KIND_ANCHOR, 0), else_=1)
    fresh = select(outbox).where(outbox.c.state == NEW).order_by(anchors_first, outbox.c.id).limit(1)
    row = connection.execute(in_flight).first() or connection.execute(fresh).first()
    return _row(row) if row else None


def mark_signed(connection: Connection, row_id: int, nonce: int, raw: bytes, tx_hash: bytes, now_ms: int) -> None:
    """Keep the signed transaction: it may leave after this is committed, not before."""
    _set(connection, row_id, state=SIGNED, nonce=nonce, raw=raw, tx_hash=tx_hash, error=None, updated_at=now_ms)


def mark_sent(connection: Connection, row_id: int, now_ms: int) -> None:
    """The chain's node has taken the transaction (or had it already)."""
    _set(connection, row_id, state=SENT, updated_at=now_ms)


def mark_failed(connection: Connection, row_id: int, error: str, now_ms: int) -> None:
    """The contract refuses the call; it is not tried again."""
    _set(connection, row_id, state=FAILED, error=error, updated_at=now_ms)


def note_error(connection: Connection, row_id: int, error: str, now_ms: int) -> None:
    """Keep why the last try did not go through; the row stays where it is."""
    _set(connection, row_id, error=error, updated_at=now_ms)


def unsign(connection: Connection, row_id: int, now_ms: int) -> None:
    """Drop a signed transaction that can never be mined, so that the write is signed anew."""
    nothing: dict[str, Any] = {"nonce": None, "raw": None, "tx_hash": None}
    _set(connection, row_id, state=NEW, updated_at=now_ms, **nothing)


def settle(connection: Connection, row_id: int, outcome: TransactionOutcome, now_ms: int) -> None:
    """The write stands in a final block."""
    _set(connection, row_id, state=FINAL, error=None, updated_at=now_ms, **_where(outcome))


def settle_failed(connection: Connection, row_id: int, outcome: TransactionOutcome, error: str, now_ms: int) -> None:
    """The transaction stands in a final block, and the contract refused it."""
    _set(connection, row_id, state=FAILED, error=error, updated_at=now_ms, **_where(outcome))


def reopen(connection: Connection, after_block: int, now_ms: int) -> int:
    """The chain has lost every block after `after_block`: its final rows are to be sent again. Returns how many.

    `block` stays, as the sign that the row was final once; it is written anew when the row is final again.
    """
    result = connection.execute(
        update(outbox)
        .where(outbox.c.state == FINAL, outbox.c.block > after_block)
        .values(state=SIGNED, updated_at=now_ms)
    )
    return int(result.rowcount)


def counts(connection: Connection) -> dict[str, int]:
    """Return the number of rows in each state."""
    query = select(outbox.c.state, func.count()).group_by(outbox.c.state)
    found = {state: count for state, count in connection.execute(query)}
    return {state: found.get(state, 0) for state in STATES}


def _set(connection: Connection, row_id: int, **values: Any) -> None:
    connection.execute(update(outbox).where(outbox.c.id == row_id).values(**values))


def _where(outcome: TransactionOutcome) -> dict[str, Any]:
    return {"block": outcome.block, "block_hash": outcome.block_hash, "gas_used": outcome.gas_used}


def _row(row: Row[Any]) -> OutboxRow:
    return OutboxRow(**row._mapping)
