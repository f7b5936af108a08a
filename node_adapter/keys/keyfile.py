"""The chain account's file: Web3 Secret Storage, version 3, with scrypt and AES-128-CTR, as other wallets read it.

    derived key = scrypt(password, salt, n, r, p), 32 bytes
    ciphertext  = AES-128-CTR(derived key[:16], iv, private key)
    mac         = Keccak-256(derived key[16:] || ciphertext)

Written here because the library's own module loads a pairing curve at import, which every command would pay for.
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from primitives.encoding import decode_hex
from primitives.errors import InvalidInput, Refused
from primitives.secp256k1 import address_of, keccak256

Kind = TypeVar("Kind")

_VERSION = 3
_KDF = "scrypt"
_CIPHER = "aes-128-ctr"
_DKLEN = 32
_R = 8
_P = 1
_HALF = 16
_SALT_BYTES = 16
_KEY_BYTES = 32
_MAX_N = 2**20  # a hostile file must not make us compute for hours
_FIELD = "keystore.sender"


def encrypt_key(key: bytes, password: str, *, n: int, entropy: Callable[[int], bytes]) -> dict[str, Any]:
    """Return the file's JSON for a secp256k1 private key."""
    salt, iv = entropy(_SALT_BYTES), entropy(_HALF)
    derived = _derive(password, salt, n)
    ciphertext = _ctr(derived, iv, key)
    return {
        "address": address_of(key).removeprefix("0x"),
        "crypto": {
            "cipher": _CIPHER,
            "cipherparams": {"iv": iv.hex()},
            "ciphertext": ciphertext.hex(),
            "kdf": _KDF,
            "kdfparams": {"dklen": _DKLEN, "n": n, "r": _R, "p": _P, "salt": salt.hex()},
            "mac": _mac(derived, ciphertext).hex(),
        },
        "id": str(uuid.UUID(bytes=entropy(_HALF), version=4)),
        "version": _VERSION,
    }


def decrypt_key(file: Mapping[str, Any], password: str) -> bytes:
    """Return the private key.

    Raises:
        Refused: `keystore-password`, the password is not the one that the key was sealed with.
        InvalidInput: the file is not of this form.
    """
    crypto = _member(file, "crypto", dict)
    parameters = _member(crypto, "kdfparams", dict)
    expected = {"dklen": _DKLEN, "r": _R, "p": _P}
    if (
        file.get("version") != _VERSION
        or crypto.get("cipher") != _CIPHER
        or crypto.get("kdf") != _KDF
        or any(parameters.get(name) != value for name, value in expected.items())
    ):
        raise _not_ours()
    n = _member(parameters, "n", int)
    if not 1 < n <= _MAX_N or n & (n - 1):
        raise InvalidInput(f"{_FIELD}.n", "range", f"must be a power of two up to {_MAX_N}")
    ciphertext = decode_hex(crypto.get("ciphertext"), f"{_FIELD}.ciphertext", _KEY_BYTES)
    iv = decode_hex(_member(crypto, "cipherparams", dict).get("iv"), f"{_FIELD}.iv", _HALF)
    mac = decode_hex(crypto.get("mac"), f"{_FIELD}.mac", _KEY_BYTES)
    derived = _derive(password, decode_hex(parameters.get("salt"), f"{_FIELD}.salt"), n)
    if not hmac.compare_digest(_mac(derived, ciphertext), mac):
        raise Refused("keystore-password", "the password is wrong, or the keystore was altered")
    return _ctr(derived, iv, ciphertext)


def _derive(password: str, salt: bytes, n: int) -> bytes:
    return Scrypt(salt=salt, length=_DKLEN, n=n, r=_R, p=_P).derive(password.encode())


def _ctr(derived: bytes, iv: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt: in counter mode they are one."""
    stream = Cipher(AES(derived[:_HALF]), CTR(iv)).encryptor()
    return stream.update(data) + stream.finalize()


def _mac(derived: bytes, ciphertext: bytes) -> bytes:
    return keccak256(derived[_HALF:] + ciphertext)


def _member(value: Mapping[str, Any], name: str, kind: type[Kind]) -> Kind:
    found = value.get(name)
    if not isinstance(found, kind) or isinstance(found, bool):
        raise _not_ours()
    return found


def _not_ours() -> InvalidInput:
    return InvalidInput(_FIELD, "shape", "is not a Web3 secret-storage file with scrypt and AES-128-CTR")
