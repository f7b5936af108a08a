"""The tree of the active members, whose root the registry keeps (docs/spec/evidence-2.md, section 9.3).

Depth 10, a leaf for each member by its number, keccak-256. A path is ten hashes, from the leaf's sibling to the root's
child.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eth_hash.auto import keccak

from primitives.errors import VerificationFailed

DEPTH = 10
CAPACITY = 1 << DEPTH
CHECK = "member-keys"
EMPTY = bytes(32)


def member_leaf(address: str, role: int, keys_digest: bytes) -> bytes:
    """Return the leaf of an active member: its 0x address, the number of its role, the digest of its keys."""
    return keccak(b"\0" + bytes.fromhex(address.removeprefix("0x")) + bytes([role]) + keys_digest)


def check_active(root: bytes, number: int, leaf: bytes, path: Sequence[bytes]) -> None:
    """Check that a member of this number has this leaf under the registry's root.

    Raises:
        VerificationFailed: `member-keys`; the path does not lead to the root, or the number is none.
    """
    if not 0 <= number < CAPACITY or len(path) != DEPTH:
        raise VerificationFailed(CHECK, f"a path has {DEPTH} hashes, and a number is below {CAPACITY}")
    node = leaf
    for depth, sibling in enumerate(path):
        node = _node(sibling, node) if number >> depth & 1 else _node(node, sibling)
    if node != root:
        raise VerificationFailed(CHECK, f"member number {number} is not active with these keys and this role")


class ActiveMembers:
    """The tree over the leaves of the active members, by their numbers."""

    def __init__(self, leaves: Mapping[int, bytes]) -> None:
        """Compute every level; a number without a leaf is of a suspended member, or of none."""
        level = {number: leaf for number, leaf in leaves.items() if leaf != EMPTY}
        self._levels = [level]
        for _ in range(DEPTH):
            parents = {number >> 1 for number in level}
            level = {
                parent: _node(level.get(2 * parent, EMPTY), level.get(2 * parent + 1, EMPTY)) for parent in parents
            }
            self._levels.append(level)

    @property
    def root(self) -> bytes:
        """The root; zero when no member is active."""
        return self._levels[DEPTH].get(0, EMPTY)

    def path(self, number: int) -> list[bytes]:
        """Return the path of a member's number."""
        return [self._levels[depth].get(number >> depth ^ 1, EMPTY) for depth in range(DEPTH)]


def _node(left: bytes, right: bytes) -> bytes:
    return EMPTY if left == right == EMPTY else keccak(b"\1" + left + right)
