"""Bearer tokens. Only the SHA-256 of a token is stored: it is random, so the digest needs no salt."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from node_adapter.store.schema import token

STAFF_ROLES = ("broker-system", "compliance", "operator", "regulator")
CLIENT_ROLE = "client"


@dataclass(frozen=True)
class TokenRow:
    """What a token allows: a role, and for a client's session the DID. None as expiry means until revoked."""

    digest: bytes
    role: str
    did: str | None
    expires_at: int | None


def token_digest(text: str) -> bytes:
    """Return what is stored of a token."""
    return hashlib.sha256(text.encode("utf-8")).digest()


def insert_token(
    connection: Connection, text: str, role: str, *, did: str | None = None, expires_at: int | None = None
) -> None:
    """Store a new token's digest and role."""
    connection.execute(insert(token).values(digest=token_digest(text), role=role, did=did, expires_at=expires_at))


def find_token(connection: Connection, text: str, now_ms: int) -> TokenRow | None:
    """Return what a token allows at `now_ms`, or None when it is unknown or has expired."""
    row = connection.execute(select(token).where(token.c.digest == token_digest(text))).mappings().one_or_none()
    if row is None or (row["expires_at"] is not None and row["expires_at"] <= now_ms):
        return None
    return TokenRow(**row)


def forget_expired(connection: Connection, now_ms: int) -> None:
    """Drop sessions that are over."""
    connection.execute(delete(token).where(token.c.expires_at.is_not(None), token.c.expires_at <= now_ms))
