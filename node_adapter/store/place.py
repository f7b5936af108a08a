"""Where a node's database is: a file of SQLite, or the URL of a PostgreSQL database, whose password is never shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from primitives.errors import InvalidInput

_SCHEMES = ("postgresql", "postgres")
_DRIVER = "postgresql+psycopg"
_MAX_CHARACTERS = 2000
# What libpq would take besides and would write into errors, read from files of its own choice, or weaken us by.
_PARAMETERS = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "connect_timeout", "channel_binding", "gssencmode"}
)


@dataclass(frozen=True)
class DatabaseUrl:
    """The URL of a PostgreSQL database; what shows it leaves the password out."""

    secret: str = field(repr=False)
    shown: str

    def __str__(self) -> str:
        """Say which database it is, without the password."""
        return self.shown

    def for_driver(self) -> URL:
        """Return it as SQLAlchemy takes it, password and all."""
        return make_url(self.secret)


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
    secret = url.set(drivername=_DRIVER).render_as_string(hide_password=False)
    shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return DatabaseUrl(secret, shown.render_as_string())
