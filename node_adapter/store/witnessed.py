"""What this member keeps of the logs whose growth it checks as a witness (format 2): a row a log, however old it is.

A state is replaced only when it is still the one that was checked against, in one transaction that is durable before
the cosignature leaves: of two requests at a time, in whatever processes, one finds that it was late.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from evidence.version2.log.growth import GrowthState
from node_adapter.store.schema import witness_anew, witnessed


@dataclass(frozen=True)
class Anew:
    """That this member began anew with a log: when (ms), why, and how far it had gone over it before."""

    at: int
    reason: str
    seq: int


def kept_state(connection: Connection, broker: str) -> GrowthState | None:
    """Return what is kept of a broker's log; None of one that was never met."""
    columns = [witnessed.c[field.name] for field in dataclasses.fields(GrowthState)]
    row = connection.execute(select(*columns).where(witnessed.c.broker == broker)).one_or_none()
    if row is None:
        return None
    return GrowthState(**{**row._mapping, "wrong": tuple(map(int, row.wrong.split()))})


def cosigned_note(connection: Connection, broker: str) -> str | None:
    """Return the newest checkpoint that was cosigned: with another one it may convict the broker."""
    return connection.execute(select(witnessed.c.note).where(witnessed.c.broker == broker)).scalar_one_or_none()


def replace_state(
    connection: Connection, broker: str, *, before: GrowthState | None, after: GrowthState, note: str
) -> bool:
    """Keep a new state of a log, unless it is no longer the one that was checked against; return whether it was kept.

    Args:
        connection: in a write transaction, which has to end before anything is answered.
        broker: whose log.
        before: what was kept when the check began.
        after: what the check gave.
        note: the checkpoint that is cosigned now.
    """
    values = {**dataclasses.asdict(after), "wrong": " ".join(map(str, after.wrong)), "note": note}
    if kept_state(connection, broker) != before:
        return False
    if before is None:
        connection.execute(insert(witnessed).values(broker=broker, **values))
    else:
        connection.execute(update(witnessed).where(witnessed.c.broker == broker).values(**values))
    return True


def begin_anew(connection: Connection, broker: str, reason: str, now_ms: int) -> None:
    """Put aside what is kept of a log, with the checkpoint that was cosigned last, and why."""
    columns = [witnessed.c[name] for name in ("broker", "seq", "root", "note")]
    kept = connection.execute(select(*columns).where(witnessed.c.broker == broker)).one()
    connection.execute(insert(witness_anew).values(**kept._mapping, at=now_ms, reason=reason))
    connection.execute(delete(witnessed).where(witnessed.c.broker == broker))


def begun_anew(connection: Connection, broker: str) -> Anew | None:
    """Return when this member last began anew with a log, or None."""
    columns = [witness_anew.c[field.name] for field in dataclasses.fields(Anew)]
    query = select(*columns).where(witness_anew.c.broker == broker).order_by(witness_anew.c.at.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else Anew(**row._mapping)
