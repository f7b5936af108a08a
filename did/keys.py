"""Public keys as Multikey text (W3C Controlled Identifiers 1.0): base58-btc of a multicodec prefix and the key."""

from __future__ import annotations

from primitives.encoding import encode_base58btc
from primitives.errors import InvalidInput

_ED25519 = b"\xed\x01"
_X25519 = b"\xec\x01"
_KEY_BYTES = {_ED25519: 32, _X25519: 32}


def encode_ed25519(public_key: bytes) -> str:
    """Return the Multikey of a 32-byte Ed25519 key (`z6Mk...`)."""
    return _encode(_ED25519, public_key)


def encode_x25519(public_key: bytes) -> str:
    """Return the Multikey of a 32-byte X25519 key (`z6LS...`)."""
    return _encode(_X25519, public_key)


def _encode(prefix: bytes, public_key: bytes) -> str:
    if len(public_key) != _KEY_BYTES[prefix]:
        raise InvalidInput("public_key", "length", f"must be {_KEY_BYTES[prefix]} bytes, not {len(public_key)}")
    return encode_base58btc(prefix + public_key)
