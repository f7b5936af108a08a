"""Shapes that the platform and the records of a domain share."""

from __future__ import annotations

from primitives.shapes import Fields, Integer, Text, Time

DID = Text(200, pattern=r"did:[a-z0-9]+:[A-Za-z0-9.:%_-]+(#[A-Za-z0-9._-]+)?")
ORDER_BODY = Fields(
    {"id": Text(200), "did": DID, "case": Text(120), "ordered_at": Time()},
    {"due_at": Time(), "block": Integer(0)},
)
"""What a regulator's order says (docs/spec/report.md, section 8), as a message and in the record of a look."""
