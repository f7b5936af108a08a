"""How the map grew under each anchor, and what other members cosigned."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make three tables, empty: no witness was asked before."""
    op.create_table(
        "log_growth",
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("walk", sa.Text(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "cosignature",
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("witness", sa.String(42), primary_key=True),
        sa.Column("line", sa.Text(), nullable=False),
    )
    op.create_table(
        "cosigner",
        sa.Column("witness", sa.String(42), primary_key=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("cosigned_at", sa.BigInteger()),
        sa.Column("failed_since", sa.BigInteger()),
        sa.Column("failure", sa.Text()),
    )
