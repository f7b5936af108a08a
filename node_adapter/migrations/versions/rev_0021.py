"""Replays that are made after they were asked for, with what they gave; and proofs of the chain's state on demand."""

import sqlalchemy as sa
from alembic import op

from node_adapter.store.spelling import some_rows

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make three tables, empty: what was replayed before was answered at once."""
    op.create_table(
        "replay",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False, index=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
    )
    op.create_index("replay_waiting", "replay", ["id"], **some_rows(sa.text("state = 'waiting'")))
    op.create_table(
        "replay_document",
        sa.Column("replay", sa.String(36), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False, index=True),
        sa.Column("did", sa.String(), nullable=True),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("report_html", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
    )
    op.create_table(
        "state_request",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False, index=True),
        sa.Column("answer", sa.Text(), nullable=True),
    )
    op.create_index("state_request_open", "state_request", ["id"], **some_rows(sa.text("answer IS NULL")))
