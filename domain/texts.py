"""The texts that a client signs: versioned templates in Chinese and English, rendered without any interpretation.

Same version, language and values give the same bytes on every machine: the record carries the digest of the text, and
a replay renders it again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.words import LANGUAGES
from primitives.canonical import canonical_json
from primitives.errors import InvalidInput
from primitives.shapes import Fields, ListOf, OneOf, Text

FORMAT = "bonafides.document/1"
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_TEXT = ListOf(Text(1000), 1, 60)  # one entry a line
_VALUE = Text(2000)
_DOCUMENT = Fields(
    {
        "format": OneOf(FORMAT),
        "id": Text(60, pattern=r"[a-z0-9]+(-[a-z0-9]+)*"),
        "version": Text(20, pattern=r"[0-9.]+"),
        "type": Text(60),
        "values": ListOf(Text(40, pattern=r"[a-z][a-z0-9_]*"), 0, 30, unique=True),
        "text": Fields(dict.fromkeys(LANGUAGES, _TEXT)),
    }
)


@dataclass(frozen=True)
class Document:
    """A checked template. `name` is `<id>@<version>`, which the envelope of a record carries."""

    name: str
    type: str
    values: tuple[str, ...]
    lines: Mapping[str, tuple[str, ...]]
    digest: str

    @classmethod
    def from_template(cls, template: Mapping[str, Any]) -> Document:
        """Read and check a template: each language uses exactly the values that the template names."""
        checked = _DOCUMENT.read(template, "")
        lines = {language: tuple(checked["text"][language]) for language in LANGUAGES}
        for language, text in lines.items():
            used = set(_PLACEHOLDER.findall("\n".join(text)))
            if used != set(checked["values"]):
                raise InvalidInput(f"text.{language}", "values", f"must use exactly {', '.join(checked['values'])}")
        return cls(
            name=f"{checked['id']}@{checked['version']}",
            type=checked["type"],
            values=tuple(checked["values"]),
            lines=lines,
            digest=hashlib.sha256(canonical_json(checked)).hexdigest(),
        )

    @property
    def order(self) -> list[int]:
        """The version as numbers: of two templates of one type the greater one is the newer."""
        return [int(part) for part in self.name.rpartition("@")[2].split(".")]

    def render(self, lang: str, values: Mapping[str, str | int]) -> str:
        """Render the text. Values are put in once, as they are: braces inside a value stay what they are.

        Raises:
            InvalidInput: unknown language, a value that is missing, unknown, or neither text nor integer.
        """
        if lang not in LANGUAGES:
            raise InvalidInput("lang", "one-of", f"must be one of {', '.join(LANGUAGES)}")
        checked: dict[str, str] = {}
        for key, value in values.items():
            if key not in self.values:
                raise InvalidInput(f"values.{key}", "unknown-member", f"{self.name} has no such value")
            is_number = isinstance(value, int) and not isinstance(value, bool)
            checked[key] = _VALUE.read(str(value) if is_number else value, f"values.{key}")
        for key in self.values:
            if key not in checked:
                raise InvalidInput(f"values.{key}", "required", f"{self.name} needs it")
        return "\n".join(_PLACEHOLDER.sub(lambda match: checked[match[1]], line) for line in self.lines[lang]) + "\n"


def text_digest(text: str) -> str:
    """Return the SHA-256 (hex) of a rendered text's UTF-8 bytes: the field `text_sha256` of a client's act."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
