"""`sha256-ed25519/1`: SHA-256, HMAC-SHA-256 and Ed25519 (RFC 8032), verified strictly (`primitives.ed25519`)."""

from __future__ import annotations

import hashlib

from primitives import ed25519
from primitives.suite import SigningSuite

_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _hmac(key: bytes, data: bytes) -> bytes:
    """Return what `hmac.digest` does, of the definition (RFC 2104), in half the time: OpenSSL sets up too much."""
    block = (key if len(key) <= _BLOCK_BYTES else _hash(key)).ljust(_BLOCK_BYTES, b"\0")
    inner = hashlib.sha256(block.translate(_INNER) + data).digest()
    return hashlib.sha256(block.translate(_OUTER) + inner).digest()


SUITE = SigningSuite(
    name="sha256-ed25519/1",
    alg="Ed25519",
    algorithm=1,
    public_key_bytes=ed25519.PUBLIC_KEY_BYTES,
    attribute=b"did/pub/Ed25519/veriKey/hex".ljust(32, b"\0"),
    hash=_hash,
    hmac=_hmac,
    public_key=ed25519.public_key,
    sign=ed25519.sign,
    verify=ed25519.verify,
    is_key=ed25519.is_sound,
)
