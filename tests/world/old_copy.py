"""An older copy of a node's database, as a backup holds it, put back while the chain has gone on."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from node_adapter.store import restored, schema, tokens
from node_adapter.store.schema import chain_block, chain_event
from node_adapter.workflows.anchoring.anchor import Anchoring
from node_adapter.workflows.anchoring.receipts import receipts_of_client
from node_adapter.workflows.operation.recovery import recover

TABLES = [table for table in schema.metadata.sorted_tables if table not in (chain_block, chain_event)]
"""All but the index of the chain, which the node reads again."""


def receipts_of(broker, *dids):
    """Return the receipts that clients hold."""
    return [held for did in dids for held in receipts_of_client(broker.node, did, 0, 1000)["receipts"]]


class OldCopy:
    """What the database held when this was made."""

    def __init__(self, broker):
        self.broker = broker
        with broker.store.read() as connection:
            self.rows = {table: connection.execute(select(table)).mappings().all() for table in TABLES}

    def put_back(self):
        """Lose all that was written since; the operator confirms the tokens."""
        with self.broker.store.write() as connection:
            for table in reversed(TABLES):
                connection.execute(delete(table))
            for table in TABLES:
                if self.rows[table]:
                    connection.execute(insert(table), [dict(row) for row in self.rows[table]])
            restored.mark(connection, self.broker.clock.now)
            tokens.confirm_all(connection)

    def recover(self, client):
        """Put the copy back, bring the lost records from the client's receipts, and go on."""
        self.broker.anchor()
        held = receipts_of(self.broker, client.did)
        self.put_back()
        answer = recover(self.broker.node, held)
        go_on(self.broker)
        return answer


def go_on(broker):
    """Take the anchors over from the chain, as the chain process does; the database is whole."""
    Anchoring(broker.node).load()
    with broker.store.write() as connection:
        restored.clear(connection)
        tokens.confirm_all(connection)
