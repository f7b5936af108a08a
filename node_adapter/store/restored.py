"""The mark of a database that is older than what its node did: a copy that was restored.

Until it is cleared the node signs nothing: not a promise, checkpoint, anchor, credential, status list, message or
bundle. What it signed since the copy was made stands on the chain and in clients' wallets, and it must not contradict
itself. Nor does it say what only a whole database knows: that a credential holds, that a client is none of its own.
The question is asked where a key is handed out (`workflows.keys_in_force`), where a chain write is put into the outbox,
and by what decides from the store without either. The chain process sets the mark when the chain's head is ahead of the
database, and clears it when nothing is missing any more.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete

from node_adapter.store import credentials, identity, tokens
from node_adapter.store.schema import setting
from primitives.errors import CouldNotCheck

_KEY = "restored_at"
CODE = "node-restored"


def mark(connection: Connection, now_ms: int) -> None:
    """Mark the database as a restored copy; a mark that is there stays.

    With the mark its tokens are suspended: of a copy that was put back by hand nobody knows better than of any other
    which of them were revoked since.
    """
    credentials.begin_fresh_list(connection)
    if since(connection) is None:
        identity.put(connection, _KEY, str(now_ms))
        tokens.suspend_all(connection, now_ms)


def clear(connection: Connection) -> None:
    """The node has read the chain up to its head, and its records are whole."""
    connection.execute(delete(setting).where(setting.c.key == _KEY))


def since(connection: Connection) -> int | None:
    """Return when the database was found or made to be a restored copy, in milliseconds; None when it is none."""
    text = identity.get(connection, _KEY)
    return int(text) if text else None


def require_caught_up(connection: Connection) -> None:
    """Refuse to sign, or to decide, while the database may be older than what the node has signed.

    Raises:
        CouldNotCheck: `node-restored`.
    """
    if since(connection) is not None:
        raise CouldNotCheck(
            CODE, "this database was restored: the node signs and decides nothing before it has read the chain again"
        )
