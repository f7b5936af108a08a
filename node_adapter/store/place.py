"""Where a node's database is: a file of SQLite, or the URL of a PostgreSQL database, whose password is never shown."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from node_adapter.private_files import write_private
from primitives.errors import CouldNotCheck, InvalidInput

URL_FILE, URL_VARIABLE = "database.url", "BONAFIDES_DATABASE_URL"
SQLITE_FILE = "node.db"

_SCHEMES = ("postgresql", "postgres")
_SECONDS = re.compile("[0-9]{1,4}")
_DRIVER = "postgresql+psycopg"
_MAX_CHARACTERS = 2000
# What libpq would take besides and would write into errors, read from files of its own choice, or weaken us by.
_PARAMETERS = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "connect_timeout", "channel_binding", "gssencmode"}
)


@dataclass(frozen=True)
class DatabaseUrl:
    """The URL of a PostgreSQL database; what shows it leaves the password out.

    Attributes:
        for_driver: as SQLAlchemy takes it, password and all.
    """

    for_driver: URL = field(repr=False)

    @property
    def given(self) -> str:
        """The whole URL, password and all, as `read_database_url` reads it."""
        return self.for_driver.set(drivername=_SCHEMES[0]).render_as_string(hide_password=False)

    def __str__(self) -> str:
        """Say which database it is, without password and parameters."""
        url = self.for_driver
        return URL.create(_SCHEMES[0], url.username, None, url.host, url.port, url.database).render_as_string()


Place = Path | DatabaseUrl


def read_database_url(text: str, field_name: str = "database.url") -> DatabaseUrl:
    """Read `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=...`.

    Raises:
        InvalidInput: `url`; it is none of PostgreSQL, names no host or database, or has a parameter that is not taken.
            The error shows nothing of the URL.
    """
    taken = ", ".join(sorted(_PARAMETERS))
    problem = f"must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with no parameters but {taken}"
    try:
        url = make_url(text) if text.isprintable() and len(text) <= _MAX_CHARACTERS else None
    except (ArgumentError, ValueError):
        url = None  # its text would stand in the error's chain
    if url is None or url.drivername not in _SCHEMES or not url.host or not url.database:
        raise InvalidInput(field_name, "url", problem)
    if not set(url.query) <= _PARAMETERS or not all(isinstance(value, str) for value in url.query.values()):
        raise InvalidInput(field_name, "url", problem)
    if "\0" in unquote(text) or not _SECONDS.fullmatch(str(url.query.get("connect_timeout", 1))):
        raise InvalidInput(field_name, "url", problem)
    return DatabaseUrl(url.set(drivername=_DRIVER))


def place_of(home: Path) -> Place:
    """Return where the database of a node's directory is.

    `BONAFIDES_DATABASE_URL` names it, or the file `database.url` of the directory; else it is a file of SQLite there.

    Raises:
        InvalidInput: `url`; what names it is no URL of PostgreSQL.
        CouldNotCheck: `store-unavailable`; the file cannot be read.
    """
    if named := os.environ.get(URL_VARIABLE):
        return read_database_url(named.strip(), URL_VARIABLE)
    file = home / URL_FILE
    try:
        return read_database_url(file.read_text("utf-8").strip(), URL_FILE)
    except FileNotFoundError:
        return home / SQLITE_FILE
    except (OSError, UnicodeDecodeError) as error:
        raise CouldNotCheck("store-unavailable", f"{file} cannot be read") from error


def require_made(place: Place) -> None:
    """Refuse a file that is not there, which SQLite would make; of a server's database its revision tells.

    Raises:
        CouldNotCheck: `store-missing`.
    """
    if isinstance(place, Path) and not place.is_file():
        raise CouldNotCheck("store-missing", f"{place} does not exist: run `bonafides node init` first")


def save_database_url(home: Path, url: DatabaseUrl) -> None:
    """Write where a node's database is, for its owner's eyes only."""
    write_private(home / URL_FILE, url.given + "\n")
