"""A key of a request names the process that works on it, so that the death of that process frees it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the owner; a request of before has none, and its process has ended."""
    op.add_column("idempotency", sa.Column("owner", sa.String(), nullable=False, server_default=""))
