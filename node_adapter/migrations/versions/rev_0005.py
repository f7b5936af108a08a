"""A record may be accepted before its promise is given."""

import sqlalchemy as sa
from alembic import op

from node_adapter.store.spelling import some_rows

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a promise be owed, and keep the block of the acceptance beside it; SQLite rewrites the table for that."""
    with op.batch_alter_table("record", recreate="always") as record:
        record.add_column(sa.Column("block", sa.Integer(), nullable=True))
        record.alter_column("anchor_by", existing_type=sa.BigInteger(), nullable=True)
        record.alter_column("promise", existing_type=sa.Text(), nullable=True)
    op.create_index("record_owed", "record", ["log_index"], **some_rows(sa.text("promise IS NULL")))
