"""One generation of a member's keys, and its sealed file: AES-256-GCM under scrypt of the keystore's password.

    {"format": "bonafides.keystore/1", "public": {"address", "signing", "agreement", "compliance"},
     "kdf": {"name", "n", "r", "p", "salt"}, "cipher": {"name", "nonce", "text"}}

Format and public part are bound to the sealed text as associated data. Keys of another suite than `sha256-ed25519/1`
are `bonafides.keystore/2`, which has `suite` and `checkpoint` beside `signing`: the suite's key signs what the suite
governs, and Ed25519 has a key of its own.
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

from evidence.version2.state.member_keys import MemberKeySet
from primitives import ed25519
from primitives.canonical import canonical_json, parse_json
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput, Refused
from primitives.secp256k1 import CURVE_ORDER, address_of
from primitives.shapes import OneOf
from primitives.suite import SigningSuite
from primitives.suites import DEFAULT, suite_named

FORMAT = "bonafides.keystore/1"
FORMAT_OF_SUITES = "bonafides.keystore/2"
SCRYPT_N = 2**15
_SCRYPT_R = 8
_SCRYPT_P = 1
_MAX_SCRYPT_N = 2**20  # a hostile file must not make us compute for hours
_KEY_BYTES = 32
_SALT_BYTES = 16
_NONCE_BYTES = 12
_SEALED = {"signing": "signing_seed", "agreement": "agreement_key", "compliance": "compliance_key"}
_SEALED_OF = {FORMAT: _SEALED, FORMAT_OF_SUITES: {**_SEALED, "checkpoint": "checkpoint_seed"}}
_FORMAT: OneOf = OneOf(*_SEALED_OF)

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, repr=False)
class MemberKeys:
    """One generation of the keys that MemberRegistry names, opened.

    Attributes:
        signing_seed: the suite's secret, 32 bytes: promises, openings, bundles, trust files.
        agreement_key: X25519, 32 bytes: pair seeds of a joint computation.
        compliance_key: secp256k1, 32 bytes: approvals of tasks.
        checkpoint_seed: Ed25519 seed, 32 bytes: checkpoints, cosignatures, credentials, messages to peers. Where the
            suite's own key is Ed25519 it is that one, and need not be given.
        suite: of the signing key, and so of the records that are made under it.
    """

    signing_seed: bytes
    agreement_key: bytes
    compliance_key: bytes
    checkpoint_seed: bytes = b""
    suite: SigningSuite = DEFAULT

    def __post_init__(self) -> None:
        """Let the signing key of the default suite be the checkpoint key, too."""
        if self.suite is DEFAULT:
            object.__setattr__(self, "checkpoint_seed", self.signing_seed)

    def __repr__(self) -> str:
        return f"MemberKeys({self.signing_public.hex()})"

    @classmethod
    def generate(cls, entropy: Entropy = secrets.token_bytes, suite: SigningSuite = DEFAULT) -> MemberKeys:
        """Make new keys of a suite; nothing is written.

        Raises:
            CouldNotCheck: `suite-not-installed`.
        """
        signing, agreement, compliance = suite.draw_secret(entropy), entropy(_KEY_BYTES), secp256k1_key(entropy)
        checkpoint = b"" if suite is DEFAULT else entropy(_KEY_BYTES)
        return cls(signing, agreement, compliance, checkpoint, suite)

    @cached_property
    def signing_public(self) -> bytes:
        """The public key of the suite."""
        return self.suite.public_key(self.signing_seed)

    @cached_property
    def checkpoint_public(self) -> bytes:
        """The Ed25519 public key."""
        return ed25519.public_key(self.checkpoint_seed)

    @cached_property
    def registered(self) -> MemberKeySet:
        """The keys as the registry holds them."""
        return MemberKeySet(
            self.suite.algorithm,
            self.signing_public,
            self.checkpoint_public,
            self.agreement_public,
            self.compliance_address,
        )

    @cached_property
    def agreement_public(self) -> bytes:
        """The X25519 public key."""
        return X25519PrivateKey.from_private_bytes(self.agreement_key).public_key().public_bytes_raw()

    @cached_property
    def compliance_address(self) -> str:
        """The account of the compliance key, lower-case 0x hex."""
        return address_of(self.compliance_key)

    def sign_ed25519(self, message: bytes) -> bytes:
        """Sign with the Ed25519 key, whatever the suite."""
        return ed25519.sign(self.checkpoint_seed, message)

    def public_json(self) -> dict[str, str]:
        """The public keys, as the registry takes them."""
        own = {} if self.suite is DEFAULT else {"suite": self.suite.name, "checkpoint": self.checkpoint_public.hex()}
        return {
            **own,
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
    format_ = FORMAT if keys.suite is DEFAULT else FORMAT_OF_SUITES
    plain = {name: getattr(keys, attribute).hex() for name, attribute in _SEALED_OF[format_].items()}
    public = {"address": address, **keys.public_json()}
    key = _derive(password, salt, SCRYPT_N)
    sealed = {
        "format": format_,
        "public": public,
        "kdf": {"name": "scrypt", "n": SCRYPT_N, "r": _SCRYPT_R, "p": _SCRYPT_P, "salt": salt.hex()},
        "cipher": {
            "name": "aes-256-gcm",
            "nonce": nonce.hex(),
            "text": AESGCM(key).encrypt(nonce, canonical_json(plain), _bound_data(format_, public)).hex(),
        },
    }
    return json.dumps(sealed, indent=1).encode()


def open_keys(sealed: dict[str, Any], address: str | None, password: str) -> MemberKeys:
    """Open the file of a generation; `address` is the account that it must belong to, None for any.

    Raises:
        Refused: `keystore-password`.
        InvalidInput: it is not of this form, or of another account.
        CouldNotCheck: `suite-not-installed`.
    """
    format_ = _FORMAT.read(sealed.get("format"), "keystore.format")
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
        plain = AESGCM(key).decrypt(nonce, text, _bound_data(format_, public))
    except InvalidTag as error:
        raise Refused("keystore-password", "the password is wrong, or the keystore was altered") from error
    value = parse_json(plain, field="keystore.keys")
    if not isinstance(value, dict):
        raise InvalidInput("keystore.keys", "object", "must be an object")
    secret = {
        attribute: decode_hex(value.get(name), f"keys.{name}", _KEY_BYTES)
        for name, attribute in _SEALED_OF[format_].items()
    }
    suite = DEFAULT if format_ == FORMAT else suite_named(str(public.get("suite")), "keystore.public.suite")
    keys = MemberKeys(**secret, suite=suite)
    if {"address": address or public.get("address"), **keys.public_json()} != public:
        raise InvalidInput("keystore.public", "mismatch", "the public part does not belong to the sealed keys")
    return keys


def _derive(password: str, salt: bytes, n: int) -> bytes:
    return Scrypt(salt=salt, length=_KEY_BYTES, n=n, r=_SCRYPT_R, p=_SCRYPT_P).derive(password.encode())


def _bound_data(format_: str, public: Mapping[str, str]) -> bytes:
    return canonical_json({"format": format_, "public": dict(public)})
