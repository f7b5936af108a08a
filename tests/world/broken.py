"""The records whose promise was broken, by name: the product counts them."""

from sqlalchemy import select

from node_adapter.store.schema import record


def broken_promises(connection):
    query = select(record.c.record_id).where(record.c.broken_at.is_not(None)).order_by(record.c.log_index)
    return list(connection.execute(query).scalars())
