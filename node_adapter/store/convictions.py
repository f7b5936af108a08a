"""Documents that convict other members: those that this node has verified, and those of which the chain names a digest.

A row is a digest, whom it is against, and which kind it is said to be: who states another member or kind under a digest
that it saw takes no row from who holds the document.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, and_, func, insert, select, update

from node_adapter.store.operations import add_once
from node_adapter.store.schema import conviction

VERIFIED, UNSEEN, REFUTED = "verified", "unseen", "refuted"
STATES = (VERIFIED, UNSEEN, REFUTED)
NEWEST = 100


@dataclass(frozen=True)
class ConvictionRow:
    """A document, or what is known of it; times in milliseconds.

    Attributes:
        digest: 64 hex.
        convicted: the account of whom it is against.
        kind: as it stands on the chain.
        state: `verified`, the document is here and convicts; `unseen`, nobody has shown it yet; `refuted`, what was
            shown convicts nobody of this.
        matter: what a verified document is about.
        document: its bytes, of one that is verified.
        problem: why it was not seen at the last try, or is refuted.
        tries: how often it was asked for.
        due_at: when to ask again; None of what is not asked for.
        noted_at: when this node first heard of it.
    """

    digest: str
    convicted: str
    kind: int
    state: str
    noted_at: int
    matter: str | None = None
    document: str | None = None
    problem: str | None = None
    tries: int = 0
    due_at: int | None = None


def by_digest(connection: Connection, digest: str) -> ConvictionRow | None:
    """Return what is known under a digest: the document where it is here; None of an unknown one."""
    query = select(conviction).where(conviction.c.digest == digest)
    found = sorted(map(_row, connection.execute(query)), key=lambda row: (row.document is None, row.convicted))
    return found[0] if found else None


def of_matter(connection: Connection, convicted: str, matter: str) -> ConvictionRow | None:
    """Return the document about a matter, or None."""
    query = select(conviction).where(conviction.c.convicted == convicted, conviction.c.matter == matter)
    row = connection.execute(query.limit(1)).first()
    return None if row is None else _row(row)


def newest(connection: Connection, convicted: str | None = None) -> list[ConvictionRow]:
    """Return the newest `NEWEST` rows, of all members or against one, the newest first."""
    query = select(conviction).order_by(conviction.c.noted_at.desc()).limit(NEWEST)
    if convicted is not None:
        query = query.where(conviction.c.convicted == convicted)
    return [_row(row) for row in connection.execute(query)]


def counts(connection: Connection, convicted: str | None = None) -> dict[str, dict[str, int]]:
    """Return how many there are against each member, or against one, by state."""
    query = select(conviction.c.convicted, conviction.c.state, func.count())
    if convicted is not None:
        query = query.where(conviction.c.convicted == convicted)
    found: dict[str, dict[str, int]] = {}
    for member, state, count in connection.execute(query.group_by(conviction.c.convicted, conviction.c.state)):
        found.setdefault(member, dict.fromkeys(STATES, 0))[state] = count
    return found


def note(connection: Connection, digest: str, convicted: str, kind: int, now_ms: int) -> bool:
    """Note a digest that stands on the chain, to be asked for; say whether it is new."""
    row = ConvictionRow(digest, convicted, kind, UNSEEN, now_ms, due_at=now_ms)
    return add_once(connection, conviction, vars(row))


def keep(connection: Connection, row: ConvictionRow) -> None:
    """Keep a verified document, also in the place of its digest alone."""
    if not _change(
        connection, row, state=row.state, matter=row.matter, document=row.document, problem=None, due_at=None
    ):
        connection.execute(insert(conviction).values(**vars(row)))


def next_due(connection: Connection, now_ms: int) -> ConvictionRow | None:
    """Return what is to be asked for now, that which was asked for least often; None of nothing."""
    query = select(conviction).where(conviction.c.due_at <= now_ms).order_by(conviction.c.tries, conviction.c.due_at)
    row = connection.execute(query.limit(1)).first()
    return None if row is None else _row(row)


def put_off(connection: Connection, row: ConvictionRow, problem: str, due_at: int) -> None:
    """Note that nobody showed it, why, and when to ask again."""
    _change(connection, row, problem=problem, tries=row.tries + 1, due_at=due_at)


def refute(connection: Connection, row: ConvictionRow, problem: str) -> None:
    """Note that the document was shown and convicts nobody of this; it is asked for no more."""
    _change(connection, row, state=REFUTED, problem=problem, tries=row.tries + 1, due_at=None)


def _change(connection: Connection, row: ConvictionRow, **values: str | int | None) -> bool:
    same = and_(
        conviction.c.digest == row.digest, conviction.c.convicted == row.convicted, conviction.c.kind == row.kind
    )
    return connection.execute(update(conviction).where(same).values(**values)).rowcount == 1


def _row(row: Row[tuple[object, ...]]) -> ConvictionRow:
    return ConvictionRow(**row._mapping)
