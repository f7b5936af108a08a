"""A commit that the database itself refuses: what was written is rolled back at the last instant, as on a full disk."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from node_adapter.store.engine import Store


def refuse(connection: Connection) -> None:
    """Let the commit of a write transaction fail: it breaks a constraint that is looked at then."""
    connection.exec_driver_sql(
        "create temp table refused "
        "(id integer primary key, other integer references refused deferrable initially deferred)"
    )
    connection.exec_driver_sql("insert into refused values (1, 2)")


@contextmanager
def refused_commit(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run what must fail with it: no write transaction of the block is committed."""
    write = Store.write

    @contextmanager
    def refusing(store: Store) -> Iterator[Connection]:
        with write(store) as connection:
            yield connection
            refuse(connection)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", refusing)
        with pytest.raises(IntegrityError):
            yield
