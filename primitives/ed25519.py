"""Ed25519 (RFC 8032) over plain bytes: 32-byte seeds, 32-byte public keys, 64-byte signatures.

Verification is cofactorless: R is the encoding of SB - kA, and S is below the group's order. A key must lie in the
prime-order subgroup: under any other, readers that multiply by the cofactor and readers that do not can disagree.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from primitives.edwards import decode_point, is_of_prime_order
from primitives.errors import VerificationFailed

SEED_BYTES = 32
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
MAX_KEYS_IN_FORCE = 32  # of one identity at one moment, the newest: each signature may have to be tried with all


def public_key(seed: bytes) -> bytes:
    """Return the public key of a 32-byte seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, message: bytes) -> bytes:
    """Return the deterministic signature of `message`."""
    return _private_key(seed).sign(message)


def verify(public: bytes, message: bytes, signature: bytes) -> None:
    """Check a signature.

    Raises:
        VerificationFailed: check `signature`; the key is not a point in its one spelling, or not of prime order (under
            one of small order anybody can sign anything), or the signature is not of this key and message.
    """
    if not is_sound(public):
        raise VerificationFailed("signature", "the Ed25519 key is not of prime order, or not in its one spelling")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise VerificationFailed("signature", "the Ed25519 signature does not verify") from error


@lru_cache(maxsize=4)  # opening a seed costs as much as a signature, and a node signs thousands with one
def _private_key(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)


@lru_cache(maxsize=65_536)  # a millisecond or two for each key, once
def is_sound(public: bytes) -> bool:
    """Tell whether a public key is a point in its one spelling and of prime order."""
    point = decode_point(public)
    return point is not None and is_of_prime_order(point)
