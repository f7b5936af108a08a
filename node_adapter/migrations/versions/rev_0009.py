"""What is asked often is found by an index: no query reads a table from end to end that grows with the node's age."""

import sqlalchemy as sa
from alembic import op

from node_adapter.store.spelling import JsonMember, some_rows

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_HOUSE_TYPES = "type IN ('PRODUCT_RATE', 'STAFF_ENROL', 'STAFF_END')"
_OF_SOME_ROWS = (
    ("record_broken", "record", ["log_index"], "broken_at IS NOT NULL"),
    ("record_of_house", "record", ["type", "log_index"], _HOUSE_TYPES),
    ("credential_revoked", "credential", ["status_index"], "revoked_at IS NOT NULL"),
    ("consent_in_force", "consent", ["purpose", "expires_at"], "withdrawn_at IS NULL"),
    ("alarm_open", "alarm", ["kind"], "closed_at IS NULL"),
)
_ATTRIBUTES = "name = 'DIDAttributeChanged'"
_OF_ALL = (
    ("ix_anchor_size", "anchor", ["size"]),
    ("ix_proof_nonce_expires_at", "proof_nonce", ["expires_at"]),
    ("token_by_did", "token", ["role", "did"]),
    ("token_by_end", "token", ["role", "expires_at"]),
    ("ix_idempotency_created_at", "idempotency", ["created_at"]),
    ("ix_replay_order_did", "replay_order", ["did"]),
    ("ix_task_state", "task", ["state"]),
    ("ix_task_client_pid", "task_client", ["pid"]),
)


def upgrade() -> None:
    """Add the indexes; no row changes."""
    for name, table, columns, where in _OF_SOME_ROWS:
        op.create_index(name, table, columns, **some_rows(sa.text(where)))
    value, some = JsonMember(sa.column("args", sa.Text()), "value"), some_rows(sa.text(_ATTRIBUTES))
    op.create_index("chain_event_by_value", "chain_event", [value], postgresql_using="hash", **some)  # it may be long
    for name, table, columns in _OF_ALL:
        op.create_index(name, table, columns)
