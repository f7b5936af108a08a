"""A node whose database is an older copy says so with every answer.

It signs and decides nothing then (`node_adapter.store.restored`), but what it is asked to read it still reads: a caller
has to know that records may be missing. The mark is looked up before the answer is made: it goes when nothing is
missing any more, so an answer without the header was read from a whole database.
"""

from __future__ import annotations

from functools import partial

from flask import Flask, Response, g

from api.context import current_node
from node_adapter.node import Node
from node_adapter.store import restored
from primitives.errors import BonafidesError
from primitives.timestamp import format_time

HEADER = "Bonafides-Restored"


def _since(node: Node) -> int | None:
    with node.store.read() as connection:
        return restored.since(connection)


def register_restored(app: Flask) -> None:
    """Set the header in every answer of a restored copy: since when it is known to be one."""

    @app.before_request
    def _look() -> None:
        try:
            node = current_node()
            g.restored_since = node.recent.get("restored", partial(_since, node))
        except BonafidesError:
            g.restored_since = None  # what needs the database will say why there is none

    @app.after_request
    def _tell(response: Response) -> Response:
        since = g.get("restored_since")
        if since is not None:
            response.headers[HEADER] = format_time(since)
        return response
