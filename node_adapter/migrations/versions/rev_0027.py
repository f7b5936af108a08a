"""Tokens of a time-stamp authority over checkpoints."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add an empty table: no node has asked an authority before."""
    op.create_table(
        "timestamp_token",
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
    )
