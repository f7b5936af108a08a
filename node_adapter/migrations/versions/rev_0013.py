"""What a task's engine keeps is one value of its own; when the data were used stands beside it."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put vector and blinding of the masked sum, the one engine so far, into its state; name the marks by kind."""
    op.add_column("task", sa.Column("engine_state", sa.LargeBinary()))
    op.add_column("task", sa.Column("started_at", sa.BigInteger()))
    connection = op.get_bind()
    rows = connection.execute(sa.text('SELECT task_id, "values" AS vector, blinding, result FROM task')).all()
    for row in rows:
        kept = {} if row.vector is None else json.loads(row.vector)
        connection.execute(
            sa.text(
                "UPDATE task SET engine_state = :state, started_at = :started, result = :result WHERE task_id = :id"
            ),
            {
                "state": None if row.blinding is None else _state(kept["values"], row.blinding),
                "started": kept.get("started_at"),
                "result": None if row.result is None else _salted(json.loads(row.result)),
                "id": row.task_id,
            },
        )
    op.drop_column("task", "values")
    op.drop_column("task", "blinding")
    connection.execute(sa.text("UPDATE task_message SET kind = 'delivered:masked-sum/1' WHERE kind = 'delivered'"))


def _state(values: list[str], blinding: bytes) -> bytes:
    return json.dumps({"blinding": blinding.hex(), "values": values}, separators=(",", ":")).encode("ascii")


def _salted(result: dict[str, object]) -> str:
    return json.dumps({("salt" if name == "blinding" else name): value for name, value in result.items()})
