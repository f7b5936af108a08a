"""`sha256-ed25519/1`: SHA-256, HMAC-SHA-256 and Ed25519 (RFC 8032), verified strictly (`primitives.ed25519`)."""

from __future__ import annotations

import hashlib
import hmac

from primitives import ed25519
from primitives.suite import SigningSuite


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


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
