"""What this member keeps of the logs whose growth it checks as a witness (format 2): a row a log, however old it is.

A state is replaced only when it is still the one that was checked against, in one transaction that is durable before
the cosignature leaves: of two requests at a time, in whatever processes, one finds that it was late.
"""

from __future__ import annotations

import dataclasses

from sqlalchemy import Connection, insert, select, update

from evidence.version2.log.growth import GrowthState
from node_adapter.store.schema import witnessed


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
