"""The wallet's directory: private to its user, and sealed under the wallet's password.

    wallet.json   format, scrypt parameters, and a sealed constant that tells a wrong password
    wallet.db     SQLite; every row's name is keyed and its content sealed with AES-256-GCM

Somebody who copies the directory learns how many things of each kind it holds, and nothing of whom or what. One
password is stretched once when the wallet is opened; one wallet may hold the identities of many clients.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from primitives.canonical import canonical_json, parse_json
from primitives.digest import tagged_hmac
from primitives.encoding import decode_hex
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused

PASSWORD_VARIABLE = "BONAFIDES_WALLET_PASSWORD"  # noqa: S105 - the name of the variable, not a password
FORMAT = "bonafides.wallet/1"
HEAD_FILE = "wallet.json"
DATABASE_FILE = "wallet.db"
_TAG = "bonafides/wallet/1/"
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**15, 8, 1
_MAX_SCRYPT_N = 2**20  # a hostile file must not make us compute for hours
_KEY_BYTES = 32
_SALT_BYTES = 16
_NONCE_BYTES = 12
_BUSY_SECONDS = 30
_CHECK = b"bonafides wallet"
_SCHEMA = (
    "create table if not exists item (kind text, id blob, sealed blob not null, primary key (kind, id)) without rowid"
)

Entropy = Callable[[int], bytes]


class WalletStore:
    """An opened wallet: sealed values by kind and name."""

    def __init__(self, connection: sqlite3.Connection, key: bytes, entropy: Entropy) -> None:
        """Use `WalletStore.create` or `WalletStore.open`."""
        self._connection = connection
        self._cipher = AESGCM(tagged_hmac(key, _TAG + "seal"))
        self._name_key = tagged_hmac(key, _TAG + "name")
        self.entropy = entropy

    @classmethod
    def create(cls, directory: Path, password: str, entropy: Entropy = secrets.token_bytes) -> WalletStore:
        """Make a new wallet in a directory of its own (0700).

        Raises:
            InvalidInput: an empty password.
            Refused: `wallet-exists`.
            CouldNotCheck: `wallet-unwritable`.
        """
        if not password:
            raise InvalidInput("password", "length", "the wallet's password is empty")
        salt, nonce = entropy(_SALT_BYTES), entropy(_NONCE_BYTES)
        key = _derive(password, salt, _SCRYPT_N)
        head = {
            "format": FORMAT,
            "kdf": {"name": "scrypt", "n": _SCRYPT_N, "r": _SCRYPT_R, "p": _SCRYPT_P, "salt": salt.hex()},
            "check": {"nonce": nonce.hex(), "text": AESGCM(key).encrypt(nonce, _CHECK, None).hex()},
        }
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)
            for file, content in ((DATABASE_FILE, b""), (HEAD_FILE, json.dumps(head, indent=1).encode())):
                descriptor = os.open(directory / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(content)
        except FileExistsError as error:
            raise Refused("wallet-exists", f"{directory} already holds a wallet") from error
        except OSError as error:
            raise CouldNotCheck("wallet-unwritable", f"{directory}: {error.strerror}") from error
        return cls(_connect(directory), key, entropy)

    @classmethod
    def open(cls, directory: Path, password: str, entropy: Entropy = secrets.token_bytes) -> WalletStore:
        """Open a wallet.

        Raises:
            Refused: `wallet-password`; `wallet-permissions` when others may read the directory.
            CouldNotCheck: `wallet-missing`, `wallet-unreadable`.
            InvalidInput: the directory is not a wallet.
        """
        head = _read_head(directory)
        if stat.S_IMODE(directory.stat().st_mode) & 0o077:
            raise Refused("wallet-permissions", f"others may enter {directory}; run: chmod 700 {directory}")
        key = _open_key(head, password)
        return cls(_connect(directory), key, entropy)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep everything written inside, or nothing of it; one inside another is undone alone."""
        with _translated_errors():
            inner = self._connection.in_transaction
            self._connection.execute("savepoint one" if inner else "begin immediate")
            try:
                yield
            except BaseException:
                self._connection.execute("rollback to one" if inner else "rollback")
                if inner:
                    self._connection.execute("release one")
                raise
            self._connection.execute("release one" if inner else "commit")

    def get(self, kind: str, *names: str) -> Any:
        """Return the value of a kind and name, or None."""
        identifier = self._identifier(kind, names)
        with _translated_errors():
            row = self._connection.execute(
                "select sealed from item where kind = ? and id = ?", (kind, identifier)
            ).fetchone()
        return None if row is None else self._unseal(kind, identifier, row[0])

    def put(self, value: object, kind: str, *names: str) -> None:
        """Store a value under a kind and name, in place of an earlier one. Call it inside `transaction`."""
        identifier = self._identifier(kind, names)
        nonce = self.entropy(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, canonical_json(value), kind.encode() + b"\0" + identifier)
        with _translated_errors():
            self._connection.execute("insert or replace into item values (?, ?, ?)", (kind, identifier, sealed))

    def all(self, kind: str) -> list[Any]:
        """Return every value of a kind, in no telling order."""
        with _translated_errors():
            rows = self._connection.execute("select id, sealed from item where kind = ?", (kind,)).fetchall()
        return [self._unseal(kind, identifier, sealed) for identifier, sealed in rows]

    def _identifier(self, kind: str, names: tuple[str, ...]) -> bytes:
        return tagged_hmac(self._name_key, _TAG + kind, canonical_json(list(names)))

    def _unseal(self, kind: str, identifier: bytes, sealed: bytes) -> Any:
        try:
            plain = self._cipher.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], kind.encode() + b"\0" + identifier
            )
        except InvalidTag as error:
            raise InvalidInput("wallet", "sealed", f"an entry of the kind {kind} was altered or moved") from error
        return parse_json(plain, field=f"wallet.{kind}")


def _connect(directory: Path) -> sqlite3.Connection:
    with _translated_errors():
        connection = sqlite3.connect(directory / DATABASE_FILE, timeout=_BUSY_SECONDS, isolation_level=None)
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
        connection.execute(_SCHEMA)
    return connection


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "locked" in text:
            raise CouldNotCheck("wallet-busy", "another process writes to the wallet; try again") from error
        if "full" in text:
            raise CouldNotCheck("wallet-full", "the disk of the wallet is full; nothing was stored") from error
        raise CouldNotCheck("wallet-unreadable", f"the wallet cannot be used: {text}") from error


def _derive(password: str, salt: bytes, n: int) -> bytes:
    return Scrypt(salt=salt, length=_KEY_BYTES, n=n, r=_SCRYPT_R, p=_SCRYPT_P).derive(password.encode())


def _read_head(directory: Path) -> dict[str, Any]:
    file = directory / HEAD_FILE
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise CouldNotCheck(
            "wallet-missing", f"{directory} holds no wallet; `bonafides wallet new` or `staff new` makes one"
        ) from error
    except OSError as error:
        raise CouldNotCheck("wallet-unreadable", f"{file}: {error.strerror}") from error
    head = parse_json(data, field="wallet", max_bytes=64 * 1024)
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise InvalidInput("wallet.format", "constant", f"{file} is not {FORMAT}")
    return head


def _open_key(head: dict[str, Any], password: str) -> bytes:
    kdf, check = head.get("kdf"), head.get("check")
    if not isinstance(kdf, dict) or not isinstance(check, dict):
        raise InvalidInput("wallet", "shape", "kdf or check is missing")
    n = kdf.get("n")
    if not isinstance(n, int) or not _SCRYPT_N <= n <= _MAX_SCRYPT_N or n & (n - 1):
        raise InvalidInput("wallet.kdf.n", "range", f"must be a power of two from {_SCRYPT_N} to {_MAX_SCRYPT_N}")
    key = _derive(password, decode_hex(kdf.get("salt"), "wallet.kdf.salt", _SALT_BYTES), n)
    try:
        AESGCM(key).decrypt(
            decode_hex(check.get("nonce"), "wallet.check.nonce", _NONCE_BYTES),
            decode_hex(check.get("text"), "wallet.check.text"),
            None,
        )
    except InvalidTag as error:
        raise _wrong_password() from error
    return key


def _wrong_password() -> BonafidesError:
    return Refused("wallet-password", "the wallet's password is wrong, or the wallet was altered")
