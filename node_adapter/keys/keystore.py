"""A member's private keys, encrypted at rest under one password.

    keystore/sender.json   the chain account (secp256k1), as a Web3 secret-storage file; it never changes
    keystore/keys.json     the first generation of member keys: signing (by the node's suite), agreement (X25519),
                           compliance (secp256k1) and, under another suite than the default, checkpoint (Ed25519),
                           sealed with AES-256-GCM
    keystore/keys-2.json   the generation of the first rotation, and so on: of the same suite

A file is written once. Which generation is in force the chain says (`workflows.member_keys`); one that has ended stays,
so that what was made under it can still be opened. All files use scrypt, each with a salt of its own. Keys are made by
`node init` and `member rotate-keys` and are never in version control. No `repr`, no error and no log line of this
module holds a secret.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from node_adapter.keys.keyfile import decrypt_key, encrypt_key
from node_adapter.keys.member_keys import SCRYPT_N, Entropy, MemberKeys, open_keys, seal_keys, secp256k1_key
from node_adapter.private_files import sync_directory, write_private
from primitives.canonical import parse_json
from primitives.digest import tagged_hmac
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from primitives.secp256k1 import address_of
from primitives.shapes import Object
from primitives.suite import SigningSuite
from primitives.suites import DEFAULT

PASSWORD_VARIABLE = "BONAFIDES_KEYSTORE_PASSWORD"  # noqa: S105 - the name of the variable, not a password
SENDER_FILE = "sender.json"
KEYS_FILE = "keys.json"

_Opened = TypeVar("_Opened")


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
        from node_adapter.chain.transactions import sign_transaction  # noqa: PLC0415 - loads web3: only senders do

        return sign_transaction(transaction, self.private_key)

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"


class Keystore:
    """The private keys of a member, opened: the account, and every generation of member keys, oldest first."""

    def __init__(self, sender_key: bytes, *generations: MemberKeys) -> None:
        """Hold keys that lie in memory only; `open` reads them from a directory.

        Args:
            sender_key: secp256k1, 32 bytes: the founding account that pays for and sends transactions.
            generations: at least one.
        """
        self._sender_key = sender_key
        self._generations = generations
        self._source: tuple[Path, str] | None = None  # where further generations may appear, and what opens them
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"Keystore({self.address})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Keystore):
            return NotImplemented
        return (self._sender_key, self._generations) == (other._sender_key, other._generations)

    __hash__ = None  # type: ignore[assignment] # mutable: a rotation adds a generation

    @classmethod
    def generate(cls, entropy: Entropy = secrets.token_bytes, suite: SigningSuite = DEFAULT) -> Keystore:
        """Make new keys of a suite; nothing is written.

        Raises:
            CouldNotCheck: `suite-not-installed`.
        """
        return cls(secp256k1_key(entropy), MemberKeys.generate(entropy, suite))

    @classmethod
    def open(cls, directory: Path, password: str) -> Keystore:
        """Decrypt the keys of a directory.

        Raises:
            Refused: `keystore-password`, the password is not the one that the keys were sealed with.
            InvalidInput: a file is not one of ours, or was damaged.
            CouldNotCheck: `keystore-unreadable`.
        """
        sender_key = open_either(directory / SENDER_FILE, lambda sealed: decrypt_key(sealed, password))
        store = cls(sender_key)
        store._source = directory, password
        store.reload()
        if not store._generations:
            raise CouldNotCheck("keystore-unreadable", f"{directory / KEYS_FILE}: is missing")
        return store

    def save(self, directory: Path, password: str) -> None:
        """Seal the keys into a new directory (0700, files 0600); never overwrite.

        Raises:
            Refused: `keystore-exists`.
            InvalidInput: an empty password.
        """
        check_password(password)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file, text in self.sealed_files(password).items():
            _write_new(directory / file, text)

    def sealed_files(self, password: str) -> dict[str, bytes]:
        """Return the directory's files by name, sealed under a password."""
        sender = encrypt_key(self._sender_key, password, n=SCRYPT_N, entropy=secrets.token_bytes)
        files = {SENDER_FILE: json.dumps(sender, indent=1).encode()}
        for number, keys in enumerate(self._generations, 1):
            files[_file_of(number)] = seal_keys(self.address, keys, password)
        return files

    def reload(self) -> bool:
        """Open the generations that were added to the directory since; return whether there were any.

        Raises:
            Refused: `keystore-password`, a new one is sealed under another password: the node is to be started again.
        """
        with self._lock:
            before = len(self._generations)
            if self._source is None:
                return False
            directory, password = self._source
            while (directory / (file := _file_of(len(self._generations) + 1))).exists():
                opened = open_either(directory / file, lambda sealed: open_keys(sealed, self.address, password))
                self._generations = (*self._generations, opened)
            return len(self._generations) > before

    def add(self, keys: MemberKeys) -> None:
        """Seal a new generation into the directory that this keystore was opened from.

        Raises:
            Refused: `keystore-exists`, another process added one at the same time.
        """
        if self._source is None:
            raise CouldNotCheck("keystore-unwritable", "this keystore lies in no directory")
        directory, password = self._source
        _write_new(directory / _file_of(len(self._generations) + 1), seal_keys(self.address, keys, password))
        self.reload()

    def find(self, matches: Callable[[MemberKeys], bool]) -> MemberKeys | None:
        """Return the newest generation that matches, also one that another process has added; None without one."""
        for _ in range(2):
            for keys in reversed(self._generations):
                if matches(keys):
                    return keys
            if not self.reload():
                break
        return None

    @property
    def generations(self) -> tuple[MemberKeys, ...]:
        """Every generation, oldest first."""
        return self._generations

    @property
    def newest(self) -> MemberKeys:
        """The newest generation. Whether it is in force, or not yet, only the chain tells."""
        return self._generations[-1]

    @cached_property
    def address(self) -> str:
        """The member's founding account, lower-case 0x hex: its name in the consortium."""
        return address_of(self._sender_key)

    @property
    def suite(self) -> SigningSuite:
        """The suite of the member's records, of which all of its generations are: it was chosen with the first."""
        return self._generations[0].suite

    @property
    def signing_public(self) -> bytes:
        """The newest generation's public key of the suite."""
        return self.newest.signing_public

    @property
    def agreement_public(self) -> bytes:
        """The newest generation's X25519 public key."""
        return self.newest.agreement_public

    @property
    def compliance_address(self) -> str:
        """The newest generation's compliance account."""
        return self.newest.compliance_address

    def signer(self) -> LocalSigner:
        """The signer of the member's transactions."""
        return LocalSigner(self._sender_key)

    def derived_secret(self, tag: str) -> bytes:
        """Return 32 secret bytes of this member for one use; no rotation changes them."""
        return tagged_hmac(self._sender_key, tag)

    def public_json(self) -> dict[str, str]:
        """The public keys, as a founder or an applicant hands them to the consortium."""
        return {"address": self.address, **self.newest.public_json()}


def check_password(password: str) -> None:
    """Refuse to seal keys under an empty password."""
    if not password:
        raise InvalidInput("password", "length", "the keystore's password is empty")


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
        raise InvalidInput("password", "required", f"set {variable} or give --password-file")
    if not password.isascii() and any("\ud800" <= character <= "\udfff" for character in password):
        raise InvalidInput("password", "utf-8", f"{variable} is no text of this locale; use --password-file")
    return password


def _file_of(number: int) -> str:
    return KEYS_FILE if number == 1 else f"keys-{number}.json"


def successor(file: Path) -> Path:
    """Return where a re-sealing writes the file that takes this one's place (`node_adapter.keys.reseal`)."""
    return file.with_name(f"{file.name}.new")


def opens(file: Path, password: str) -> bool:
    """Say whether a file of the keystore is sealed under a password."""
    try:
        sealed = _read_json(file)
        if file.name == SENDER_FILE:
            decrypt_key(sealed, password)
        else:
            open_keys(sealed, None, password)
    except Refused:
        return False
    return True


def open_either(file: Path, decrypt: Callable[[dict[str, Any]], _Opened]) -> _Opened:
    """Open a file, or its successor where the password belongs to that one: a re-sealing may stop at any instant."""
    try:
        return decrypt(_read_json(file))
    except Refused:
        if not successor(file).exists():
            raise
        try:
            return decrypt(_read_json(successor(file)))
        except InvalidInput:  # cut short while it was written: it was never in force
            pass
        raise


def _read_json(file: Path) -> dict[str, Any]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise CouldNotCheck("keystore-unreadable", f"{file}: {error.strerror}") from error
    field = f"keystore.{file.stem}"
    return Object().read(parse_json(data, field=field, max_bytes=64 * 1024), field)


def _write_new(file: Path, data: bytes) -> None:
    """Write a file whole or not at all, and never over another: a key that was half written would be lost."""
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        write_private(temporary, data.decode())
        try:
            os.link(temporary, file)
        finally:
            temporary.unlink()
        sync_directory(file.parent)
    except FileExistsError as error:
        raise Refused("keystore-exists", f"{file} exists; keys are never overwritten") from error
    except OSError as error:
        raise CouldNotCheck("keystore-unwritable", f"{file}: {error.strerror}") from error
