"""secp256k1 as Ethereum uses it: addresses, and signatures of a 32-byte digest that recover to an address.

A signature is r || s || v (65 bytes, v = 27 or 28, s in the lower half): what OpenZeppelin's ECDSA accepts.
"""

from __future__ import annotations

from coincurve import PrivateKey, PublicKey
from eth_hash.auto import keccak

from primitives.errors import InvalidInput, VerificationFailed

PRIVATE_KEY_BYTES = 32
SIGNATURE_BYTES = 65
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

_V_OFFSET = 27


def keccak256(data: bytes) -> bytes:
    """Return Ethereum's Keccak-256."""
    return bytes(keccak(data))


def public_key(private_key: bytes) -> bytes:
    """Return the compressed public key (33 bytes)."""
    return _private(private_key).public_key.format(compressed=True)


def address_of(private_key: bytes) -> str:
    """Return the account address of a private key."""
    return _address(_private(private_key).public_key)


def address_of_public(public: bytes) -> str:
    """Return the account address of a compressed or uncompressed public key."""
    try:
        return _address(PublicKey(public))
    except ValueError as error:
        raise InvalidInput("public_key", "secp256k1-point", "is not a secp256k1 public key") from error


def sign_digest(private_key: bytes, digest: bytes) -> bytes:
    """Return r || s || v over a 32-byte digest; deterministic (RFC 6979)."""
    signature = _private(private_key).sign_recoverable(_digest(digest), hasher=None)
    return signature[:64] + bytes([signature[64] + _V_OFFSET])


def recover_address(digest: bytes, signature: bytes) -> str:
    """Return the address that signed a digest.

    Raises:
        InvalidInput: the digest or the signature has another length, v is not 27 or 28.
        VerificationFailed: check `signature`; it recovers to no key, or s is in the upper half.
    """
    if len(signature) != SIGNATURE_BYTES or signature[64] not in (_V_OFFSET, _V_OFFSET + 1):
        raise InvalidInput("signature", "secp256k1-signature", "must be 65 bytes ending in 27 or 28")
    if int.from_bytes(signature[32:64]) > CURVE_ORDER // 2:  # a second spelling of the same signature
        raise VerificationFailed("signature", "the signature is not in its canonical (low s) form")
    raw = signature[:64] + bytes([signature[64] - _V_OFFSET])
    try:
        return _address(PublicKey.from_signature_and_message(raw, _digest(digest), hasher=None))
    except ValueError as error:
        raise VerificationFailed("signature", "the secp256k1 signature recovers to no key") from error


def _private(private_key: bytes) -> PrivateKey:
    if len(private_key) != PRIVATE_KEY_BYTES or not 0 < int.from_bytes(private_key) < CURVE_ORDER:
        raise InvalidInput("private_key", "secp256k1-key", "must be 32 bytes between 1 and the curve's order")
    return PrivateKey(private_key)


def _digest(digest: bytes) -> bytes:
    if len(digest) != 32:  # noqa: PLR2004 (Keccak-256)
        raise InvalidInput("digest", "length", f"must be 32 bytes, not {len(digest)}")
    return digest


def _address(public: PublicKey) -> str:
    return "0x" + keccak256(public.format(compressed=False)[1:])[12:].hex()
