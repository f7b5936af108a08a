"""Anchors that an operator named as wrong."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add an empty table: no node has named an anchor before."""
    op.create_table(
        "wrong_anchor",
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("promises", sa.Integer(), nullable=False),
    )
