"""Merkle Patricia tries as Ethereum keeps them: nibbles, the hex-prefix encoding of paths, the hash of nothing.

Source: Ethereum yellow paper, appendices C and D.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TypeAlias

from eth_hash.auto import keccak

from evidence.chain.rlp_codec import Rlp, encode_rlp
from primitives.errors import InvalidInput

EMPTY_ROOT = keccak(b"\x80")
HASH_BYTES = 32  # a shorter node stands in its parent, a longer one is referred to by its hash
BRANCH_ITEMS = 17
PAIR_ITEMS = 2
_PREFIXES = 4

Nibbles: TypeAlias = tuple[int, ...]


def nibbles_of(data: bytes) -> Nibbles:
    """Return the half-bytes of a key, the higher one first."""
    return tuple(nibble for byte in data for nibble in (byte >> 4, byte & 15))


def compact(nibbles: Nibbles, *, leaf: bool) -> bytes:
    """Return the hex-prefix encoding of a path: two flags, a nibble of zero where the number is even, the nibbles."""
    flag = 2 * leaf + len(nibbles) % 2
    padded = (flag, *nibbles) if len(nibbles) % 2 else (flag, 0, *nibbles)
    return bytes(high << 4 | low for high, low in zip(padded[::2], padded[1::2], strict=True))


def expand(data: object) -> tuple[Nibbles, bool]:
    """Read a path: its nibbles, and whether a leaf bears it.

    Raises:
        InvalidInput: rule `hex-prefix`; no path, or not in its one spelling.
    """
    if not isinstance(data, bytes) or not data or data[0] >> 4 >= _PREFIXES:
        raise InvalidInput("trie", "hex-prefix", "a node has no path")
    flag, first = data[0] >> 4, data[0] & 15
    odd = flag % 2 == 1
    if first and not odd:
        raise InvalidInput("trie", "hex-prefix", "a path is padded with another nibble than zero")
    return nibbles_of(data)[1 if odd else 2 :], flag >= 2  # noqa: PLR2004 - the leaf flag


def build_trie(items: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the root of the trie of (key, value), and its nodes by hash: all that are referred to by one.

    No key may be the beginning of another. The trie is built at once, by recursion over its sorted keys: what is never
    changed needs no database of nodes.
    """
    ordered = sorted((nibbles_of(key), value) for key, value in items)
    if not ordered:
        return EMPTY_ROOT, {}
    store: dict[bytes, bytes] = {}
    node = encode_rlp(_build(ordered, 0, store))
    root = keccak(node)
    store[root] = node  # the root is referred to by its hash, however short it is
    return root, store


def _build(items: Sequence[tuple[Nibbles, bytes]], depth: int, store: dict[bytes, bytes]) -> list[Rlp]:
    """Return the node over items whose first `depth` nibbles agree."""
    first, last = items[0][0], items[-1][0]
    if len(items) == 1:
        return [compact(first[depth:], leaf=True), items[0][1]]
    shared = depth
    while first[shared] == last[shared]:  # the items are sorted: what the ends share, all share
        shared += 1
    if shared > depth:
        return [compact(first[depth:shared], leaf=False), _reference(_build(items, shared, store), store)]
    branch: list[Rlp] = [b""] * BRANCH_ITEMS
    for nibble, below in groupby(items, key=lambda item: item[0][depth]):
        branch[nibble] = _reference(_build(list(below), depth + 1, store), store)
    return branch


def _reference(node: list[Rlp], store: dict[bytes, bytes]) -> Rlp:
    encoded = encode_rlp(node)
    if len(encoded) < HASH_BYTES:
        return node
    digest = keccak(encoded)
    store[digest] = encoded
    return digest
