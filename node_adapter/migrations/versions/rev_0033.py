"""A replay order has its clock, and at the regulator the bundle that answered it."""

import sqlalchemy as sa
from alembic import op

from node_adapter.store.spelling import some_rows

revision = "0033"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Orders from before have no clock: their regulator stated none."""
    op.add_column("replay_order", sa.Column("due_at", sa.BigInteger(), nullable=True))
    op.add_column("replay_order", sa.Column("answer", sa.Text(), nullable=True))
    op.create_index("replay_order_open", "replay_order", ["due_at"], **some_rows(sa.text("answered_at IS NULL")))
