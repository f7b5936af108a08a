"""The outbox: every chain write of the member, written in the transaction that makes it necessary.

    new -> signed (the raw transaction is committed before it leaves) -> sent -> final | failed

A row leaves `signed` or `sent` backwards only when the chain has lost it: see `reopen` and `unsign`. Every transaction
that was signed for a row is kept as an attempt; any of them that is found in a final block settles the row. Long after
that they go, and an anchor's row with them: see `retention`. A failed row is tried again only by command: see `retry`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, case, delete, func, insert, select, update

from node_adapter.ports import TransactionOutcome
from node_adapter.store import restored
from node_adapter.store.operations import add_once, upsert
from node_adapter.store.schema import outbox, outbox_attempt
from primitives.digest import tagged_sha256
from primitives.errors import InvalidInput, Refused

NEW, SIGNED, SENT, FINAL, FAILED = "new", "signed", "sent", "final", "failed"
STATES = (NEW, SIGNED, SENT, FINAL, FAILED)
KIND_ANCHOR = "anchor"
CALL_TAG = "bonafides/call/1"
_ADDRESS_CHARACTERS = 42


@dataclass(frozen=True)
class Attempt:
    """One signed transaction of a write; `max_fee` is what it pays for a unit of gas at most, in wei."""

    tx_hash: bytes
    row_id: int
    nonce: int
    max_fee: int
    raw: bytes
    signed_at: int


@dataclass(frozen=True)
class OutboxRow:
    """One chain write. `nonce`, `raw` and `tx_hash` are there from `signed` on, `block` once it is final.

    They are those of the newest attempt, and of the one that settled the row once it is final.
    """

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
        CouldNotCheck: `node-restored`, a copy does not know what the chain has of it.
    """
    restored.require_caught_up(connection)
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


def call_id(key: str) -> bytes:
    """Return the id under which a contract takes the call of a row once (docs/spec/contracts.md, Votes)."""
    return tagged_sha256(CALL_TAG, key.encode("utf-8"))


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
        _set(connection, there.id, target=target, data=data)
        retry(connection, key, now_ms)


def retry(connection: Connection, key: str, now_ms: int) -> None:
    """Try a failed write again, as a new one; what was signed for it before is kept and can still settle it.

    Raises:
        Refused: `outbox-not-found`, `outbox-not-failed`.
    """
    row = by_key(connection, key)
    if row is None:
        raise Refused("outbox-not-found", f"key: the outbox holds nothing under {key}")
    if row.state != FAILED:
        raise Refused("outbox-not-failed", f"key: {key} is {row.state}; only what failed is tried again")
    nothing = dict.fromkeys(("nonce", "raw", "tx_hash", "block", "block_hash", "gas_used", "error"))
    _set(connection, row.id, state=NEW, updated_at=now_ms, **nothing)


def under(connection: Connection, prefix: str, states: Collection[str]) -> list[OutboxRow]:
    """Return the rows whose key begins with `prefix`, which ends with a colon, and that are in one of the states."""
    if not prefix.endswith(":"):
        raise InvalidInput("prefix", "pattern", "must end with a colon")
    query = select(outbox).where(
        outbox.c.key >= prefix,
        outbox.c.key < prefix[:-1] + ";",  # ";" follows ":": every key with this prefix, by the index
    )
    # The states are looked at here: in the query they would lead it over every open row, ten thousand in a bulk.
    found = [_row(row) for row in connection.execute(query)]
    return sorted((row for row in found if row.state in states), key=lambda row: row.id)


def in_state(connection: Connection, state: str | None = None) -> list[OutboxRow]:
    """Return the rows in a state, or all that are not final, the oldest first."""
    wanted = outbox.c.state.in_([state] if state is not None else [one for one in STATES if one != FINAL])
    return [_row(row) for row in connection.execute(select(outbox).where(wanted).order_by(outbox.c.id))]


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


def row_of_attempt(connection: Connection, tx_hash: bytes) -> OutboxRow | None:
    """Return the write that a transaction was ever signed for, or None."""
    query = select(outbox).join(outbox_attempt, outbox_attempt.c.row_id == outbox.c.id)
    row = connection.execute(query.where(outbox_attempt.c.tx_hash == tx_hash)).first()
    return _row(row) if row else None


def attempts(connection: Connection, row_id: int) -> list[Attempt]:
    """Return every transaction that was signed for a write, by nonce and price."""
    query = select(outbox_attempt).where(outbox_attempt.c.row_id == row_id)
    query = query.order_by(outbox_attempt.c.nonce, outbox_attempt.c.max_fee)
    return [Attempt(**row) for row in connection.execute(query).mappings()]


def next_open(connection: Connection, waiting: Iterable[int] = ()) -> OutboxRow | None:
    """Return the row to work on: what is in flight by nonce, else the oldest new anchor, else the oldest new row.

    New rows among `waiting` are passed over, so that one that must wait keeps no other back.
    """
    in_flight = select(outbox).where(outbox.c.state.in_((SIGNED, SENT))).order_by(outbox.c.nonce).limit(1)
    anchors_first = case((outbox.c.kind == KIND_ANCHOR, 0), else_=1)
    fresh = select(outbox).where(outbox.c.state == NEW).order_by(anchors_first, outbox.c.id)
    row = connection.execute(in_flight).first()
    if row is None:
        row = connection.execute(fresh.where(outbox.c.id.not_in(list(waiting))).limit(1)).first()
    return _row(row) if row else None


def mark_signed(connection: Connection, attempt: Attempt) -> None:
    """Keep a signed transaction: it may leave after this is committed, not before."""
    add_once(connection, outbox_attempt, vars(attempt))
    _set(
        connection,
        attempt.row_id,
        state=SIGNED,
        error=None,
        updated_at=attempt.signed_at,
        nonce=attempt.nonce,
        raw=attempt.raw,
        tx_hash=attempt.tx_hash,
    )


def mark_sent(connection: Connection, row_id: int, now_ms: int) -> None:
    """The chain's node has taken the transaction (or had it already)."""
    _set(connection, row_id, state=SENT, updated_at=now_ms)


def mark_failed(connection: Connection, row_id: int, error: str, now_ms: int) -> None:
    """The contract refuses the call; it is not tried again."""
    _set(connection, row_id, state=FAILED, error=error, updated_at=now_ms)


def note_error(connection: Connection, row_id: int, error: str) -> None:
    """Keep why the last try did not go through; the row stays where it is."""
    _set(connection, row_id, error=error)


def unsign(connection: Connection, row_id: int, now_ms: int) -> None:
    """The signed transaction can never be mined: the write is signed anew. What was signed stays among the attempts."""
    nothing: dict[str, Any] = {"nonce": None, "raw": None, "tx_hash": None}
    _set(connection, row_id, state=NEW, updated_at=now_ms, **nothing)


def renew(connection: Connection, row_id: int, data: bytes, now_ms: int) -> None:
    """The call would be refused as it is: it is made anew, and signed anew."""
    _set(connection, row_id, data=data)
    unsign(connection, row_id, now_ms)


def settle(connection: Connection, row_id: int, outcome: TransactionOutcome, now_ms: int) -> None:
    """The write stands in a final block, by whichever of its transactions."""
    _set(connection, row_id, state=FINAL, error=None, updated_at=now_ms, **_where(connection, outcome))


def settle_failed(connection: Connection, row_id: int, outcome: TransactionOutcome, error: str, now_ms: int) -> None:
    """The transaction stands in a final block, and the contract refused it."""
    _set(connection, row_id, state=FAILED, error=error, updated_at=now_ms, **_where(connection, outcome))


def settle_elsewhere(
    connection: Connection, key: str, target: str, place: tuple[int, bytes, bytes], now_ms: int
) -> None:
    """An anchor under this key stands on the chain, and no transaction that was signed for it here made it.

    Its call is made anew where a chain reset takes it away.

    Args:
        connection: in a write transaction.
        key: of the row, which is made where there is none.
        target: the contract.
        place: block, block hash and transaction.
        now_ms: the time.
    """
    block, block_hash, tx_hash = place
    stands: dict[str, Any] = {"block": block, "block_hash": block_hash, "tx_hash": tx_hash, "nonce": None, "raw": None}
    values = {"target": target, "data": b"", "state": FINAL, "error": None, "updated_at": now_ms, **stands}
    new = {"kind": KIND_ANCHOR, "key": key, "created_at": now_ms, **values}
    upsert(connection, outbox, new, ("key",), values)


def drop(connection: Connection, key: str) -> None:
    """Take away a write that is not to be made any more, with all that was signed for it: the chain would refuse it."""
    row = by_key(connection, key)
    if row is not None:
        connection.execute(delete(outbox_attempt).where(outbox_attempt.c.row_id == row.id))
        connection.execute(delete(outbox).where(outbox.c.id == row.id))


def reopen(connection: Connection, after_block: int, now_ms: int) -> int:
    """The chain has lost every block after `after_block`: what stood in them is to be sent again. Returns how many.

    Reverted ones too: each transaction holds the place of its nonce, so the same history comes back without a gap.
    `block` stays, as the sign that the row was in a final block once; it is written anew when it is in one again.
    """
    result = connection.execute(
        update(outbox)
        .where(outbox.c.state.in_((FINAL, FAILED)), outbox.c.block > after_block)
        .values(state=SIGNED, updated_at=now_ms)
    )
    return int(result.rowcount)


def counts(connection: Connection) -> dict[str, int]:
    """Return the number of rows in each state."""
    query = select(outbox.c.state, func.count()).group_by(outbox.c.state)
    found = {state: count for state, count in connection.execute(query)}
    return {state: found.get(state, 0) for state in STATES}


def gas_used(connection: Connection) -> dict[str, int]:
    """Return the gas that final chain writes have used, by kind."""
    used = func.coalesce(func.sum(outbox.c.gas_used), 0)
    query = select(outbox.c.kind, used).where(outbox.c.state == FINAL).group_by(outbox.c.kind)
    return {kind: int(gas) for kind, gas in connection.execute(query)}


def _set(connection: Connection, row_id: int, **values: str | bytes | int | None) -> None:
    connection.execute(update(outbox).where(outbox.c.id == row_id).values(**values))


def _where(connection: Connection, outcome: TransactionOutcome) -> dict[str, Any]:
    place = {"block": outcome.block, "block_hash": outcome.block_hash, "gas_used": outcome.gas_used}
    mined = connection.execute(select(outbox_attempt).where(outbox_attempt.c.tx_hash == outcome.hash)).first()
    if mined is not None:
        place |= {"nonce": mined.nonce, "raw": mined.raw, "tx_hash": mined.tx_hash}
    return place


def _row(row: Row[Any]) -> OutboxRow:
    return OutboxRow(**row._mapping)
