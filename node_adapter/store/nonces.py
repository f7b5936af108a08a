"""Nonces that serve once: challenges of ours, and the nonces of other members' messages.

A nonce is used up by one UPDATE or INSERT under the database's write lock: two processes cannot both succeed.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from node_adapter.store.operations import add_once
from node_adapter.store.schema import proof_nonce


@dataclass(frozen=True)
class NonceRow:
    """A nonce of one kind (`use`: proof, session or peer), bound to a holder and a purpose."""

    nonce: str
    use: str
    holder: str
    purpose: str
    expires_at: int
    used_at: int | None


def insert_nonce(connection: Connection, row: NonceRow) -> None:
    """Store a challenge of ours."""
    connection.execute(insert(proof_nonce).values(**vars(row)))


def find_nonce(connection: Connection, nonce: str, use: str) -> NonceRow | None:
    """Return a nonce of that kind, or None."""
    statement = select(proof_nonce).where(proof_nonce.c.nonce == nonce, proof_nonce.c.use == use)
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else NonceRow(**row)


def use_nonce(connection: Connection, nonce: str, use: str, now_ms: int) -> bool:
    """Use up a nonce of ours; False when it is unknown or was used before."""
    statement = (
        update(proof_nonce)
        .where(proof_nonce.c.nonce == nonce, proof_nonce.c.use == use, proof_nonce.c.used_at.is_(None))
        .values(used_at=now_ms)
    )
    return connection.execute(statement).rowcount == 1


def remember_foreign(connection: Connection, row: NonceRow) -> bool:
    """Keep another member's nonce; False when it was seen before."""
    return add_once(connection, proof_nonce, vars(row))


def forget_expired(connection: Connection, before_ms: int) -> None:
    """Drop nonces that expired before `before_ms`: an expired one is refused by its time."""
    connection.execute(delete(proof_nonce).where(proof_nonce.c.expires_at < before_ms))
