"""Looks at originals that a second officer signed, from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bonafides.cli.support.output import read_rows
from primitives.errors import InvalidInput


def approved(file: Path | None) -> dict[str, Any]:
    """Return the member `access` of a request: the looks that a second officer signed; nothing without a file.

    Raises:
        InvalidInput: a line is no JSON object.
    """
    if file is None:
        return {}
    found = []
    for row in read_rows(file):
        if isinstance(row, InvalidInput):
            raise row
        found.append(row)
    return {"access": found}
