"""Where the contracts keep what a state proof opens (docs/spec/evidence-2.md, section 9.2): slots as 32 bytes.

Solidity lays out storage so: a variable has the slot of its place; the entry of a mapping under a key has
keccak-256(key || slot of the mapping), both as 32 bytes, and the members of a struct follow from there.
"""

from __future__ import annotations

from eth_hash.auto import keccak

WORD_BYTES = 32


def word(value: int | bytes | str) -> bytes:
    """Return a number, bytes or a 0x address as the 32 bytes that the chain makes of it: padded on the left."""
    if isinstance(value, int):
        return value.to_bytes(WORD_BYTES)
    data = bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else value
    return data.rjust(WORD_BYTES, b"\0")


def map_slot(key: int | bytes | str, slot: int, member: int = 0) -> bytes:
    """Return the slot of a mapping's entry: map(key, slot) of the page, and `member` slots further."""
    begin = int.from_bytes(keccak(word(key) + word(slot)))
    return word((begin + member) % (1 << 8 * WORD_BYTES))
