"""Tokens name who holds them, and when they were made and revoked. Those that exist are named after their role."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; a token that exists goes on working."""
    with op.batch_alter_table("token") as table:
        table.add_column(sa.Column("name", sa.String(), nullable=True))
        table.add_column(sa.Column("created_at", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("revoked_at", sa.BigInteger(), nullable=True))
    op.execute("UPDATE token SET name = coalesce(did, role)")
    with op.batch_alter_table("token") as table:
        table.alter_column("name", existing_type=sa.String(), nullable=False)
