"""The acts about a consent are found by the consent that they name, without reading a client's whole history."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index; no row changes."""
    op.create_index(
        "record_of_consent",
        "record",
        [sa.text("json_extract(payload, '$.consent_id')")],
        sqlite_where=sa.text("type IN ('CONSENT_GIVE', 'CONSENT_WITHDRAW')"),
    )
