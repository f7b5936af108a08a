"""The salt of each envelope is kept beside the root salt: an erased record can still be shown as what it was."""

import sqlalchemy as sa
from alembic import op

from primitives.digest import tagged_hmac

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TAG = "bonafides/record/1/envelope-salt"
_ROWS = 1000


def upgrade() -> None:
    """Add the column and derive it for every record whose root salt is there."""
    op.add_column("record", sa.Column("envelope_salt", sa.LargeBinary(32)))
    connection = op.get_bind()
    read = sa.text("SELECT log_index, root_salt FROM record WHERE log_index >= :start AND log_index < :stop")
    write = sa.text("UPDATE record SET envelope_salt = :salt WHERE log_index = :index")
    size = connection.execute(sa.text("SELECT coalesce(max(log_index) + 1, 0) FROM record")).scalar_one()
    for start in range(0, size, _ROWS):
        found = connection.execute(read, {"start": start, "stop": start + _ROWS}).all()
        made = [{"index": index, "salt": tagged_hmac(root, _TAG)} for index, root in found if root is not None]
        if made:
            connection.execute(write, made)
