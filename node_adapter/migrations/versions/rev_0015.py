"""A subject's state holds what each domain knows of it, under the domain's name."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put what is known under the name of the one domain that there was."""
    op.execute("UPDATE subject SET state = '{\"suitability\":' || state || '}'")
