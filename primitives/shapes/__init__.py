"""Shapes: what a JSON value must look like, as small frozen values. Untrusted JSON is read by nothing else (ADR 43).

    PERSON = Fields({"name": Text(max=120), "key": Hex(32)}, optional={"since": Time()})

    PERSON.read(value, "person")   the value, or InvalidInput with the dotted field and a rule of `primitives.rules`
    PERSON.json_schema()           JSON Schema (draft 2020-12), which takes whatever `read` takes
    PERSON.describe()              words for a person: what `must be ...` goes on with

A shape never changes one spelling into another: what was signed is what is kept, so a loose spelling is an error. Where
a reader wants another type than JSON has, it says so: `Bytes` reads what `Hex` takes, `Moment` what `Time` takes, and
`Shape.then` whatever a function makes of it.

A JSON Schema cannot say everything: that a day stands in the calendar, that a point lies on a curve. Such a shape's
schema takes more than `read` does, never less; the shapes of this module whose schema is exact are EXACT.
"""

from __future__ import annotations

from primitives.shapes.compounds import MAX_ENTRIES, AnyOf, Cases, Fields, ListOf, MapOf, Nullable, Object
from primitives.shapes.scalars import (
    MAX_SAFE_INTEGER,
    Anything,
    Base64Url,
    Boolean,
    Bytes,
    Constant,
    Decimal,
    Hex,
    Integer,
    Line,
    Moment,
    OneOf,
    Text,
    Time,
)
from primitives.shapes.shape import COMPONENTS, Named, Noted, Schema, Shape, Then, named_schemas

__all__ = [
    "COMPONENTS",
    "MAX_ENTRIES",
    "MAX_SAFE_INTEGER",
    "AnyOf",
    "Anything",
    "Base64Url",
    "Boolean",
    "Bytes",
    "Cases",
    "Constant",
    "Decimal",
    "Fields",
    "Hex",
    "Integer",
    "Line",
    "ListOf",
    "MapOf",
    "Moment",
    "Named",
    "Noted",
    "Nullable",
    "Object",
    "OneOf",
    "Schema",
    "Shape",
    "Text",
    "Then",
    "Time",
    "named_schemas",
]
