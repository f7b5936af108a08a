"""The newest event of a contract about somebody is found without reading and sorting all of them."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the index of topics hold the order of the chain; no row changes."""
    op.drop_index("chain_event_by_topic", "chain_event")
    op.create_index("chain_event_by_topic", "chain_event", ["contract", "topic1", "block", "log_index"])
