"""One proof for several leaves of an RFC 9162 tree (docs/spec/evidence-2.md, section 1).

The hashes are those of the largest subtrees that hold no chosen leaf, left to right. What two paths share stands once:
k of n leaves need about k log2(n / k) hashes instead of k log2(n).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from evidence.log import tree
from primitives.errors import InvalidInput, VerificationFailed


def make_multiproof(indices: Iterable[int], size: int, node: tree.NodeReader) -> list[bytes]:
    """Return the proof of the leaves at `indices` in the tree of `size` leaves.

    Raises:
        InvalidInput: `log-index`; no index, or one that is not there.
    """
    chosen = sorted(set(indices))
    if not chosen or chosen[0] < 0 or chosen[-1] >= size:
        raise InvalidInput("indices", "log-index", f"must be at least one of 0 to {size - 1}")
    pool: list[bytes] = []

    def outside(begin: int, end: int) -> bytes:
        pool.append(tree.range_hash(begin, end, node))
        return b""

    _walk(chosen, 0, size, lambda _: b"", outside)
    return pool


def verify_multiproof(leaves: Mapping[int, bytes], size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that leaves with these hashes stand at these places of the tree of `size` leaves with this root.

    Args:
        leaves: leaf hash by index; at least one.
        size: the number of leaves of the tree: it comes with the root, since no proof of leaves binds it.
        proof: what `make_multiproof` gave; every hash must be used.
        root: the tree's root.

    Raises:
        VerificationFailed: check `inclusion`.
    """
    if multiproof_root(leaves, size, proof) != root:
        raise VerificationFailed("inclusion", f"the leaves are not proved to stand in the tree of {size}")


def multiproof_root(leaves: Mapping[int, bytes], size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root to which a proof leads from leaves with these hashes at these places of a tree of `size`.

    Raises:
        VerificationFailed: check `inclusion`; no leaf, one that is not there, too few hashes or too many.
    """
    chosen = sorted(leaves)
    if not chosen or chosen[0] < 0 or chosen[-1] >= size:
        raise VerificationFailed("inclusion", f"a proof of no leaf, or of one that is not in a tree of {size}")
    rest = iter(proof)
    found = _walk(chosen, 0, size, leaves.__getitem__, lambda begin, end: _next(rest))
    if next(rest, None) is not None:
        raise VerificationFailed("inclusion", f"the proof has more hashes than these leaves of {size} need")
    return found


def _walk(
    chosen: Sequence[int],
    begin: int,
    end: int,
    inside: Callable[[int], bytes],
    outside: Callable[[int, int], bytes],
) -> bytes:
    """Return the hash of [begin, end): of a chosen leaf, of a subtree without one, or of two sides, left first."""
    if not chosen:
        return outside(begin, end)
    if end - begin == 1:
        return inside(begin)
    middle = begin + tree.split(end - begin)
    at = bisect_left(chosen, middle)
    left = _walk(chosen[:at], begin, middle, inside, outside)
    right = _walk(chosen[at:], middle, end, inside, outside)
    return tree.node_hash(left, right)


def _next(rest: Iterator[bytes]) -> bytes:
    found = next(rest, None)
    if found is None:
        raise VerificationFailed("inclusion", "the proof has too few hashes")
    return found
