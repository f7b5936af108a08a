"""Bearer tokens. Only the SHA-256 of a token is stored: it is random, so the digest needs no salt.

A token of the staff names a person or a system, has a role, and ends. One that has ended stays in the table, so that it
can be told who had access when; the sessions of clients are dropped.

A database that was restored does not know which tokens were revoked since its copy was made. So those that it holds
count for nothing until the operator confirms them; the setting `tokens.restored_at` says since when.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, select, update

from node_adapter.store import identity
from node_adapter.store.schema import setting, token

STAFF_ROLES = ("broker-system", "compliance", "operator", "regulator")
CLIENT_ROLE = "client"
EXPIRED, REVOKED, UNCONFIRMED = "token-expired", "token-revoked", "token-unconfirmed"
_RESTORED_AT = "tokens.restored_at"
_ID_CHARACTERS = 12


@dataclass(frozen=True)
class TokenRow:
    """What a token allows, and to whom.

    Attributes:
        digest: the SHA-256 of the token.
        name: the person or the system that holds it; of a client's session the DID.
        role: one of `STAFF_ROLES`, or `client`.
        did: of a client's session.
        created_at: milliseconds; None for a token that is older than this entry.
        expires_at: milliseconds; None for a token that was made without an end.
        revoked_at: milliseconds, or None.
        unconfirmed: it comes from a copy that was restored, and nobody has said that it was not revoked since.
    """

    digest: bytes
    name: str
    role: str
    did: str | None
    created_at: int | None
    expires_at: int | None
    revoked_at: int | None
    unconfirmed: bool = False

    @property
    def id(self) -> str:
        """What the token is called in lists and commands; it tells nothing about the token itself."""
        return self.digest.hex()[:_ID_CHARACTERS]

    def ended(self, now_ms: int) -> str | None:
        """Return the code of why the token is not valid at `now_ms`, or None when it is."""
        if self.revoked_at is not None and self.revoked_at <= now_ms:
            return REVOKED
        if self.expires_at is not None and self.expires_at <= now_ms:
            return EXPIRED
        return UNCONFIRMED if self.unconfirmed else None


def token_digest(text: str) -> bytes:
    """Return what is stored of a token."""
    return hashlib.sha256(text.encode("utf-8")).digest()


def insert_token(
    connection: Connection,
    text: str,
    role: str,
    *,
    name: str,
    did: str | None = None,
    created_at: int | None = None,
    expires_at: int | None = None,
) -> TokenRow:
    """Store a new token's digest and what it allows; return the row."""
    row = TokenRow(token_digest(text), name, role, did, created_at, expires_at, None)
    connection.execute(insert(token).values({column.name: getattr(row, column.name) for column in token.columns}))
    return row


_OF_DIGEST = select(token).where(token.c.digest == bindparam("wanted"))  # every request asks: it is built once


def find_token(connection: Connection, text: str) -> TokenRow | None:
    """Return the row of a token, also of one that has ended, or None when it is unknown."""
    row = connection.execute(_OF_DIGEST, {"wanted": token_digest(text)}).mappings().one_or_none()
    return None if row is None else _rows(connection, [row])[0]


def staff_tokens(connection: Connection) -> list[TokenRow]:
    """Return the tokens of the staff, also those that have ended, by role and name."""
    query = select(token).where(token.c.role.in_(STAFF_ROLES))
    query = query.order_by(token.c.role, token.c.name, token.c.created_at, token.c.digest)
    return _rows(connection, connection.execute(query).mappings().all())


def suspend_all(connection: Connection, now_ms: int) -> None:
    """Let no token count that a restored copy holds until it is confirmed; clients sign in anew.

    That is every one, whatever the clocks said: the one of now may be behind those by which the tokens were made.
    """
    connection.execute(delete(token).where(token.c.role == CLIENT_ROLE))
    newest = connection.execute(select(func.max(token.c.created_at))).scalar_one() or 0
    identity.put(connection, _RESTORED_AT, str(max(now_ms, newest + 1)))


def confirm_all(connection: Connection) -> None:
    """Let every token of a restored copy count again that is neither revoked nor over."""
    connection.execute(delete(setting).where(setting.c.key == _RESTORED_AT))


def _rows(connection: Connection, found: Sequence[RowMapping]) -> list[TokenRow]:
    restored_at = int(identity.get(connection, _RESTORED_AT) or 0)
    rows = [TokenRow(**row) for row in found]
    return [replace(row, unconfirmed=(row.created_at or 0) < restored_at) for row in rows]


def end_token(connection: Connection, row: TokenRow, at_ms: int) -> None:
    """Let a token end at `at_ms`, if it does not end before."""
    if row.expires_at is None or at_ms < row.expires_at:
        connection.execute(update(token).where(token.c.digest == row.digest).values(expires_at=at_ms))


def revoke_token(connection: Connection, row: TokenRow, now_ms: int) -> None:
    """Refuse a token from now on."""
    connection.execute(update(token).where(token.c.digest == row.digest).values(revoked_at=now_ms))


def forget_ended_sessions(connection: Connection, now_ms: int) -> None:
    """Drop the sessions of clients that are over."""
    ended = (token.c.role == CLIENT_ROLE) & (token.c.expires_at <= now_ms)
    connection.execute(delete(token).where(ended))


def end_sessions(connection: Connection, did: str) -> None:
    """Drop every session of one client."""
    connection.execute(delete(token).where((token.c.role == CLIENT_ROLE) & (token.c.did == did)))
