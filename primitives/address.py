"""Addresses of Ethereum, in lower-case `0x` hex: the mixed-case checksum form would give one account two spellings."""

from __future__ import annotations

import re

from primitives.errors import InvalidInput

ADDRESS_PATTERN = "0x[0-9a-f]{40}"
NO_ADDRESS = "0x" + "0" * 40
"""That of nobody: where a contract holds no address it holds this."""
_ADDRESS = re.compile(ADDRESS_PATTERN)


def check_address(text: object, field: str) -> str:
    """Return an address unchanged when it is lower-case `0x` hex of 20 bytes.

    Raises:
        InvalidInput: anything else, the checksum form included.
    """
    if not isinstance(text, str) or _ADDRESS.fullmatch(text) is None:
        raise InvalidInput(field, "address", "must be 0x and 40 lower-case hexadecimal digits")
    return text
