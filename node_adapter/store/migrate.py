"""Bringing a node's database to the schema of this version.

Alembic is loaded only when a database is behind: a start that finds nothing to do need not pay for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from node_adapter.store.engine import open_store
from node_adapter.store.place import DatabaseUrl, Place
from primitives.errors import CouldNotCheck, Refused

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0034"  # the newest revision in node_adapter/migrations/versions; a test holds the two together
_SCRIPTS = "node_adapter:migrations"
_TABLE = "alembic_version"


def upgrade(place: Place) -> None:
    """Create the database at `place`, or bring it up to date. Running it again changes nothing.

    Raises:
        CouldNotCheck: `store-too-new` when a later version of the product made the database; `store-unsuitable`.
        Refused: `store-foreign`; it holds something, and not a node.
    """
    store = open_store(place)
    try:
        with store.read() as connection:
            behind = _current(connection) != HEAD
        if behind:
            with store.write() as connection:
                _require_own(connection, place)
                _run_revisions(connection, place)
    finally:
        store.dispose()
    if isinstance(place, Path):
        place.chmod(0o600)


def make_in_empty(connection: Connection, place: DatabaseUrl) -> None:
    """Make the schema in an empty database of a server, in the caller's write transaction: all with it, or nothing.

    Raises:
        Refused: `store-taken`, `store-foreign`.
    """
    _require_empty(connection, place)
    _run_revisions(connection, place)


def revisions(place: Place) -> tuple[str | None, str]:
    """Return the revision of the database and the revision that this version needs."""
    store = open_store(place)
    try:
        with store.read() as connection:
            return _current(connection), HEAD
    finally:
        store.dispose()


def require_empty(place: Place) -> None:
    """Refuse a database of a server that a node was made in already, or that holds anything else.

    Raises:
        Refused: `store-taken`, `store-foreign`.
        CouldNotCheck: `store-unavailable`, `store-unsuitable`.
    """
    if isinstance(place, Path):
        return
    store = open_store(place)
    try:
        with store.read() as connection:
            _require_empty(connection, place)
    finally:
        store.dispose()


def require_current(place: Place) -> None:
    """Refuse a database of another revision: a command must not change the schema under a node that runs.

    Raises:
        Refused: `store-behind`.
        CouldNotCheck: `store-too-new`.
    """
    current, needed = revisions(place)
    if current is None or current < needed:
        raise Refused(
            "store-behind", f"{place} has revision {current}, not {needed}: start the node once, it upgrades it"
        )
    if current > needed:
        raise CouldNotCheck("store-too-new", f"{place} was made by a later version: revision {current}, not {needed}")


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_TABLE):
        return None
    revision: str | None = connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar()  # noqa: S608
    return revision


def _require_empty(connection: Connection, place: Place) -> None:
    if _current(connection) is not None:
        raise Refused("store-taken", f"{place} holds a node already: make an empty database")
    _require_own(connection, place)


def _require_own(connection: Connection, place: Place) -> None:
    """Refuse a database of something else: a file is the node's own, a server's database may be anybody's."""
    tables = inspect(connection).get_table_names()
    if tables and _TABLE not in tables:
        raise Refused("store-foreign", f"{place} holds tables that are no node's: make an empty database")


def _run_revisions(connection: Connection, place: Place) -> None:
    from alembic import command  # noqa: PLC0415 - see the module's docstring
    from alembic.util import CommandError  # noqa: PLC0415 - likewise

    try:
        command.upgrade(_config(connection), "head")
    except CommandError as error:
        raise CouldNotCheck("store-too-new", f"{place} was made by a later version: {error}") from error


def _config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - likewise

    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    config.attributes["connection"] = connection
    return config
