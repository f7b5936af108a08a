"""Shapes that several record types share. A payload is flat enough that each field can be shown alone."""

from __future__ import annotations

from primitives.shapes import (
    MAX_SAFE_INTEGER,
    AnyOf,
    Boolean,
    Fields,
    Hex,
    Integer,
    ListOf,
    MapOf,
    OneOf,
    Text,
)
from suitability.vocabulary import LEVELS, OPINION_CODES, RISKS, TERMS, TYPES

DIGEST = Hex(32)
COMMITMENT = Hex(48)
NAME = Text(120)
CODE = Text(60, pattern=r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
VERSIONED = Text(80, pattern=r"[a-z0-9]+(-[a-z0-9]+)*@[0-9.]+")
FEN = Integer()
MILLISECONDS = Integer()
SCALAR = AnyOf(Boolean(), Integer(-MAX_SAFE_INTEGER), Text(500))  # of a free-form group: no floating-point numbers
SCALARS = MapOf(Text(40), SCALAR, 0, 40)
LEVEL = OneOf(*LEVELS)
OPINION = OneOf(*OPINION_CODES)
TERM = OneOf(*TERMS)
KINDS = ListOf(OneOf(*TYPES), 1, len(TYPES), unique=True)
PRODUCT = Fields({"id": CODE, "risk": OneOf(*RISKS), "term": TERM, "type": OneOf(*TYPES)})
