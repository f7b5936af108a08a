"""Databases of older versions are brought up to date with all that they hold."""

import pytest
from alembic import command
from sqlalchemy import text

from node_adapter.store import migrate
from node_adapter.store.engine import open_store
from node_adapter.store.tokens import find_token, token_digest
from primitives.errors import Refused


def database_at(path, revision):
    store = open_store(path)
    with store.write() as connection:
        command.upgrade(migrate._config(connection), revision)
    return store


def test_a_token_of_the_first_schema_goes_on_working_under_its_role_s_name(tmp_path):
    store = database_at(tmp_path / "node.db", "0001")
    with store.write() as connection:
        for token, role, did, end in (("staff", "operator", None, None), ("session", "client", "did:x", 7)):
            connection.execute(
                text("INSERT INTO token (digest, role, did, expires_at) VALUES (:digest, :role, :did, :end)"),
                {"digest": token_digest(token), "role": role, "did": did, "end": end},
            )
    with pytest.raises(Refused) as caught:
        migrate.require_current(tmp_path / "node.db")
    assert caught.value.code == "store-behind"
    migrate.upgrade(tmp_path / "node.db")
    migrate.require_current(tmp_path / "node.db")
    with store.read() as connection:
        staff, session = find_token(connection, "staff"), find_token(connection, "session")
    store.dispose()
    assert (staff.name, staff.role, staff.ended(10**15)) == ("operator", "operator", None)
    assert (session.name, session.did, session.ended(7)) == ("did:x", "did:x", "token-expired")
