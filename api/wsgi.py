"""The entry point for gunicorn: `gunicorn api.wsgi:application()`.

`BONAFIDES_NODE_DIR` names the node's directory, `BONAFIDES_KEYSTORE_PASSWORD` opens its keystore. The address to bind
stands in `node.toml`; `bonafides node run` hands it over, and has gunicorn load the application before it forks
(`--preload`): opening a node connects to nothing, so that its children share no open database.
"""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask

from api.app import create_app
from node_adapter.bootstrap import open_node
from node_adapter.keystore import read_password
from primitives.errors import InvalidInput

DIRECTORY_VARIABLE = "BONAFIDES_NODE_DIR"


def application() -> Flask:
    """Open the node that the environment names and return its application."""
    directory = os.environ.get(DIRECTORY_VARIABLE, "")
    if not directory:
        raise InvalidInput(DIRECTORY_VARIABLE, "missing", "the environment does not name the node's directory")
    return create_app(open_node(Path(directory), read_password()))
