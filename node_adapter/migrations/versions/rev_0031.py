"""What is old enough to go is found without a look at what is not, and convictions are counted by an index."""

import sqlalchemy as sa
from alembic import op

from node_adapter.store.spelling import some_rows

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add indexes alone."""
    settled = some_rows(sa.text("raw IS NOT NULL AND error IS NULL"))
    op.create_index("outbox_settled", "outbox", ["block"], **settled)
    with_receipts = some_rows(sa.text("receipts NOT IN ('', '[]')"))
    op.create_index("chain_block_receipts", "chain_block", ["number"], **with_receipts)
    op.create_index("task_with_state", "task", ["updated_at"], **some_rows(sa.text("engine_state IS NOT NULL")))
    op.create_index("task_message_received", "task_message", ["received_at"])
    op.create_index("alarm_closed", "alarm", ["closed_at"], **some_rows(sa.text("closed_at IS NOT NULL")))
    op.create_index("conviction_states", "conviction", ["convicted", "state"])
