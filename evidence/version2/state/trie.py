"""State proofs: accounts and storage slots under a header's state root (docs/spec/evidence-2.md, section 9.1).

A proof is a pool of trie nodes, found by their keccak-256. Nothing is decoded before its hash stood in a node above it,
and the first stands in a trusted header: what is decoded is the chain's, whoever carried it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from eth_hash.auto import keccak

from evidence.chain.patricia import (
    BRANCH_ITEMS,
    EMPTY_ROOT,
    HASH_BYTES,
    PAIR_ITEMS,
    Nibbles,
    expand,
    nibbles_of,
)
from evidence.chain.rlp_codec import Rlp, decode_rlp
from primitives.errors import InvalidInput, VerificationFailed

CHECK = "state-proof"
NO_CODE = keccak(b"")  # the code hash of an account without code
WORD_BYTES = 32
_ACCOUNT_ITEMS = 4
_MAX_NONCE_BYTES = 8


@dataclass(frozen=True)
class Account:
    """An account at a block; `balance` in wei."""

    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes


class NodePool:
    """Trie nodes by their hashes, and which of them were on a path that was asked for."""

    def __init__(self, nodes: Sequence[bytes]) -> None:
        """Hash the nodes.

        Raises:
            VerificationFailed: `state-proof`; one stands twice.
        """
        self._nodes = {keccak(node): node for node in nodes}
        if len(self._nodes) != len(nodes):
            raise _failed("a node stands twice")
        self._opened: dict[bytes, list[Rlp]] = {}

    def value(self, root: bytes, key: bytes, what: str) -> bytes | None:
        """Walk down the trie of a root to a key; None where the path ends elsewhere. No key is another's beginning."""
        if root == EMPTY_ROOT:
            return None
        path, below = nibbles_of(key), self._at(root, what)
        while True:
            if len(below) == BRANCH_ITEMS and path:
                reference, path = below[path[0]], path[1:]
                if reference == b"":
                    return None
            elif len(below) == PAIR_ITEMS:
                shared, is_leaf = _path(below[0], what)
                if path[: len(shared)] != shared:
                    return None
                reference, path = below[1], path[len(shared) :]
                if is_leaf:
                    return _leaf_value(reference, path, what)
            else:
                raise _failed(f"a node of the path to {what} is neither branch, extension nor leaf")
            below = reference if isinstance(reference, list) else self._at(reference, what)

    def unused(self) -> int:
        """Return how many nodes were on no path that was asked for."""
        return len(self._nodes) - len(self._opened)

    def used(self) -> list[bytes]:
        """Return the nodes that were on a path that was asked for, in ascending order: what proves the same again."""
        return sorted(self._nodes[digest] for digest in self._opened)

    def _at(self, digest: bytes, what: str) -> list[Rlp]:
        if digest not in self._opened:
            if digest not in self._nodes:
                raise _failed(f"a node of the path to {what} is missing")
            node = _decoded(self._nodes[digest], what)
            if not isinstance(node, list):
                raise _failed(f"a node of the path to {what} is no list")
            self._opened[digest] = node
        return self._opened[digest]


class StateProof:
    """A pool of nodes under a state root, from which accounts and slots are opened one after another.

    Once all is opened, `finish` tells whether the pool held anything else. Every error is VerificationFailed of the
    check `state-proof`.
    """

    def __init__(self, state_root: bytes, nodes: Sequence[bytes]) -> None:
        """Take the nodes, each once."""
        self._state_root = state_root
        self._pool = NodePool(nodes)

    def account(self, address: str) -> Account | None:
        """Return an account by its lower-case 0x address; None when the state has none."""
        key = keccak(bytes.fromhex(address.removeprefix("0x")))
        value = self._pool.value(self._state_root, key, f"the account {address}")
        return None if value is None else _account(value, address)

    def word(self, account: Account, slot: bytes) -> bytes:
        """Return the 32 bytes of a storage slot of an account; zeros when nothing is stored there."""
        what = f"the slot {slot.hex()}"
        value = self._pool.value(account.storage_root, keccak(slot), what)
        if value is None:
            return bytes(WORD_BYTES)
        number = _decoded(value, what)
        if not _is_number(number, WORD_BYTES) or not number:
            raise _failed(f"{what} holds no number of 32 bytes")
        return number.rjust(WORD_BYTES, b"\0")

    def used(self) -> list[bytes]:
        """Return the nodes that opened what was asked for: the pool that proves this and nothing else."""
        return self._pool.used()

    def finish(self) -> None:
        """Require that every node of the pool was on a path that was opened."""
        if self._pool.unused():
            raise _failed(f"{self._pool.unused()} nodes are on no path that was asked for")


def _path(data: Rlp, what: str) -> tuple[Nibbles, bool]:
    try:
        return expand(data)
    except InvalidInput as error:
        raise _failed(f"a node of the path to {what}: {error.detail}") from error


def _leaf_value(value: Rlp, rest: Nibbles, what: str) -> bytes:
    if rest or not isinstance(value, bytes):
        raise _failed(f"a leaf on the path to {what} is of a key of another length, or holds no bytes")
    return value


def _account(value: bytes, address: str) -> Account:
    fields = _decoded(value, address)
    if not isinstance(fields, list) or len(fields) != _ACCOUNT_ITEMS:
        raise _failed(f"{address} is no list of nonce, balance, storage root and code hash")
    nonce, balance, storage_root, code_hash = fields
    if not _is_number(nonce, _MAX_NONCE_BYTES) or not _is_number(balance, WORD_BYTES):
        raise _failed(f"nonce or balance of {address} is no number")
    if not _is_hash(storage_root) or not _is_hash(code_hash):
        raise _failed(f"storage root or code hash of {address} is no hash")
    return Account(int.from_bytes(nonce), int.from_bytes(balance), storage_root, code_hash)


def _is_number(value: Rlp, most: int) -> TypeGuard[bytes]:
    return isinstance(value, bytes) and len(value) <= most and not value.startswith(b"\0")


def _is_hash(value: Rlp) -> TypeGuard[bytes]:
    return isinstance(value, bytes) and len(value) == HASH_BYTES


def _decoded(data: bytes, what: str) -> Rlp:
    try:
        return decode_rlp(data, "node")
    except InvalidInput as error:
        raise _failed(f"{what}: {error.detail}") from error


def _failed(detail: str) -> VerificationFailed:
    return VerificationFailed(CHECK, detail)
