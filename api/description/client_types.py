"""The types of the Python client: what its methods take and give, built from the description's schemas.

An object of named members is a TypedDict, a closed list a Literal, a choice a union; what a schema says of text, such
as a pattern, has no type. `scripts/openapi/build.py` writes them to bonafides/client/types.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from keyword import iskeyword
from typing import Any

from primitives.shapes import COMPONENTS, Schema

_HEAD = '''"""What the client's methods take and give; built by scripts/openapi/build.py from the description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict, TypeVar

Answer = TypeVar("Answer")
Answers: TypeAlias = "Iterator[Answer | RefusedLine]"  # one for each line, in order
'''
_SIMPLE = {"string": "str", "integer": "int", "boolean": "bool", "number": "float", "null": "None"}


def render(description: Mapping[str, Any]) -> bytes:
    """Return the module: the types of every request and of every answer of success, and those that these name."""
    schemas: Mapping[str, Schema] = description["components"]["schemas"]
    wanted, waiting = set(), list(_named(list(_spoken(description["paths"]))))
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += _named(schemas[name])
    module = _Module()
    for name in sorted(wanted):
        module.declare(name, schemas[name])
    return "\n".join((_HEAD, *module.parts)).encode("utf-8")


def _spoken(paths: Mapping[str, Mapping[str, Any]]) -> Iterator[object]:
    """Give the content of each request and of each answer of success."""
    for operations in paths.values():
        for operation in operations.values():
            yield operation.get("requestBody")
            yield [answer for status, answer in operation["responses"].items() if status.startswith("2")]


def _named(value: object) -> Iterator[str]:
    """Give the names of the components that a part of the description refers to."""
    if isinstance(value, Mapping):
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith(COMPONENTS):
            yield reference.removeprefix(COMPONENTS)
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _named(part)


class _Module:
    """The declarations so far; one of a member's own object stands before the one that names it."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def declare(self, name: str, schema: Schema) -> None:
        """Declare a type under a name."""
        if "properties" in schema:
            self._typed_dict(name, schema)
        else:
            self.parts.append(f"{name}: TypeAlias = {_quoted(self._type(name, schema))}\n")

    def _typed_dict(self, name: str, schema: Schema) -> None:
        required = schema.get("required", [])
        members = {}
        for member, inner in schema["properties"].items():
            type_ = self._type(name + _camel(member), inner)
            members[member] = type_ if member in required else f"NotRequired[{type_}]"
        if all(member.isidentifier() and not iskeyword(member) for member in members):
            lines = "".join(f"    {member}: {type_}\n" for member, type_ in members.items())
            self.parts.append(f"\nclass {name}(TypedDict):\n{lines}")
        else:
            lines = "".join(f'        "{member}": {_quoted(type_)},\n' for member, type_ in members.items())
            self.parts.append(f'{name} = TypedDict(\n    "{name}",\n    {{\n{lines}    }},\n)\n')

    def _type(self, name: str, schema: Schema) -> str:
        """Return the type of a schema; `name` is that of a declaration which it may need."""
        if "$ref" in schema:
            return str(schema["$ref"]).removeprefix(COMPONENTS)
        if "anyOf" in schema:
            choices = [self._type(f"{name}{number}", choice) for number, choice in enumerate(schema["anyOf"], 1)]
            return " | ".join(dict.fromkeys(choices))
        if "const" in schema or "enum" in schema:
            values = [schema["const"]] if "const" in schema else schema["enum"]
            return f"Literal[{', '.join(_literal(value) for value in values)}]"
        if "properties" in schema:
            self._typed_dict(name, schema)
            return name
        if schema.get("type") == "array":
            return f"list[{self._type(name + 'Entry', schema['items'])}]"
        if schema.get("type") == "object":
            entries = schema.get("additionalProperties")
            return f"dict[str, {self._type(name + 'Entry', entries) if isinstance(entries, dict) else 'Any'}]"
        return _SIMPLE.get(schema.get("type", ""), "Any")


def _quoted(type_: str) -> str:
    """Return a type as text: it may be declared later."""
    return "'" + type_ + "'" if '"' in type_ else f'"{type_}"'


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _camel(member: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.split("[^A-Za-z0-9]+", member))
