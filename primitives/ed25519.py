"""Ed25519 (RFC 8032) over plain bytes: 32-byte seeds, 32-byte public keys, 64-byte signatures."""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from primitives.errors import VerificationFailed

SEED_BYTES = 32
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
MAX_KEYS_IN_FORCE = 32  # of one identity at one moment, the newest: each signature may have to be tried with all

_P = 2**255 - 19
_Y_OF_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER = frozenset({0, 1, _P - 1, _Y_OF_ORDER_8, _P - _Y_OF_ORDER_8})  # y of the eight points of order 1 to 8


def public_key(seed: bytes) -> bytes:
    """Return the public key of a 32-byte seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, message: bytes) -> bytes:
    """Return the deterministic signature of `message`."""
    return _private_key(seed).sign(message)


def verify(public: bytes, message: bytes, signature: bytes) -> None:
    """Check a signature.

    Raises:
        VerificationFailed: check `signature`; the key is not a point, or one of small order (under which anybody can
            sign anything), or the signature is not of this key and message.
    """
    height = int.from_bytes(public, "little") & (2**255 - 1)
    if height >= _P or height in _SMALL_ORDER:
        raise VerificationFailed("signature", "the Ed25519 key is of small order, or not in its one spelling")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise VerificationFailed("signature", "the Ed25519 signature does not verify") from error


@lru_cache(maxsize=4)  # opening a seed costs as much as a signature, and a node signs thousands with one
def _private_key(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)
