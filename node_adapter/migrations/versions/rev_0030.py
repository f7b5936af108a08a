"""Whole numbers have 64 bits in PostgreSQL, too, as they always had in SQLite."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_NARROW = sa.text(
    "SELECT table_name, column_name, pg_get_serial_sequence(table_name, column_name) FROM information_schema.columns "
    "WHERE table_schema = 'public' AND data_type = 'integer' ORDER BY table_name, column_name"
)


def upgrade() -> None:
    """Widen the columns that the revisions before call integers; a file of SQLite stays as it is."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    for table, column, sequence in connection.execute(_NARROW).all():
        op.alter_column(table, column, type_=sa.BigInteger(), existing_type=sa.Integer())
        if sequence is not None:
            op.execute(f"ALTER SEQUENCE {sequence} AS bigint")
