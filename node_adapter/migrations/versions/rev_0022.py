"""Proofs about the log of any broker, from the index: the tree of its anchors, and events found by their name."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make an index, and a table, empty: its rows are made of the index of the chain when they are asked for."""
    op.create_index("chain_event_by_name", "chain_event", ["contract", "topic1", "name", "block", "log_index"])
    op.create_table(
        "member_log_node",
        sa.Column("broker", sa.String(42), primary_key=True),
        sa.Column("level", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sqlite_with_rowid=False,
    )
