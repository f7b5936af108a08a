"""The option that names a database of PostgreSQL for a node that is made."""

from __future__ import annotations

import click

from node_adapter.store.place import URL_VARIABLE, DatabaseUrl, read_database_url


def _read(_context: click.Context, _option: click.Parameter, text: str | None) -> DatabaseUrl | None:
    return None if text is None else read_database_url(text, "--database")


database_option = click.option(
    "--database",
    envvar=URL_VARIABLE,
    callback=_read,
    metavar="URL",
    help="An empty database of PostgreSQL instead of a file of SQLite: postgresql://USER:PASSWORD@HOST:PORT/DATABASE. "
    f"A command line is seen by others of the machine, the variable {URL_VARIABLE} is not.",
)
