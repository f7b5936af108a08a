"""Every transaction that was signed for a chain write is kept, and which nonces indexed blocks use."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take over the transactions that the outbox knows: the newest of each write, and where the settled ones stand."""
    op.create_table(
        "outbox_attempt",
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("row_id", sa.Integer(), nullable=False),
        sa.Column("nonce", sa.Integer(), nullable=False),
        sa.Column("max_fee", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tx_hash"),
    )
    op.create_index(op.f("ix_outbox_attempt_row_id"), "outbox_attempt", ["row_id"], unique=False)
    op.create_table(
        "own_transaction",
        sa.Column("nonce", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("block_time", sa.BigInteger(), nullable=False),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.Column("gas_used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("nonce"),
        sa.UniqueConstraint("tx_hash"),
    )
    op.create_index(op.f("ix_own_transaction_block"), "own_transaction", ["block"], unique=False)
    op.execute(
        "INSERT INTO outbox_attempt (tx_hash, row_id, nonce, max_fee, raw, signed_at) "
        "SELECT tx_hash, id, nonce, 0, raw, updated_at FROM outbox WHERE tx_hash IS NOT NULL"
    )
    op.execute(
        "INSERT INTO own_transaction (nonce, tx_hash, block, block_hash, block_time, succeeded, gas_used) "
        "SELECT o.nonce, o.tx_hash, o.block, o.block_hash, b.timestamp, o.state = 'final', coalesce(o.gas_used, 0) "
        "FROM outbox o JOIN chain_block b ON b.number = o.block "
        "WHERE o.state IN ('final', 'failed') AND o.nonce IS NOT NULL AND o.tx_hash IS NOT NULL"
    )
