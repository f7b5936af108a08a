"""Bringing a node's database to the schema of this version."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from node_adapter.store.engine import open_store
from primitives.errors import CouldNotCheck

_SCRIPTS = "node_adapter:migrations"


def upgrade(path: Path) -> None:
    """Create the database at `path`, or bring it up to date. Running it again changes nothing.

    Raises:
        CouldNotCheck: `store-too-new` when a later version of the product made the database.
    """
    store = open_store(path)
    try:
        with store.write() as connection:
            config = _config(connection)
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise CouldNotCheck("store-too-new", f"{path} was made by a later version: {error}") from error
    finally:
        store.dispose()
    path.chmod(0o600)


def revisions(path: Path) -> tuple[str | None, str | None]:
    """Return the revision of the database and the revision that this version needs."""
    store = open_store(path)
    try:
        with store.read() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            return current, ScriptDirectory.from_config(_config(connection)).get_current_head()
    finally:
        store.dispose()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    config.attributes["connection"] = connection
    return config
