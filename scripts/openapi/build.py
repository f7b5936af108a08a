"""Builds the description of the HTTP interface, the page that shows it, and the types of the Python client.

api/openapi.json, docs/openapi.html, bonafides/client/types.py

scripts/openapi/build.py            write them
scripts/openapi/build.py --check    exit 1 when what is checked in is not what would be written
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from api.app import create_app
from api.description.build import build, routes_of, to_bytes
from api.description.client_types import render as render_types
from api.description.page import render

_ROOT = Path(__file__).resolve().parents[2]
API, DOCS, CLIENT = _ROOT / "api", _ROOT / "docs", _ROOT / "bonafides" / "client"


def main(arguments: list[str]) -> int:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args(arguments).check
    description = build(routes_of(create_app(_no_node())))
    files = {
        API / "openapi.json": to_bytes(description),
        DOCS / "openapi.html": render(description),
        CLIENT / "types.py": render_types(description),
    }
    if not check:
        for file, data in files.items():
            file.write_bytes(data)
        return 0
    stale = [file.name for file, data in files.items() if not file.exists() or file.read_bytes() != data]
    if stale:
        print(f"openapi: out of date, run scripts/openapi/build.py: {', '.join(stale)}", file=sys.stderr)
    return 1 if stale else 0


def _no_node() -> Any:
    """Return what stands for the node: routes are declared, and none is called."""
    return SimpleNamespace()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
