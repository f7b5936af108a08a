"""The base of every shape, what a function makes of one, and its name and words in a description."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

COMPONENTS = "#/components/schemas/"  # where OpenAPI keeps schemas that have a name

Schema = dict[str, Any]
Test = Callable[[object], bool]
Read_co = TypeVar("Read_co", covariant=True)
Made_co = TypeVar("Made_co", covariant=True)


def never(_: object) -> bool:
    """Say no: the quick test of a shape that has none."""
    return False


class Shape(ABC, Generic[Read_co]):
    """What a value must look like. Subclasses are frozen: they compare, and stand in module constants."""

    @abstractmethod
    def read(self, value: object, where: str) -> Read_co:
        """Return the value as it is read; `where` is its dotted place.

        Raises:
            InvalidInput: the place, and the rule that it breaks.
        """

    def test(self) -> Test:
        """Return a quick test: whatever it says yes to, `read` gives back as it is; a no decides nothing.

        An object asks it of each member before it has the member read, place and all.
        """
        return never

    @abstractmethod
    def json_schema(self) -> Schema:
        """Return a JSON Schema of what `read` takes."""

    @abstractmethod
    def describe(self) -> str:
        """Return what such a value is, for a person."""

    def parts(self) -> tuple[Shape[Any], ...]:
        """Return the shapes that this one is made of."""
        return ()

    def then(self, make: Callable[[Any, str], Made_co]) -> Then[Made_co]:
        """Return a shape that hands what was read, and its place, to a function, which may refuse it."""
        return Then(self, make)

    def note(self, words: str) -> Noted[Read_co]:
        """Return this shape with words for the reader of its schema."""
        return Noted(self, words)


@dataclass(frozen=True)
class Then(Shape[Read_co]):
    """What a function makes of what the inner shape read; it may refuse it."""

    inner: Shape[Any]
    make: Callable[[Any, str], Read_co]

    def read(self, value: object, where: str) -> Read_co:
        return self.make(self.inner.read(value, where), where)

    def json_schema(self) -> Schema:
        return self.inner.json_schema()

    def describe(self) -> str:
        return self.inner.describe()

    def parts(self) -> tuple[Shape[Any], ...]:
        return (self.inner,)


@dataclass(frozen=True)
class Noted(Shape[Read_co]):
    """The inner shape, with words for the reader of its schema."""

    inner: Shape[Read_co]
    words: str

    def read(self, value: object, where: str) -> Read_co:
        return self.inner.read(value, where)

    def test(self) -> Test:
        return self.inner.test()

    def json_schema(self) -> Schema:
        return {**self.inner.json_schema(), "description": self.words}

    def describe(self) -> str:
        return self.inner.describe()

    def parts(self) -> tuple[Shape[Any], ...]:
        return (self.inner,)


@dataclass(frozen=True)
class Named(Shape[Read_co]):
    """The inner shape under a name of its own: its schema is a reference into the components of a description."""

    name: str
    inner: Shape[Read_co]

    def read(self, value: object, where: str) -> Read_co:
        return self.inner.read(value, where)

    def test(self) -> Test:
        return self.inner.test()

    def json_schema(self) -> Schema:
        return {"$ref": COMPONENTS + self.name}

    def describe(self) -> str:
        return self.inner.describe()

    def parts(self) -> tuple[Shape[Any], ...]:
        return (self.inner,)


def named_schemas(*shapes: Shape[Any]) -> dict[str, Schema]:
    """Return the schema of every named shape that is among these or part of them.

    Raises:
        ValueError: one name is of two schemas.
    """
    found: dict[str, Schema] = {}
    waiting = list(shapes)
    while waiting:
        shape = waiting.pop()
        if isinstance(shape, Named):
            schema = shape.inner.json_schema()
            if found.setdefault(shape.name, schema) != schema:
                raise ValueError(f"{shape.name} is the name of two schemas")
        waiting.extend(shape.parts())
    return dict(sorted(found.items()))


def count(low: int, high: int | None) -> str:
    """Return a number of characters or entries in words."""
    if high is None:
        return f"at least {low}"
    return str(low) if low == high else f"{low} to {high}"
