"""A client's state tells which identities came before, so that limits over time can count them."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Write what the recorded successions say into the states; one whose payload is gone counts as not shown."""
    connection = op.get_bind()
    ties = sa.text("SELECT pid, payload FROM record WHERE type = 'ID_SUCCEED' ORDER BY log_index")
    before: dict[str, list[str | None]] = {}
    for row in connection.execute(ties).all():
        named = None if row.payload is None else json.loads(row.payload)["predecessor"]
        before.setdefault(row.pid, []).append(named)
    for pid, succeeds in before.items():
        row = connection.execute(sa.text("SELECT state FROM subject WHERE pid = :pid"), {"pid": pid}).one()
        state = json.dumps({**json.loads(row.state), "succeeds": succeeds}, ensure_ascii=False, separators=(",", ":"))
        connection.execute(sa.text("UPDATE subject SET state = :state WHERE pid = :pid"), {"state": state, "pid": pid})
