"""Documents that convict other members, and digests of such on the chain."""

import sqlalchemy as sa
from alembic import op

from node_adapter.store.spelling import some_rows

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add an empty table."""
    op.create_table(
        "conviction",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("convicted", sa.String(42), primary_key=True),
        sa.Column("kind", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.Column("matter", sa.Text(), nullable=True),
        sa.Column("document", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
    )
    op.create_index("conviction_matter", "conviction", ["convicted", "matter"])
    op.create_index("conviction_noted", "conviction", ["noted_at"])
    op.create_index("conviction_noted_of", "conviction", ["convicted", "noted_at"])
    op.create_index("conviction_due", "conviction", ["tries", "due_at"], **some_rows(sa.text("due_at IS NOT NULL")))
