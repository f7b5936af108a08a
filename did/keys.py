"""Public keys as Multikey text (W3C Controlled Identifiers 1.0): base58-btc of a multicodec prefix and the key.

What a key is called in a DID document: `SIGNING_KEYS`, by the number of its algorithm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from primitives.encoding import encode_base58btc
from primitives.errors import InvalidInput

_ED25519 = b"\xed\x01"
_X25519 = b"\xec\x01"
_SM2 = b"\x86\x24"  # 0x1206
_KEY_BYTES = {_ED25519: 32, _X25519: 32, _SM2: 33}
_COORDINATE_BYTES = 32
_MULTIKEY = "Multikey"
_MULTIKEY_CONTEXT = "https://w3id.org/security/multikey/v1"


def encode_ed25519(public_key: bytes) -> str:
    """Return the Multikey of a 32-byte Ed25519 key (`z6Mk...`)."""
    return _encode(_ED25519, public_key)


def encode_x25519(public_key: bytes) -> str:
    """Return the Multikey of a 32-byte X25519 key (`z6LS...`)."""
    return _encode(_X25519, public_key)


def encode_sm2(public_key: bytes) -> str:
    """Return the Multikey of an SM2 key, 0x04 || x || y: of its compressed form, as `sm2-pub` is (`zEP...`)."""
    _require_length(public_key, 1 + 2 * _COORDINATE_BYTES)
    sign = 2 + public_key[-1] % 2
    return _encode(_SM2, bytes([sign]) + public_key[1 : 1 + _COORDINATE_BYTES])


def _encode(prefix: bytes, public_key: bytes) -> str:
    _require_length(public_key, _KEY_BYTES[prefix])
    return encode_base58btc(prefix + public_key)


def _require_length(public_key: bytes, length: int) -> None:
    if len(public_key) != length:
        raise InvalidInput("public_key", "length", f"must be {length} bytes, not {len(public_key)}")


SIGNING_KEYS: Mapping[int, tuple[str, Callable[[bytes], str]]] = MappingProxyType(
    {1: ("Ed25519VerificationKey2020", encode_ed25519), 2: (_MULTIKEY, encode_sm2)}
)
"""By algorithm: the type of a verification method, and what gives its `publicKeyMultibase`."""


def contexts_of(methods: Iterable[Mapping[str, str]]) -> list[str]:
    """Return the JSON-LD contexts that verification methods need beside those of every DID document."""
    return [_MULTIKEY_CONTEXT] if any(method["type"] == _MULTIKEY for method in methods) else []


def verification_method(name: str, controller: str, algorithm: int, public_key: bytes) -> dict[str, str]:
    """Return the entry of a signing key in a DID document."""
    type_, encode = SIGNING_KEYS[algorithm]
    return {"id": name, "type": type_, "controller": controller, "publicKeyMultibase": encode(public_key)}
