"""The least that a Flask application can do with a fact: one row in one transaction, behind the same front as a node.

It is the native limit of `single_facts.py`, which starts as many of these processes as the node has for HTTP.
"""

from __future__ import annotations

import argparse
import json
import logging
import sqlite3
import sys
import threading
from http import HTTPStatus
from pathlib import Path
from socket import socket
from typing import Any

from flask import Flask, Response, request

from api.server import THREADS, Stop, serve

SCHEMA = "CREATE TABLE IF NOT EXISTS fact (reference TEXT PRIMARY KEY, body TEXT NOT NULL)"
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL")
_BUSY_SECONDS = 30


def connect(database: Path) -> sqlite3.Connection:
    """Open a database as a node does."""
    connection = sqlite3.connect(database, isolation_level=None, timeout=_BUSY_SECONDS)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def application(database: Path) -> Flask:
    """Return an application that keeps each object that is posted as a row."""
    app, mine = Flask("one_row"), threading.local()

    @app.post("/v1/facts")
    def keep() -> Response:
        fact: dict[str, Any] = json.loads(request.get_data())
        if not hasattr(mine, "connection"):
            mine.connection = connect(database)
        mine.connection.execute("BEGIN IMMEDIATE")
        mine.connection.execute("INSERT INTO fact VALUES (?, ?)", (fact["source_ref"], json.dumps(fact)))
        mine.connection.execute("COMMIT")
        return Response(json.dumps({"status": "accepted"}), HTTPStatus.CREATED, content_type="application/json")

    return app


def main() -> int:
    """Serve until a signal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket-fd", type=int, required=True)
    parser.add_argument("--database", type=Path, required=True)
    options = parser.parse_args()
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # as a node's process does
    with socket(fileno=options.socket_fd) as listening:
        serve(application(options.database), listening, Stop(), threads=THREADS, admits=lambda _headers: True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
