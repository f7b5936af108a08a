"""The ERASE records of this node, and whether what they name is gone."""

import sqlalchemy as sa
from alembic import op

from node_adapter.store.spelling import some_rows

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table."""
    op.create_table(
        "erasure",
        sa.Column("log_index", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("pid", sa.String(64), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
    )
    op.create_index("erasure_waiting", "erasure", ["log_index"], **some_rows(sa.text("done_at IS NULL")))
    op.create_index("erasure_of", "erasure", ["pid"])
