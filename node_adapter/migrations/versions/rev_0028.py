"""How far a replay is that waits."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column that is empty before a replay was begun."""
    op.add_column("replay", sa.Column("progress", sa.Text(), nullable=True))
