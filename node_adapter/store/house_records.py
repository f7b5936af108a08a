"""The broker's own records that later decisions rest on: product ratings, and who signs for its staff.

They are few among the records of clients, and the first read of a process wants all of them: an index of their own
finds them. SQLite uses it only for a query that states what the index is of, in the same words.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select

from node_adapter.store.records import RecordRow
from node_adapter.store.schema import HOUSE, record

_OF_TYPES = (
    select(record)
    .where(
        HOUSE,
        record.c.type.in_(bindparam("types", expanding=True)),
        record.c.log_index >= bindparam("start"),
        record.c.log_index < bindparam("stop"),
    )
    .order_by(record.c.log_index)
)


def of_types(connection: Connection, types: Sequence[str], start: int, stop: int) -> list[RecordRow]:
    """Return the records of some of those types with start <= log index < stop, in log order."""
    asked = {"types": list(types), "start": start, "stop": stop}
    return [RecordRow(**row) for row in connection.execute(_OF_TYPES, asked).mappings()]
