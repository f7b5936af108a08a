"""Shapes of lists and objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from primitives.errors import InvalidInput
from primitives.shapes.shape import Schema, Shape, Test, count

MAX_ENTRIES = 1000
_OBJECT = (dict, Mapping)  # a plain one first: to ask an abstract class takes longer
_SEVERAL = 2
_MAX_WHERE = 512  # a member's name may be as long as its sender likes; an error's field may not


@dataclass(frozen=True)
class Nullable(Shape[Any]):
    """`null`, or what the inner shape takes."""

    inner: Shape[Any]

    def read(self, value: object, where: str) -> Any:
        return None if value is None else self.inner.read(value, where)

    def test(self) -> Test:
        inner = self.inner.test()
        return lambda value: value is None or inner(value)

    def json_schema(self) -> Schema:
        return {"anyOf": [self.inner.json_schema(), {"type": "null"}]}

    def describe(self) -> str:
        return f"null or {self.inner.describe()}"

    def parts(self) -> tuple[Shape[Any], ...]:
        return (self.inner,)


@dataclass(frozen=True)
class ListOf(Shape[list[Any]]):
    """A list of `low` to `high` entries that the inner shape takes, each once when `unique`."""

    inner: Shape[Any]
    low: int = 0
    high: int = MAX_ENTRIES
    unique: bool = False
    _test: Test = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_test", self.inner.test())

    def read(self, value: object, where: str) -> list[Any]:
        if not isinstance(value, list):
            raise InvalidInput(where, "list", "must be a list")
        if not self.low <= len(value) <= self.high:
            raise InvalidInput(where, "length", f"must have {count(self.low, self.high)} entries")
        test, read = self._test, self.inner.read
        result = [entry if test(entry) else read(entry, f"{where}[{index}]") for index, entry in enumerate(value)]
        if self.unique and len({str(entry) for entry in result}) != len(result):
            raise InvalidInput(where, "unique", "must hold each entry once")
        return result

    def test(self) -> Test:
        test, low, high, unique = self._test, self.low, self.high, self.unique
        return lambda value: (
            type(value) is list
            and low <= len(value) <= high
            and all(map(test, value))
            and (not unique or len(value) < _SEVERAL or len(set(map(str, value))) == len(value))
        )

    def json_schema(self) -> Schema:
        schema: Schema = {"type": "array", "items": self.inner.json_schema(), "maxItems": self.high}
        if self.low:
            schema["minItems"] = self.low
        return {**schema, "uniqueItems": True} if self.unique else schema

    def describe(self) -> str:
        return f"a list of {count(self.low, self.high)} entries, each {self.inner.describe()}"

    def parts(self) -> tuple[Shape[Any], ...]:
        return (self.inner,)


@dataclass(frozen=True)
class MapOf(Shape[dict[str, Any]]):
    """An object whose names are data: `low` to `high` of them."""

    key: Shape[str]
    inner: Shape[Any]
    low: int = 0
    high: int = MAX_ENTRIES
    _tests: tuple[Test, Test] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tests", (self.key.test(), self.inner.test()))

    def read(self, value: object, where: str) -> dict[str, Any]:
        if not isinstance(value, _OBJECT):
            raise InvalidInput(where, "object", "must be an object")
        if not self.low <= len(value) <= self.high:
            raise InvalidInput(where, "length", f"must have {count(self.low, self.high)} entries")
        is_key, is_inner = self._tests
        key, inner = self.key.read, self.inner.read
        return {
            name if is_key(name) else key(name, f"{where} key"): (
                entry if is_inner(entry) else inner(entry, _within(where, name))
            )
            for name, entry in value.items()
        }

    def json_schema(self) -> Schema:
        names, inner = self.key.json_schema(), self.inner.json_schema()
        return {
            "type": "object",
            "propertyNames": names,
            "additionalProperties": inner,
            "minProperties": self.low,
            "maxProperties": self.high,
        }

    def describe(self) -> str:
        return f"an object of {count(self.low, self.high)} entries, each {self.inner.describe()}"

    def parts(self) -> tuple[Shape[Any], ...]:
        return (self.key, self.inner)


@dataclass(frozen=True)
class Object(Shape[dict[str, Any]]):
    """Any object: what is in it, another reader reads."""

    def read(self, value: object, where: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise InvalidInput(where, "object", "must be an object")
        return dict(value)

    def json_schema(self) -> Schema:
        return {"type": "object"}

    def describe(self) -> str:
        return "an object"


@dataclass(frozen=True)
class Fields(Shape[dict[str, Any]]):
    """An object with exactly the named members, of which the optional ones may be left out."""

    required: Mapping[str, Shape[Any]]
    optional: Mapping[str, Shape[Any]] = field(default_factory=dict)
    open: bool = False  # whether members that are not named here may stand beside them: they are not read
    _readers: Mapping[str, Callable[[object, str], Any]] = field(init=False, repr=False, compare=False)
    _tests: Mapping[str, Test] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        members = {**self.required, **self.optional}
        object.__setattr__(self, "_readers", {name: shape.read for name, shape in members.items()})
        object.__setattr__(self, "_tests", {name: shape.test() for name, shape in members.items()})

    def read(self, value: object, where: str) -> dict[str, Any]:
        if not isinstance(value, _OBJECT):
            raise InvalidInput(where, "object", "must be an object")
        readers = self._readers
        if value.keys() != readers.keys():
            value = self._known(value, where)
        prefix, tests = f"{where}." if where else "", self._tests
        return {
            name: entry if tests[name](entry) else readers[name](entry, prefix + name) for name, entry in value.items()
        }

    def _known(self, value: Mapping[str, Any], where: str) -> Mapping[str, Any]:
        """Return the members that are read, when none is missing and, but for an open object, none too many."""
        readers = self._readers
        if not self.open and not value.keys() <= readers.keys():
            name = next(name for name in value if name not in readers)
            raise InvalidInput(_within(where, name), "unknown-member", f"is none of {', '.join(readers)}")
        if not self.required.keys() <= value.keys():
            name = next(name for name in self.required if name not in value)
            raise InvalidInput(_within(where, name), "required", "is missing")
        return {name: entry for name, entry in value.items() if name in readers} if self.open else value

    def json_schema(self) -> Schema:
        members = {**self.required, **self.optional}
        return {
            "type": "object",
            "properties": {name: shape.json_schema() for name, shape in members.items()},
            "required": list(self.required),
            "additionalProperties": self.open,
        }

    def describe(self) -> str:
        optional = f", and perhaps {', '.join(self.optional)}" if self.optional else ""
        return f"an object of {', '.join(self.required) or 'no required member'}{optional}"

    def parts(self) -> tuple[Shape[Any], ...]:
        return (*self.required.values(), *self.optional.values())


@dataclass(frozen=True)
class Cases(Shape[dict[str, Any]]):
    """An object of which one member, when it is there, has another shape for each text of a second member.

    Attributes:
        base: the object; it says of the member only that it may be there.
        by: the member that tells the cases apart.
        member: the member that they are about.
        cases: the member's shape for each text that `by` may have.
    """

    base: Fields
    by: str
    member: str
    cases: Mapping[str, Shape[Any]]

    def read(self, value: object, where: str) -> dict[str, Any]:
        read = self.base.read(value, where)
        if self.member in read:
            read[self.member] = self.cases[read[self.by]].read(read[self.member], _within(where, self.member))
        return read

    def json_schema(self) -> Schema:
        def case(text: str, shape: Shape[Any]) -> Schema:
            return {"properties": {self.by: {"const": text}, self.member: shape.json_schema()}}

        return {**self.base.json_schema(), "anyOf": [case(text, shape) for text, shape in self.cases.items()]}

    def describe(self) -> str:
        return self.base.describe()

    def parts(self) -> tuple[Shape[Any], ...]:
        return (self.base, *self.cases.values())


@dataclass(frozen=True, init=False)
class AnyOf(Shape[Any]):
    """What one of these shapes takes; they differ in the JSON type or in a member, so that the first one counts."""

    choices: tuple[Shape[Any], ...]

    def __init__(self, *choices: Shape[Any]) -> None:
        """List the choices."""
        object.__setattr__(self, "choices", choices)

    def read(self, value: object, where: str) -> Any:
        for choice in self.choices[:-1]:
            try:
                return choice.read(value, where)
            except InvalidInput:
                continue
        return self.choices[-1].read(value, where)

    def json_schema(self) -> Schema:
        return {"anyOf": [choice.json_schema() for choice in self.choices]}

    def describe(self) -> str:
        return " or ".join(choice.describe() for choice in self.choices)

    def parts(self) -> tuple[Shape[Any], ...]:
        return self.choices


def _within(where: str, name: object) -> str:
    return f"{where}.{name}"[:_MAX_WHERE] if where else str(name)[:_MAX_WHERE]
