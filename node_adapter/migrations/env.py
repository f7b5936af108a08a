"""Runs the revisions on the connection that `node_adapter.store.migrate` hands over."""

from alembic import context

from node_adapter.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
