"""The acts about a consent are found by the consent that they name, without reading a client's whole history."""

import sqlalchemy as sa
from alembic import op

from node_adapter.store.spelling import JsonMember

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ACTS = sa.text("type IN ('CONSENT_GIVE', 'CONSENT_WITHDRAW')")


def upgrade() -> None:
    """Add the index; no row changes."""
    op.create_index(
        "record_of_consent",
        "record",
        [JsonMember(sa.column("payload", sa.Text()), "consent_id")],
        sqlite_where=_ACTS,
        postgresql_where=_ACTS,
    )
