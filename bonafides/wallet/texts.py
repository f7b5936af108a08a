"""Is this text the known document, filled in with the very fields that are signed?

The digest binds the text to the signature, and the fields are signed beside it; but a broker could show one purpose and
put another into the fields. So the text must be an instance of a template that the wallet knows, with every value that
is also a field standing in its place as the field has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from domain.texts import Document
from primitives.errors import InvalidInput, Refused
from replay.installed import INSTALLED

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_MADE_BY_WALLET = {"CONSENT_GIVE": frozenset({"consent_id"})}  # not yet known when the text is rendered


def check_text(type_: str, name: str | None, lang: str, body: str, fields: Mapping[str, Any]) -> None:
    """Check that a text is a document of this type, filled in with these fields.

    Raises:
        Refused: `wallet-document`, the document is unknown or of another type; `wallet-text-fields`, the text is not
            this document, or shows another value than the fields hold.
    """
    document = INSTALLED.documents.get(name or "")
    if document is None or document.type != type_:
        raise Refused("wallet-document", f"this wallet knows no document {name} of the type {type_}")
    pattern = _pattern(document, lang, fields, _MADE_BY_WALLET.get(type_, frozenset()))
    if pattern.fullmatch(body) is None:
        raise Refused("wallet-text-fields", f"the text is not {name} in {lang} with the values of the draft's fields")


def _pattern(document: Document, lang: str, fields: Mapping[str, Any], free: frozenset[str]) -> re.Pattern[str]:
    if lang not in document.lines:
        raise InvalidInput("draft.text.lang", "one-of", f"must be one of {', '.join(document.lines)}")
    parts: list[str] = []
    for line in document.lines[lang]:
        position = 0
        for match in _PLACEHOLDER.finditer(line):
            value = match[1]
            known = value in fields and value not in free
            parts += [
                re.escape(line[position : match.start()]),
                re.escape(_shown(fields[value])) if known else "[^\n]+",
            ]
            position = match.end()
        parts += [re.escape(line[position:]), "\n"]
    return re.compile("".join(parts))


def _shown(value: object) -> str:
    return ", ".join(str(entry) for entry in value) if isinstance(value, list) else str(value)
