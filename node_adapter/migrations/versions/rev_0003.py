"""One alarm for one cause, counted and closable; a record says itself that its promise was broken."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep every alarm; the many of broken promises become one."""
    op.add_column("record", sa.Column("broken_at", sa.BigInteger(), nullable=True))
    told = "SELECT raised_at FROM alarm WHERE kind = 'promise-broken' AND about = record_id"
    op.execute(f"UPDATE record SET broken_at = ({told})")  # noqa: S608 - no outside value
    old = op.f("alarm_before_0003")
    op.rename_table("alarm", old)
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "about"),
    )
    op.execute(
        "INSERT INTO alarm (id, kind, about, detail, count, first_at, last_at) "  # noqa: S608 - no outside value
        f"SELECT id, kind, about, detail, 1, raised_at, raised_at FROM {old} WHERE kind <> 'promise-broken' "
        "UNION ALL SELECT min(id), kind, 'anchoring', 'records were not anchored as promised', count(*), "
        f"min(raised_at), max(raised_at) FROM {old} WHERE kind = 'promise-broken' GROUP BY kind"
    )
    op.drop_table(old)
