"""What goes on from format 1: where a subject's history ended, and the callers' references of its records."""

import sqlalchemy as sa
from alembic import op

from node_adapter.store.spelling import some_rows

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns that are empty where nothing is continued, an index of those where it is, and a table."""
    op.add_column("subject", sa.Column("former_count", sa.Integer(), nullable=True))
    op.add_column("subject", sa.Column("former_head", sa.LargeBinary(32), nullable=True))
    continuing = sa.text("former_count IS NOT NULL")
    op.create_index("subject_continuing", "subject", ["pid"], **some_rows(continuing))
    op.create_table("former_reference", sa.Column("source_ref", sa.String(), primary_key=True))
