"""A bundle as lines of an export: parts that a reader joins, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection

from evidence.documents.bundle import MAX_BUNDLE_BYTES
from node_adapter.store import records
from primitives.errors import CouldNotCheck, InvalidInput, Refused, VerificationFailed

PART_CHARACTERS = 1024 * 1024


def bundle_lines(kind: str, connection: Connection, pid: str, make: Callable[[], bytes]) -> Iterator[dict[str, Any]]:
    """Yield the lines of a bundle; of one that cannot be made, because nothing is anchored or it is too much, one line.

    Args:
        kind: of the lines.
        connection: a connection inside a transaction, to the database of the records.
        pid: whose records.
        make: makes the bundle.
    """
    try:
        _require_size(connection, pid)
        text = make().decode()
    except (InvalidInput, CouldNotCheck, Refused, VerificationFailed) as error:
        problem = {"code": error.code, "detail": error.detail}
        yield {"kind": kind, "part": 0, "of": 0, "text": "", "problem": problem}
        return
    parts = [text[start : start + PART_CHARACTERS] for start in range(0, len(text), PART_CHARACTERS)]
    for number, part in enumerate(parts, 1):
        yield {"kind": kind, "part": number, "of": len(parts), "text": part}


def _require_size(connection: Connection, pid: str) -> None:
    """Refuse a bundle that could not be sealed before all of it is in memory."""
    size = records.bytes_of(connection, pid)
    if size > MAX_BUNDLE_BYTES:
        raise Refused("bundle-too-large", f"{size} bytes of records are more than one bundle holds")
