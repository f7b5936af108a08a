"""What a process keeps of the map in memory: the upper levels of the newest maps, and of their segments.

Everything is found under its own hash. So a map that was never committed, or one that another process has moved on,
is not mistaken for the one in the database, and nothing has to be taken back: what does not hash to what the database
says is read again.
"""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection

from evidence.log.tree import HASH_BYTES
from evidence.version2.map.flat_tree import FlatTree, Subtree, amount_of, flat_tree
from evidence.version2.map.nodes import EMPTY
from node_adapter.store.map import rows
from node_adapter.store.map.rows import SEGMENT_BITS, MapAnchor
from primitives.errors import VerificationFailed

CHECK = "local-map"
_KEPT_MAPS = 3  # the newest, the one before it, which readers still see, and one that is asked for
_NUMBER_BYTES = SEGMENT_BITS // 8
_CHANGED_BYTES = _NUMBER_BYTES + 1 + HASH_BYTES
Key = TypeVar("Key")
Kept = TypeVar("Kept")


class _Recent(Generic[Key, Kept]):
    """What was used last, as much as there is room for; may be shared by threads."""

    def __init__(self, room: int, size: Callable[[Kept], int] = lambda _: 1) -> None:
        self._room, self._size, self._taken = room, size, 0
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Kept | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept

    def put(self, key: Key, value: Kept) -> None:
        with self._lock:
            before = self._kept.pop(key, None)
            self._taken += self._size(value) - (self._size(before) if before is not None else 0)
            self._kept[key] = value
            while self._taken > self._room and len(self._kept) > 1:
                self._taken -= self._size(self._kept.popitem(last=False)[1])


@dataclass(frozen=True)
class MapState:
    """A map down to the tops of its segments, and by segment the depth of its rows and the number of its leaves."""

    top: FlatTree
    depths: bytearray
    leaves: array[int]

    @classmethod
    def empty(cls) -> MapState:
        """Return the state of the empty map."""
        return cls(FlatTree(SEGMENT_BITS), bytearray(1 << SEGMENT_BITS), array("I", bytes(4 << SEGMENT_BITS)))

    def copy(self) -> MapState:
        """Return one that changes by itself."""
        return MapState(self.top.copy(), self.depths[:], self.leaves[:])


class MapMemory:
    """The newest maps' upper levels by root, and the upper levels of segments, in so many bytes."""

    def __init__(self, room_bytes: int) -> None:
        """Start with nothing; what is asked for is read when it is asked for."""
        self._states: _Recent[bytes, MapState] = _Recent(_KEPT_MAPS)
        self._tops: _Recent[bytes, FlatTree] = _Recent(_KEPT_MAPS)
        self._trees: _Recent[int, FlatTree] = _Recent(room_bytes, lambda tree: tree.size)

    def state(self, connection: Connection, newest: MapAnchor | None) -> MapState:
        """Return the newest map of the database that a connection sees.

        Raises:
            VerificationFailed: check `local-map`, the segments are not those of that map.
        """
        if newest is None:
            return MapState.empty()
        known = self._states.get(newest.root)
        if known is None:
            known = _read_state(connection)
            _require(known.top, newest.root, f"the segments are not those of the map of anchor {newest.seq}")
            self._states.put(newest.root, known)
        return known

    def check(self, connection: Connection, newest: MapAnchor | None) -> None:
        """Read the segments anew, and hold them against the newest map of the database, or against nothing.

        Raises:
            VerificationFailed: check `local-map`.
        """
        read, root = _read_state(connection), EMPTY if newest is None else newest.root
        _require(read.top, root, f"the segments are not those of the map of anchor {newest.seq if newest else 1}")

    def keep(self, state: MapState, trees: Iterable[tuple[int, FlatTree]]) -> None:
        """Keep a map that was just made, and the segments that it changed."""
        self._states.put(state.top.top[0], state)
        for segment, tree in trees:
            if tree.depth:
                self._trees.put(segment, tree)

    def top_at(self, connection: Connection, newest: MapAnchor, at: MapAnchor, state: MapState) -> FlatTree:
        """Return the upper levels of an older map: those of the newest, with what was changed since put back.

        Raises:
            VerificationFailed: check `local-map`, that does not give the older map's root.
        """
        if at.root == newest.root:
            return state.top
        known = self._tops.get(at.root)
        if known is None:
            before: dict[int, Subtree] = {}
            for changed in rows.changes(connection, at.seq, newest.seq):
                before.update(segment_tops(changed))
            known = state.top.copy()
            known.update(before)
            _require(known, at.root, f"what is kept does not give the map of anchor {at.seq}")
            self._tops.put(at.root, known)
        return known

    def tree(self, connection: Connection, segment: int, state: MapState) -> FlatTree:
        """Return a segment of the newest map; it is shared, so copy it before a change.

        Raises:
            VerificationFailed: check `local-map`, the rows are not those of that map.
        """
        expected, amount = state.top.place(segment)
        depth = state.depths[segment]
        if depth == 0:  # its only row is the segment itself
            return flat_tree(0, [(0, (expected, amount))])
        known = self._trees.get(segment)
        if known is None or known.top[0] != expected or known.depth != depth:
            found = rows.hashes_of(connection, segment)
            known = flat_tree(depth, [(rows.place_of(key, depth), (value, amount_of(n))) for key, n, value in found])
            _require(known, expected, f"the rows of segment {segment} are not those of its map")
            self._trees.put(segment, known)
        return known


def changed_bytes(tops: Iterable[tuple[int, Subtree]]) -> bytes:
    """Return the bytes of segments with what stood at their tops: number, amount and hash of each."""
    return b"".join(segment.to_bytes(_NUMBER_BYTES) + amount.to_bytes(1) + value for segment, (value, amount) in tops)


def segment_tops(changed: bytes) -> Iterator[tuple[int, Subtree]]:
    """Read what `changed_bytes` wrote."""
    for at in range(0, len(changed), _CHANGED_BYTES):
        number, amount = changed[at : at + _NUMBER_BYTES], changed[at + _NUMBER_BYTES]
        yield int.from_bytes(number), (changed[at + _NUMBER_BYTES + 1 : at + _CHANGED_BYTES], amount)


def _read_state(connection: Connection) -> MapState:
    state = MapState.empty()
    found = rows.segments(connection)
    state.top.update({row.segment: (row.hash, amount_of(row.leaves)) for row in found})
    for row in found:
        state.depths[row.segment], state.leaves[row.segment] = row.depth, row.leaves
    return state


def _require(tree: FlatTree, root: bytes, detail: str) -> None:
    if tree.top[0] != root:
        raise VerificationFailed(CHECK, detail)
