"""The tokens of a member's staff and systems: each names who holds it, has one role, and ends.

The commands work on the database of the node's directory, also while the node runs: every request looks its token up
there, so that one that is revoked is refused at once. A token's text is shown once, when it is made.

`tokens/<role>.token` holds the token that commands with `--node DIR` use; renewing that one writes the file anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from node_adapter.ports import Entropy
from node_adapter.private_files import replace_private
from node_adapter.store import tokens
from node_adapter.store.tokens import TokenRow
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from primitives.timestamp import format_time

# A node holds only the tokens that its member's own staff and systems need.
TOKEN_ROLES = {
    "broker": ("broker-system", "compliance", "operator"),
    "regulator": ("regulator", "compliance", "operator"),
    "operator": ("operator",),
}
DEFAULT_DAYS, MAX_DAYS = 365, 731
DEFAULT_OVERLAP_HOURS = 24
WARN_MS = 30 * 86_400_000
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
_TOKEN_BYTES = 32
MAX_NAME_CHARACTERS = 100


@dataclass(frozen=True)
class NewToken:
    """A token as it is handed out. `text` is the secret; it is stored nowhere."""

    row: TokenRow
    text: str = field(repr=False)


def token_file(home: Path, role: str) -> Path:
    """Return where the token of a role lies that commands with `--node DIR` use."""
    return home / "tokens" / f"{role}.token"


def read_token(home: Path, role: str) -> str:
    """Return the token of a role, from the node's directory.

    Raises:
        CouldNotCheck: `token-unreadable`.
    """
    file = token_file(home, role)
    try:
        return file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CouldNotCheck(
            "token-unreadable", f"{file} cannot be read; this node may have no role {role!r}"
        ) from error


def make_token(
    connection: Connection, *, name: str, role: str, member_role: str, days: int, entropy: Entropy, now_ms: int
) -> NewToken:
    """Make a token; its digest is stored, its text is returned.

    Args:
        connection: a write transaction of the node's store.
        name: the person or the system that gets it.
        role: what it may do; one that this kind of member has.
        member_role: broker, regulator or operator.
        days: how long it is valid.
        entropy: gives random bytes.
        now_ms: the time.

    Raises:
        InvalidInput: `name`, `role` or `days` is malformed.
    """
    _check_name(name)
    if role not in TOKEN_ROLES[member_role]:
        raise InvalidInput("role", "one-of", f"must be one of {', '.join(TOKEN_ROLES[member_role])}")
    if not 1 <= days <= MAX_DAYS:
        raise InvalidInput("days", "range", f"must lie between 1 and {MAX_DAYS}")
    text = entropy(_TOKEN_BYTES).hex()
    row = tokens.insert_token(connection, text, role, name=name, created_at=now_ms, expires_at=now_ms + days * DAY_MS)
    return NewToken(row, text)


def renew_token(
    connection: Connection,
    token_id: str,
    *,
    member_role: str,
    days: int,
    overlap_hours: int,
    entropy: Entropy,
    now_ms: int,
) -> tuple[TokenRow, NewToken]:
    """Make a new token for the same name and role; the old one ends after the overlap. Returns the old and the new.

    Raises:
        Refused: `token-not-found`, `token-ambiguous`; `token-revoked`: what was taken away is not given back by it.
        InvalidInput: `days` is out of range.
    """
    old = _find(connection, token_id, now_ms)
    if old.ended(now_ms) == tokens.REVOKED:
        raise Refused(tokens.REVOKED, f"the token {old.id} of {old.name} was revoked: add a new one")
    new = make_token(
        connection,
        name=old.name,
        role=old.role,
        member_role=member_role,
        days=days,
        entropy=entropy,
        now_ms=now_ms,
    )
    tokens.end_token(connection, old, now_ms + overlap_hours * HOUR_MS)
    return old, new


def revoke_token(connection: Connection, token_id: str, now_ms: int) -> TokenRow:
    """Refuse a token from now on; revoking it again changes nothing.

    Raises:
        Refused: `token-not-found`, `token-ambiguous`.
    """
    row = _find(connection, token_id, now_ms)
    if row.revoked_at is None:
        tokens.revoke_token(connection, row, now_ms)
    return _find(connection, row.id, now_ms)


def confirm_tokens(connection: Connection, now_ms: int) -> list[TokenRow]:
    """Let the tokens of a restored copy count again that were not revoked meanwhile; return those."""
    waiting = [row.id for row in tokens.staff_tokens(connection) if row.ended(now_ms) == tokens.UNCONFIRMED]
    tokens.confirm_all(connection)
    return [row for row in tokens.staff_tokens(connection) if row.id in waiting]


def replace_token_file(home: Path, old: TokenRow, text: str) -> Path | None:
    """Put a renewed token in place of the old one, where the node's directory holds that; return the file."""
    file = token_file(home, old.role)
    try:
        held = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    if tokens.token_digest(held) != old.digest:
        return None
    replace_private(file, text + "\n")
    return file


def describe(row: TokenRow, now_ms: int) -> dict[str, Any]:
    """Return what may be told of a token: id, name, role, times and state."""
    ended = row.ended(now_ms)
    return {
        "id": row.id,
        "name": row.name,
        "role": row.role,
        "created_at": None if row.created_at is None else format_time(row.created_at),
        "expires_at": None if row.expires_at is None else format_time(row.expires_at),
        "revoked_at": None if row.revoked_at is None else format_time(row.revoked_at),
        "state": "valid" if ended is None else ended.removeprefix("token-"),
    }


def ending_soon(rows: Iterable[TokenRow], now_ms: int) -> list[TokenRow]:
    """Return the valid tokens that end within `WARN_MS`, but for those of whom the same name holds a longer one."""
    newest: dict[tuple[str, str], TokenRow] = {}
    for row in rows:
        if row.ended(now_ms) is None:
            there = newest.get((row.role, row.name))
            if there is None or _end(row) > _end(there):
                newest[row.role, row.name] = row
    return [row for row in newest.values() if _end(row) - now_ms <= WARN_MS]


def _end(row: TokenRow) -> float:
    return float("inf") if row.expires_at is None else row.expires_at


def _find(connection: Connection, wanted: str, now_ms: int) -> TokenRow:
    """Return the token with an id, or the one token of a name that is valid, or would be once it is confirmed."""
    rows = tokens.staff_tokens(connection)
    found = [row for row in rows if row.id == wanted]
    found = found or [row for row in rows if row.name == wanted and row.ended(now_ms) in (None, tokens.UNCONFIRMED)]
    if len(found) > 1:
        ids = ", ".join(row.id for row in found)
        raise Refused("token-ambiguous", f"{wanted} has several valid tokens: name one by its id: {ids}")
    if not found:
        raise Refused("token-not-found", f"no token of the staff has the id, and no valid one the name, {wanted}")
    return found[0]


def _check_name(name: str) -> None:
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or not name.isprintable() or name != name.strip():
        raise InvalidInput(
            "name", "text", f"must be 1 to {MAX_NAME_CHARACTERS} printable characters without space at the ends"
        )
