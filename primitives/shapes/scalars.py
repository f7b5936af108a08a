"""Shapes of single values: text, numbers, bytes and times."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from primitives.encoding import decode_base64url, decode_hex
from primitives.errors import InvalidInput
from primitives.shapes.shape import Schema, Shape, Test, count, never
from primitives.text import REFUSED_CHARACTERS, REPLACEMENT, check_legible, check_no_controls
from primitives.timestamp import parse_time

MAX_SAFE_INTEGER = 2**53 - 1  # larger ones cannot stand in RFC 8785 bytes
_DECIMAL = re.compile("0|[1-9][0-9]{0,19}")
_CONTROLS = r"[\u0000-\u001f]"
_TIME_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}\+08:00"


@dataclass(frozen=True)
class Text(Shape[str]):
    """Text of `min` to `max` characters (of any number without `max`), which `pattern` matches as a whole.

    Attributes:
        max: the most characters.
        min: the fewest.
        pattern: a regular expression without anchors, in the syntax that Python and ECMAScript share.
        rule: the rule that a text breaks which the pattern does not match.
        controls: whether control characters may stand in it.
    """

    max: int | None = None
    min: int = 1
    pattern: str | None = None
    rule: str = "pattern"
    controls: bool = False
    _compiled: re.Pattern[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_compiled", None if self.pattern is None else re.compile(self.pattern))

    def read(self, value: object, where: str) -> str:
        if not isinstance(value, str):
            raise InvalidInput(where, "text", f"must be {self.describe()}")
        if len(value) < self.min or (self.max is not None and len(value) > self.max):
            raise InvalidInput(where, "length", f"must be {self.describe()}")
        if not self.controls and not value.isprintable():
            check_no_controls(value, where)
        if self._compiled is not None and self._compiled.fullmatch(value) is None:
            raise InvalidInput(where, self.rule, f"must match {self.pattern}")
        return value

    def test(self) -> Test:
        low, high, whole = self.min, MAX_SAFE_INTEGER if self.max is None else self.max, self.controls
        if self._compiled is None:
            return lambda value: type(value) is str and low <= len(value) <= high and (whole or value.isprintable())
        matches = self._compiled.fullmatch
        return lambda value: (
            type(value) is str
            and low <= len(value) <= high
            and (whole or value.isprintable())
            and matches(value) is not None
        )

    def json_schema(self) -> Schema:
        schema: Schema = {"type": "string"}
        if self.min:
            schema["minLength"] = self.min
        if self.max is not None:
            schema["maxLength"] = self.max
        if self.pattern is not None:
            schema["pattern"] = f"^(?:{self.pattern})$" if "|" in self.pattern else f"^{self.pattern}$"
        if not self.controls:
            schema["not"] = {"pattern": _CONTROLS}
        return schema

    def describe(self) -> str:
        size = f" of {count(self.min, self.max)} characters" if self.min > 1 or self.max is not None else ""
        shape = "" if self.pattern is None else f" that matches {self.pattern}"
        return f"text{size}{shape}" + ("" if self.controls else " without control characters")


@dataclass(frozen=True)
class Line(Shape[str]):
    """One line of 1 to `max` characters that can be read as it is stored (`primitives.text`)."""

    max: int

    def read(self, value: object, where: str) -> str:
        if not isinstance(value, str):
            raise InvalidInput(where, "text", f"must be {self.describe()}")
        if not 0 < len(value) <= self.max:
            raise InvalidInput(where, "length", f"must be {self.describe()}")
        check_legible(value, where)
        return value

    def test(self) -> Test:
        high = self.max
        return lambda value: (
            type(value) is str and 0 < len(value) <= high and value.isprintable() and REPLACEMENT not in value
        )

    def json_schema(self) -> Schema:
        return {"type": "string", "minLength": 1, "maxLength": self.max, "not": {"pattern": REFUSED_CHARACTERS}}

    def describe(self) -> str:
        return f"one line of text of 1 to {self.max} characters"


@dataclass(frozen=True)
class Constant(Shape[str]):
    """Exactly this text: a format's name, an algorithm; `rule` is what any other breaks."""

    value: str
    rule: str = "constant"

    def read(self, value: object, where: str) -> str:
        if not isinstance(value, str) or value != self.value:
            raise InvalidInput(where, self.rule, f"must be {self.value}")
        return value

    def test(self) -> Test:
        wanted = self.value
        return lambda value: type(value) is str and value == wanted

    def json_schema(self) -> Schema:
        return {"const": self.value}

    def describe(self) -> str:
        return self.value


@dataclass(frozen=True, init=False)
class OneOf(Shape[str]):
    """One of a closed list of texts; `rule` is what any other breaks."""

    choices: tuple[str, ...]
    rule: str

    def __init__(self, *choices: str, rule: str = "one-of") -> None:
        """List the choices."""
        object.__setattr__(self, "choices", choices)
        object.__setattr__(self, "rule", rule)

    def read(self, value: object, where: str) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise InvalidInput(where, self.rule, f"must be {self.describe()}")
        return value

    def test(self) -> Test:
        choices = frozenset(self.choices)
        return lambda value: type(value) is str and value in choices

    def json_schema(self) -> Schema:
        return {"enum": list(self.choices)}

    def describe(self) -> str:
        return f"one of {', '.join(self.choices)}"


@dataclass(frozen=True)
class Integer(Shape[int]):
    """An integer from `low` to `high`; a boolean is none, nor is 1.0."""

    low: int = 0
    high: int = MAX_SAFE_INTEGER

    def read(self, value: object, where: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidInput(where, "integer", f"must be {self.describe()}")
        if not self.low <= value <= self.high:
            raise InvalidInput(where, "range", f"must be {self.describe()}")
        return value

    def test(self) -> Test:
        low, high = self.low, self.high
        return lambda value: type(value) is int and low <= value <= high

    def json_schema(self) -> Schema:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def describe(self) -> str:
        return f"an integer from {self.low} to {self.high}"


@dataclass(frozen=True)
class Boolean(Shape[bool]):
    """True or false."""

    def read(self, value: object, where: str) -> bool:
        if not isinstance(value, bool):
            raise InvalidInput(where, "boolean", "must be true or false")
        return value

    def test(self) -> Test:
        return lambda value: value is True or value is False

    def json_schema(self) -> Schema:
        return {"type": "boolean"}

    def describe(self) -> str:
        return "true or false"


@dataclass(frozen=True)
class Bytes(Shape[bytes]):
    """Bytes as lower-case hex, perhaps after a prefix; `length` is their exact number when given."""

    length: int | None = None
    prefix: str = ""

    def read(self, value: object, where: str) -> bytes:
        if not self.prefix:
            return decode_hex(value, where, self.length)
        if not isinstance(value, str) or not value.startswith(self.prefix):
            raise InvalidInput(where, "hex", f"must be {self.describe()}")
        return decode_hex(value[len(self.prefix) :], where, self.length)

    def json_schema(self) -> Schema:
        times = "*" if self.length is None else f"{{{self.length}}}"
        return {"type": "string", "pattern": f"^{self.prefix}(?:[0-9a-f]{{2}}){times}$"}

    def describe(self) -> str:
        size = "" if self.length is None else f"{self.length} bytes as "
        return f"{size}lower-case hex" + (f" after {self.prefix}" if self.prefix else "")


@dataclass(frozen=True)
class Hex(Shape[str]):
    """What `Bytes` takes, read as the text that it is."""

    length: int | None = None

    def read(self, value: object, where: str) -> str:
        decode_hex(value, where, self.length)
        return str(value)

    def test(self) -> Test:
        if self.length is None:
            return never
        matches = re.compile(f"[0-9a-f]{{{2 * self.length}}}").fullmatch
        return lambda value: type(value) is str and matches(value) is not None

    def json_schema(self) -> Schema:
        return Bytes(self.length).json_schema()

    def describe(self) -> str:
        return Bytes(self.length).describe()


@dataclass(frozen=True)
class Base64Url(Shape[bytes]):
    """So many bytes as base64url without padding; with the prefix `u` it is multibase."""

    length: int
    prefix: str = ""

    def read(self, value: object, where: str) -> bytes:
        if self.prefix and not (isinstance(value, str) and value.startswith(self.prefix)):
            raise InvalidInput(where, "multibase", f"must be {self.describe()}")
        return decode_base64url(value if not isinstance(value, str) else value[len(self.prefix) :], where, self.length)

    def json_schema(self) -> Schema:
        return {"type": "string", "pattern": f"^{self.prefix}[A-Za-z0-9_-]{{{(self.length * 8 + 5) // 6}}}$"}

    def describe(self) -> str:
        return f"{self.length} bytes as base64url" + (f" after {self.prefix}" if self.prefix else "")


@dataclass(frozen=True)
class Decimal(Shape[int]):
    """A whole number from 0 as decimal text of at most 20 digits: one that JSON's numbers may be too small for."""

    def read(self, value: object, where: str) -> int:
        if not isinstance(value, str) or _DECIMAL.fullmatch(value) is None:
            raise InvalidInput(where, "decimal", f"must be {self.describe()}")
        return int(value)

    def json_schema(self) -> Schema:
        return {"type": "string", "pattern": f"^(?:{_DECIMAL.pattern})$"}

    def describe(self) -> str:
        return "a decimal number as text, without leading zeros"


@dataclass(frozen=True)
class Moment(Shape[int]):
    """A time in the one spelling of records, read as milliseconds."""

    def read(self, value: object, where: str) -> int:
        return parse_time(value, where)

    def json_schema(self) -> Schema:
        return {"type": "string", "pattern": f"^{_TIME_PATTERN}$", "examples": ["2026-11-21T09:16:38.123+08:00"]}

    def describe(self) -> str:
        return "a time such as 2026-11-21T09:16:38.123+08:00"


@dataclass(frozen=True)
class Time(Shape[str]):
    """What `Moment` takes, read as the text that it is."""

    def read(self, value: object, where: str) -> str:
        parse_time(value, where)
        return str(value)

    def json_schema(self) -> Schema:
        return Moment().json_schema()

    def describe(self) -> str:
        return Moment().describe()


@dataclass(frozen=True)
class Anything(Shape[Any]):
    """Any JSON value: what another reader reads."""

    def read(self, value: object, where: str) -> Any:
        return value

    def json_schema(self) -> Schema:
        return {}

    def describe(self) -> str:
        return "any JSON value"
