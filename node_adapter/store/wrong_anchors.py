"""The anchors of this member that its operator named as wrong: for good, with the reason.

A checkpoint names at most 256 of them (docs/spec/evidence-2.md, section 5.4), so they are read whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from node_adapter.store.operations import upsert
from node_adapter.store.schema import wrong_anchor


@dataclass(frozen=True)
class WrongAnchor:
    """One anchor that was named: why, when (ms), and how many promises it broke."""

    seq: int
    reason: str
    decided_at: int
    promises: int


def named(connection: Connection) -> tuple[int, ...]:
    """Return the numbers of the anchors that were named, ascending."""
    return tuple(connection.execute(select(wrong_anchor.c.seq).order_by(wrong_anchor.c.seq)).scalars())


def decisions(connection: Connection) -> list[WrongAnchor]:
    """Return all that was decided, by number."""
    rows = connection.execute(select(wrong_anchor).order_by(wrong_anchor.c.seq)).mappings()
    return [WrongAnchor(**row) for row in rows]


def is_named(connection: Connection, seq: int) -> bool:
    """Say whether an anchor was named."""
    return connection.execute(select(wrong_anchor.c.seq).where(wrong_anchor.c.seq == seq)).first() is not None


def name(connection: Connection, decided: WrongAnchor) -> None:
    """Keep a decision; of an anchor that a chain reset took away, and that came back as another one, the newer one."""
    again = {
        "reason": decided.reason,
        "decided_at": decided.decided_at,
        "promises": wrong_anchor.c.promises + decided.promises,
    }
    upsert(connection, wrong_anchor, vars(decided), ("seq",), again)
