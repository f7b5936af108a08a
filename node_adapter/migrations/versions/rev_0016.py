"""A record says itself whether later decisions rest on it, whichever domain it is of."""

import sqlalchemy as sa
from alembic import op

from node_adapter.store.spelling import some_rows

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Mark the types that were found so before, and put an index over the mark in place of one over them."""
    op.drop_index("record_of_house", "record")
    op.add_column("record", sa.Column("house", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE record SET house = true WHERE type IN ('PRODUCT_RATE', 'STAFF_ENROL', 'STAFF_END')")
    marked = sa.column("house", sa.Boolean()) == sa.true()
    op.create_index("record_of_house", "record", ["log_index"], **some_rows(marked))
