"""A member's private keys, encrypted at rest under one password.

    keystore/sender.json   the chain account (secp256k1), as a Web3 secret-storage file
    keystore/keys.json     signing (Ed25519), agreement (X25519) and compliance (secp256k1), sealed with AES-256-GCM

Both files use scrypt, each with a salt of its own. Keys are made by `node init` and are never in version control.
No `repr`, no error and no log line of this module holds a secret.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from node_adapter.keyfile import decrypt_key, encrypt_key
from node_adapter.transaction import sign_transaction
from primitives import ed25519
from primitives.canonical import canonical_json, parse_json
from primitives.encoding import decode_hex
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused
from primitives.secp256k1 import CURVE_ORDER, address_of

PASSWORD_VARIABLE = "BONAFIDES_KEYSTORE_PASSWORD"  # noqa: S105 - the name of the variable, not a password
FORMAT = "bonafides.keystore/1"
SENDER_FILE = "sender.json"
KEYS_FILE = "keys.json"
SCRYPT_N = 2**15
_SCRYPT_R = 8
_SCRYPT_P = 1
_MAX_SCRYPT_N = 2**20  # a hostile file must not make us compute for hours
_KEY_BYTES = 32
_SALT_BYTES = 16
_NONCE_BYTES = 12

Entropy = Callable[[int], bytes]


class Signer(Protocol):
    """What can sign a member's transactions."""

    @property
    def address(self) -> str:
        """The account, lower-case 0x hex."""

    def sign_transaction(self, transaction: Mapping[str, Any]) -> tuple[bytes, bytes]:
        """Return the raw signed transaction and its hash."""


@dataclass(frozen=True, repr=False)
class LocalSigner:
    """A signer whose key is in this process's memory."""

    private_key: bytes

    @property
    def address(self) -> str:
        """The account, lower-case 0x hex."""
        return address_of(self.private_key)

    def sign_transaction(self, transaction: Mapping[str, Any]) -> tuple[bytes, bytes]:
        """Return the raw signed transaction and its hash."""
        return sign_transaction(transaction, self.private_key)

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"


@dataclass(frozen=True, repr=False)
class Keystore:
    """The four private keys of a member, opened.

    Attributes:
        sender_key: secp256k1, 32 bytes: the founding account that pays for and sends transactions.
        signing_seed: Ed25519 seed, 32 bytes: checkpoints, promises, credentials, messages to peers.
        agreement_key: X25519, 32 bytes: pair seeds of a joint computation.
        compliance_key: secp256k1, 32 bytes: approvals of tasks.
    """

    sender_key: bytes
    signing_seed: bytes
    agreement_key: bytes
    compliance_key: bytes

    def __repr__(self) -> str:
        return f"Keystore({self.address})"

    @classmethod
    def generate(cls, entropy: Entropy = secrets.token_bytes) -> Keystore:
        """Make new keys; nothing is written."""
        return cls(_secp256k1_key(entropy), entropy(_KEY_BYTES), entropy(_KEY_BYTES), _secp256k1_key(entropy))

    @classmethod
    def open(cls, directory: Path, password: str) -> Keystore:
        """Decrypt the keys of a directory.

        Raises:
            Refused: `keystore-password`, the password is not the one that the keys were sealed with.
            InvalidInput: a file is not one of ours, or was damaged.
            CouldNotCheck: `keystore-unreadable`.
        """
        sender_file = _read_json(directory / SENDER_FILE)
        sealed = _read_json(directory / KEYS_FILE)
        keys = _open_sealed(sealed, password)
        store = cls(
            sender_key=decrypt_key(sender_file, password),
            signing_seed=decode_hex(keys.get("signing"), "keys.signing", _KEY_BYTES),
            agreement_key=decode_hex(keys.get("agreement"), "keys.agreement", _KEY_BYTES),
            compliance_key=decode_hex(keys.get("compliance"), "keys.compliance", _KEY_BYTES),
        )
        if store.public_json() != sealed.get("public"):
            raise InvalidInput("keystore.public", "mismatch", "the public part does not belong to the sealed keys")
        return store

    def save(self, directory: Path, password: str) -> None:
        """Seal the keys into a new directory (0700, files 0600); never overwrite.

        Raises:
            Refused: `keystore-exists`.
            InvalidInput: an empty password.
        """
        if not password:
            raise InvalidInput("password", "empty", "the keystore's password is empty")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        sender = encrypt_key(self.sender_key, password, n=SCRYPT_N, entropy=secrets.token_bytes)
        _write_new(directory / SENDER_FILE, json.dumps(sender, indent=1).encode())
        _write_new(directory / KEYS_FILE, json.dumps(self._seal(password), indent=1).encode())

    @property
    def address(self) -> str:
        """The member's founding account, lower-case 0x hex: its name in the consortium."""
        return address_of(self.sender_key)

    @property
    def compliance_address(self) -> str:
        """The account of the compliance key, lower-case 0x hex."""
        return address_of(self.compliance_key)

    @property
    def signing_public(self) -> bytes:
        """The Ed25519 public key that MemberRegistry holds."""
        return ed25519.public_key(self.signing_seed)

    @property
    def agreement_public(self) -> bytes:
        """The X25519 public key that MemberRegistry holds."""
        return X25519PrivateKey.from_private_bytes(self.agreement_key).public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Sign with the member's Ed25519 signing key."""
        return ed25519.sign(self.signing_seed, message)

    def signer(self) -> LocalSigner:
        """The signer of the member's transactions."""
        return LocalSigner(self.sender_key)

    def public_json(self) -> dict[str, str]:
        """The public keys, as a founder or an applicant hands them to the consortium."""
        return {
            "address": self.address,
            "signing": self.signing_public.hex(),
            "agreement": self.agreement_public.hex(),
            "compliance": self.compliance_address,
        }

    def _seal(self, password: str) -> dict[str, Any]:
        salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
        plain = {name: getattr(self, attribute).hex() for name, attribute in _SEALED.items()}
        public = self.public_json()
        key = _derive(password, salt, SCRYPT_N)
        return {
            "format": FORMAT,
            "public": public,
            "kdf": {"name": "scrypt", "n": SCRYPT_N, "r": _SCRYPT_R, "p": _SCRYPT_P, "salt": salt.hex()},
            "cipher": {
                "name": "aes-256-gcm",
                "nonce": nonce.hex(),
                "text": AESGCM(key).encrypt(nonce, canonical_json(plain), _bound_data(public)).hex(),
            },
        }


_SEALED = {"signing": "signing_seed", "agreement": "agreement_key", "compliance": "compliance_key"}


def read_password(variable: str = PASSWORD_VARIABLE, file: Path | None = None) -> str:
    """Return the password of a file's first line, or of the environment.

    Raises:
        InvalidInput: neither gives one, or the environment's is no text.
        CouldNotCheck: `password-unreadable`.
    """
    if file is not None:
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CouldNotCheck("password-unreadable", f"the password file {file} cannot be read") from error
        password = text.removeprefix("\ufeff").split("\n", 1)[0].rstrip("\r")
    else:
        password = os.environ.get(variable, "")
    if not password:
        raise InvalidInput("password", "missing", f"set {variable} or give --password-file")
    if not password.isascii() and any("\ud800" <= character <= "\udfff" for character in password):
        raise InvalidInput("password", "utf-8", f"{variable} is no text of this locale; use --password-file")
    return password


def _secp256k1_key(entropy: Entropy) -> bytes:
    while True:  # a draw outside 1..order-1 is as likely as guessing a key
        key = entropy(_KEY_BYTES)
        if 0 < int.from_bytes(key) < CURVE_ORDER:
            return key


def _derive(password: str, salt: bytes, n: int) -> bytes:
    return Scrypt(salt=salt, length=_KEY_BYTES, n=n, r=_SCRYPT_R, p=_SCRYPT_P).derive(password.encode())


def _bound_data(public: Mapping[str, str]) -> bytes:
    return canonical_json({"format": FORMAT, "public": dict(public)})


def _open_sealed(sealed: dict[str, Any], password: str) -> dict[str, Any]:
    if sealed.get("format") != FORMAT:
        raise InvalidInput("keystore.format", "unknown", f"is not {FORMAT}")
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
        raise _wrong_password() from error
    keys = parse_json(plain, field="keystore.keys")
    if not isinstance(keys, dict):
        raise InvalidInput("keystore.keys", "type", "must be an object")
    return keys


def _wrong_password() -> BonafidesError:
    return Refused("keystore-password", "the password is wrong, or the keystore was altered")


def _read_json(file: Path) -> dict[str, Any]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise CouldNotCheck("keystore-unreadable", f"{file}: {error.strerror}") from error
    value = parse_json(data, field=f"keystore.{file.stem}", max_bytes=64 * 1024)
    if not isinstance(value, dict):
        raise InvalidInput(f"keystore.{file.stem}", "type", "must be an object")
    return value


def _write_new(file: Path, data: bytes) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Refused("keystore-exists", f"{file} exists; keys are never overwritten") from error
    except OSError as error:
        raise CouldNotCheck("keystore-unwritable", f"{file}: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
