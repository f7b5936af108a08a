"""UUID version 7 (RFC 9562 section 5.7) from a time and entropy that the caller gives."""

from __future__ import annotations

from uuid import UUID

from primitives.errors import InvalidInput

ENTROPY_BYTES = 10
UUID7_PATTERN = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def uuid7(ms: int, entropy: bytes) -> str:
    """Return the UUID of a Unix time in milliseconds; 74 of the 80 entropy bits are used, the highest six dropped."""
    if not 0 <= ms < 2**48:
        raise InvalidInput("time", "time-range", f"{ms} does not fit 48 bits")
    if len(entropy) != ENTROPY_BYTES:
        raise InvalidInput("entropy", "length", f"must be {ENTROPY_BYTES} bytes, not {len(entropy)}")
    random = int.from_bytes(entropy) & (2**74 - 1)
    high, low = random >> 62, random & (2**62 - 1)
    return str(UUID(int=ms << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low))
