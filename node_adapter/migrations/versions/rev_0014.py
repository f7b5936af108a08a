"""The acts about a consent are found by the consent that they name, without reading a client's whole history."""

import sqlalchemy as sa
from alembic import op

from node_adapter.store.spelling import JsonMember, some_rows

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index; no row changes."""
    acts = sa.text("type IN ('CONSENT_GIVE', 'CONSENT_WITHDRAW')")
    named = JsonMember(sa.column("payload", sa.Text()), "consent_id")
    op.create_index("record_of_consent", "record", [named], **some_rows(acts))
