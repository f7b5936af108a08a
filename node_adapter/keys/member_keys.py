"""One generation of a member's keys, and its sealed file: AES-256-GCM under scrypt of the keystore's password.

    {"format": "bonafides.keystore/1", "public": {"address", "signing", "agreement", "compliance"},
     "kdf": {"name", "n", "r", "p", "salt"}, "cipher": {"name", "nonce", "text"}}

The public part is bound to the sealed text as associated data.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from primitives import ed25519
from primitives.canonical import canonical_json, parse_json
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput, Refused
from primitives.secp256k1 import CURVE_ORDER, address_of

FORMAT = "bonafides.keystore/1"
SCRYPT_N = 2**15
_SCRYPT_R = 8
_SCRYPT_P = 1
_MAX_SCRYPT_N = 2**20  # a hostile file must not make us compute for hours
_KEY_BYTES = 32
_SALT_BYTES = 16
_NONCE_BYTES = 12
_SEALED = {"signing": "signing_seed", "agreement": "agreement_key", "compliance": "compliance_key"}

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, repr=False)
class MemberKeys:
    """One generation of the keys that MemberRegistry names, opened.

    Attributes:
        signing_seed: Ed25519 seed, 32 bytes: checkpoints, promises, credentials, messages to peers.
        agreement_key: X25519, 32 bytes: pair seeds of a joint computation.
        compliance_key: secp256k1, 32 bytes: approvals of tasks.
    """

    signing_seed: bytes
    agreement_key: bytes
    compliance_key: bytes

    def __repr__(self) -> str:
        return f"MemberKeys({self.signing_public.hex()})"

    @classmethod
    def generate(cls, entropy: Entropy = secrets.token_bytes) -> MemberKeys:
        """Make new keys; nothing is written."""
        return cls(entropy(_KEY_BYTES), entropy(_KEY_BYTES), secp256k1_key(entropy))

    @cached_property
    def signing_public(self) -> bytes:
        """The Ed25519 public key."""
        return ed25519.public_key(self.signing_seed)

    @cached_property
    def agreement_public(self) -> bytes:
        """The X25519 public key."""
        return X25519PrivateKey.from_private_bytes(self.agreement_key).public_key().public_bytes_raw()

    @cached_property
    def compliance_address(self) -> str:
        """The account of the compliance key, lower-case 0x hex."""
        return address_of(self.compliance_key)

    def sign(self, message: bytes) -> bytes:
        """Sign with the Ed25519 signing key."""
        return ed25519.sign(self.signing_seed, message)

    def public_json(self) -> dict[str, str]:
        """The public keys, as the registry takes them."""
        return {
            "signing": self.signing_public.hex(),
            "agreement": self.agreement_public.hex(),
            "compliance": self.compliance_address,
        }


def secp256k1_key(entropy: Entropy) -> bytes:
    """Draw a private key of the curve."""
    while True:  # a draw outside 1..order-1 is as likely as guessing a key
        key = entropy(_KEY_BYTES)
        if 0 < int.from_bytes(key) < CURVE_ORDER:
            return key


def seal_keys(address: str, keys: MemberKeys, password: str) -> bytes:
    """Return the file of a generation of keys of the member with this account."""
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    plain = {name: getattr(keys, attribute).hex() for name, attribute in _SEALED.items()}
    public = {"address": address, **keys.public_json()}
    key = _derive(password, salt, SCRYPT_N)
    sealed = {
        "format": FORMAT,
        "public": public,
        "kdf": {"name": "scrypt", "n": SCRYPT_N, "r": _SCRYPT_R, "p": _SCRYPT_P, "salt": salt.hex()},
        "cipher": {
            "name": "aes-256-gcm",
            "nonce": nonce.hex(),
            "text": AESGCM(key).encrypt(nonce, canonical_json(plain), _bound_data(public)).hex(),
        },
    }
    return json.dumps(sealed, indent=1).encode()


def open_keys(sealed: dict[str, Any], address: str | None, password: str) -> MemberKeys:
    """Open the file of a generation; `address` is the account that it must belong to, None for any.

    Raises:
        Refused: `keystore-password`.
        InvalidInput: it is not of this form, or of another account.
    """
    if sealed.get("format") != FORMAT:
        raise InvalidInput("keystore.format", "constant", f"is not {FORMAT}")
    kdf, cipher, public = sealed.get("kdf"), sealed.get("cipher"), sealed.get("public")
    if not isinstance(kdf, dict) or not isinstance(cipher, dict) or not isinstance(public, dict):
        raise InvalidInput("keystore", "shape", "kdf, cipher or public is missing")
    n = kdf.get("n")
    if not isinstance(n, int) or not SCRYPT_N <= n <= _MAX_SCRYPT_N or n & (n - 1):
        raise InvalidInput("keystore.kdf.n", "range", f"must be a power of two from {SCRYPT_N} to {_MAX_SCRYPT_N}")
    key = _derive(password, decode_hex(kdf.get("salt"), "keystore.kdf.salt", _SALT_BYTES), n)
    nonce = decode_hex(cipher.get("nonce"), "keystore.cipher.nonce", _NONCE_BYTES)
    text = decode_hex(cipher.get("text"), "keystore.cipher.text")
    try:
        plain = AESGCM(key).decrypt(nonce, text, _bound_data(public))
    except InvalidTag as error:
        raise Refused("keystore-password", "the password is wrong, or the keystore was altered") from error
    value = parse_json(plain, field="keystore.keys")
    if not isinstance(value, dict):
        raise InvalidInput("keystore.keys", "object", "must be an object")
    keys = MemberKeys(*(decode_hex(value.get(name), f"keys.{name}", _KEY_BYTES) for name in _SEALED))
    if {"address": address or public.get("address"), **keys.public_json()} != public:
        raise InvalidInput("keystore.public", "mismatch", "the public part does not belong to the sealed keys")
    return keys


def _derive(password: str, salt: bytes, n: int) -> bytes:
    return Scrypt(salt=salt, length=_KEY_BYTES, n=n, r=_SCRYPT_R, p=_SCRYPT_P).derive(password.encode())


def _bound_data(public: Mapping[str, str]) -> bytes:
    return canonical_json({"format": FORMAT, "public": dict(public)})
