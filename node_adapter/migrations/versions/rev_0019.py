"""Records of format 2: their labels and entries, what subjects are, and anchors whose leaves the chain makes."""

import sqlalchemy as sa
from alembic import op

from node_adapter.store.spelling import some_rows

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns that rows of format 1 leave empty, and a table; what there is stays as it is."""
    for name in ("label", "next", "entry"):
        op.add_column("record", sa.Column(name, sa.LargeBinary(32), nullable=True))
    op.add_column("record", sa.Column("nonce", sa.LargeBinary(16), nullable=True))
    where = sa.text("nonce IS NOT NULL")
    op.create_index("record_nonce", "record", ["pid", "nonce"], unique=True, **some_rows(where))
    op.add_column("subject", sa.Column("kind", sa.String(), nullable=False, server_default="client"))
    op.add_column("subject", sa.Column("opens", sa.String(), nullable=True))
    op.add_column("subject", sa.Column("label", sa.LargeBinary(32), nullable=True))
    op.add_column("subject", sa.Column("joined", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "log_anchor",
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("size_before", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False, index=True),
        sa.Column("batch_root", sa.LargeBinary(32), nullable=False),
        sa.Column("map_root", sa.LargeBinary(32), nullable=False),
        sa.Column("built_at", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=True),
        sa.Column("block", sa.Integer(), nullable=True),
        sa.Column("block_hash", sa.LargeBinary(32), nullable=True),
        sa.Column("tx_hash", sa.LargeBinary(32), nullable=True),
        sa.Column("log_position", sa.Integer(), nullable=True),
        sa.Column("block_time", sa.BigInteger(), nullable=True),
    )
