"""The map from label to entry has tables of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; the map of the records of before begins with the first anchor of the new format."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "map_anchor",
        sa.Column("seq", number, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("leaves", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "map_segment",
        sa.Column("segment", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("leaves", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
    )
    op.create_table(
        "map_row",
        sa.Column("key", number, primary_key=True, autoincrement=False),
        sa.Column("anchor", sa.BigInteger(), nullable=False),
        sa.Column("leaves", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
