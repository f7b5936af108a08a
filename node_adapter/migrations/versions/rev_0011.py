"""How many promises are owed to one client is counted by an index of them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index; no row changes."""
    op.create_index(
        "record_owed_to",
        "record",
        ["pid", "log_index"],
        sqlite_where=sa.text("promise IS NULL"),
        postgresql_where=sa.text("promise IS NULL"),
    )
