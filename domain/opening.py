"""What a subject is, as its first record says (docs/spec/evidence-2.md, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from primitives.errors import InvalidInput
from primitives.shapes import Nullable, OneOf, Shape, Text

OPENING = "OPENING"
CLIENT, UNSIGNED_CLIENT, PRODUCT, HOUSE = "client", "unsigned-client", "product", "house"
KIND = OneOf(CLIENT, UNSIGNED_CLIENT, PRODUCT, HOUSE)


def _nobody(value: object, where: str) -> None:
    if value is not None:
        raise InvalidInput(where, "constant", "must be null: nobody is named")


OPENS: Mapping[str, Shape[Any]] = MappingProxyType(
    {
        CLIENT: Text(min=0, pattern="did:ethr:0x(?:0|[1-9a-f][0-9a-f]{0,15}):0x[0-9a-f]{40}", rule="did-ethr"),
        UNSIGNED_CLIENT: Nullable(Text()).then(_nobody),
        PRODUCT: Text(60),
        HOUSE: Text(200, pattern="[a-z]+(?:-[a-z]+)*:[A-Za-z0-9][A-Za-z0-9._:/@-]*"),  # <matter>:<name>
    }
)
"""What `opens` is, by kind."""
