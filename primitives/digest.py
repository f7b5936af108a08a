"""Tagged hashing: every digest of ours is bound to a purpose and a version by one function."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache


def tagged_sha256(tag: str, *parts: bytes) -> bytes:
    """Return SHA-256(len(tag) as one byte || tag || for each part: its length as 8 bytes big-endian || part)."""
    digest = hashlib.sha256(tag_bytes(tag))
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.digest()


def tagged_hmac(key: bytes, tag: str, data: bytes = b"") -> bytes:
    """Return HMAC-SHA256(key, len(tag) as one byte || tag || data)."""
    return hmac.digest(key, tag_bytes(tag) + data, "sha256")


@lru_cache(maxsize=256)  # there are some dozens, and every record is hashed under ten of them
def tag_bytes(tag: str) -> bytes:
    """Return the length of a tag as one byte, and the tag in ASCII."""
    encoded = tag.encode("ascii")
    return len(encoded).to_bytes(1) + encoded
