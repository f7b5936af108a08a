"""How many promises are owed to one client is counted by an index of them."""

import sqlalchemy as sa
from alembic import op

from node_adapter.store.spelling import some_rows

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index; no row changes."""
    op.create_index("record_owed_to", "record", ["pid", "log_index"], **some_rows(sa.text("promise IS NULL")))
