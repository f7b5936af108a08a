"""An order is kept as the regulator signed it, so that a look at originals can refer to it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the message; of orders from before it was not kept."""
    op.add_column("replay_order", sa.Column("message", sa.Text()))
