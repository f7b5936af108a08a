"""The log as C2SP tlog-tiles: paths, widths, tiles and entry bundles (docs/spec/evidence-2.md, section 16).

The entries are the leaves' bytes. A tile is 256 hashes of one row of the tree, eight rows apart from the next; the last
one of a row is partial, and is what the tree of some size has of it. Nothing here reads more of the tree than a tile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from evidence.log.tree import HASH_BYTES, NodeReader, node_hash
from primitives.errors import InvalidInput

TILE_WIDTH, TILE_HEIGHT = 256, 8
MAX_LEVEL = 63
MAX_ENTRY_BYTES = 65_535
TILE_TYPE, CHECKPOINT_TYPE = "application/octet-stream", "text/plain; charset=utf-8"
_MAX_INDEX_PARTS = 6  # 10^18 tiles: more than a tree of 2^53 leaves has
_PART = 1000
_LENGTH_BYTES = 2
_NUMBER = "(?:0|[1-9][0-9]{0,2})"
_PATH = re.compile(
    f"tile/(?P<level>entries|{_NUMBER})/(?P<index>(?:x[0-9]{{3}}/)*[0-9]{{3}})(?:\\.p/(?P<width>{_NUMBER}))?"
)


@dataclass(frozen=True)
class Tile:
    """A tile of hashes, or a bundle of entries.

    Attributes:
        level: the row, in steps of eight; None of a bundle of entries, which stands beside level 0.
        index: its place in the row.
        width: how many hashes or entries it has; 256 of a full one.
    """

    level: int | None
    index: int
    width: int = TILE_WIDTH

    @property
    def first(self) -> int:
        """The place in its row of the first hash or entry."""
        return self.index * TILE_WIDTH

    def path(self) -> str:
        """Return the path below the log's prefix."""
        level = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{_index_path(self.index)}{partial}"

    def is_in(self, size: int) -> bool:
        """Tell whether the tree of `size` leaves has so much of this tile."""
        return self.first + self.width <= row_length(self.level, size)

    def places(self) -> list[tuple[int, int]]:
        """Return (level, position) of the complete subtrees whose hashes it holds, in their order."""
        row = TILE_HEIGHT * (self.level or 0)
        return [(row, position) for position in range(self.first, self.first + self.width)]


def row_length(level: int | None, size: int) -> int:
    """Return how many hashes the row of a level has in the tree of `size` leaves."""
    return size >> (TILE_HEIGHT * (level or 0))


def parse_tile_path(path: str, where: str = "path") -> Tile:
    """Read the path of a tile or a bundle; each has one spelling.

    Raises:
        InvalidInput: `pattern`, `range`.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise InvalidInput(where, "pattern", "must be tile/LEVEL/INDEX or tile/entries/INDEX, perhaps with .p/WIDTH")
    level = None if match["level"] == "entries" else int(match["level"])
    index = int(match["index"].replace("x", "").replace("/", ""))
    width = TILE_WIDTH if match["width"] is None else int(match["width"])
    tile = Tile(level, index, width)
    if (level or 0) > MAX_LEVEL or match["index"].count("/") >= _MAX_INDEX_PARTS:
        raise InvalidInput(where, "range", f"must be a level up to {MAX_LEVEL}, and no index beyond any tree")
    if tile.path() != path or not 0 < width <= TILE_WIDTH:
        raise InvalidInput(where, "pattern", "must be written without needless parts; a partial tile has 1 to 255")
    return tile


def tiles_between(old: int, new: int) -> Iterator[Tile]:
    """Give the tiles that the tree of `new` leaves has and that of `old` leaves has not, or not so much of.

    In the order in which they are to be published: bundles, then tiles from the bottom, each row left to right; the
    checkpoint comes after all of them.
    """
    for level in (None, *range(MAX_LEVEL + 1)):
        before, after = row_length(level, old), row_length(level, new)
        if after == before:
            return
        for index in range(before // TILE_WIDTH, after // TILE_WIDTH):
            yield Tile(level, index)
        if after % TILE_WIDTH:
            yield Tile(level, after // TILE_WIDTH, after % TILE_WIDTH)


def full_tile(tile: Tile) -> Tile:
    """Return the full tile that takes the place of a partial one, which may be gone by then."""
    return replace(tile, width=TILE_WIDTH)


def render_tile(tile: Tile, node: NodeReader) -> bytes:
    """Return the bytes of a tile of hashes, from stored nodes."""
    return b"".join(node(level, position) for level, position in tile.places())


def read_tile(tile: Tile, data: bytes, where: str = "tile") -> list[bytes]:
    """Return the hashes of a tile; of a full one that was fetched in place of a partial one, as many as were asked for.

    Raises:
        InvalidInput: `length`.
    """
    if len(data) not in (tile.width * HASH_BYTES, TILE_WIDTH * HASH_BYTES):
        raise InvalidInput(where, "length", f"must be {tile.width} or {TILE_WIDTH} hashes")
    return [data[at : at + HASH_BYTES] for at in range(0, tile.width * HASH_BYTES, HASH_BYTES)]


def nodes_of_tiles(size: int, fetch: Callable[[Tile], bytes]) -> NodeReader:
    """Return a reader of a tree's nodes that fetches the tiles of the tree of `size` leaves as they are needed.

    What it answers is as good as the tiles are: proofs made of it are checked against a signed root.

    Args:
        size: of a tree of which a checkpoint is known; a partial tile of another size may not be there.
        fetch: gives a tile's bytes, or those of `full_tile` of it.
    """

    def node(level: int, position: int) -> bytes:
        tile_level, above = divmod(level, TILE_HEIGHT)
        first, count = position << above, 1 << above
        index = first // TILE_WIDTH
        width = min(TILE_WIDTH, row_length(tile_level, size) - index * TILE_WIDTH)
        at = first - index * TILE_WIDTH
        if width < at + count:
            raise InvalidInput("position", "index", f"a tree of {size} leaves has no such complete subtree")
        tile = Tile(tile_level, index, width)
        row = read_tile(tile, fetch(tile))[at : at + count]
        while len(row) > 1:
            row = [node_hash(row[pair], row[pair + 1]) for pair in range(0, len(row), 2)]
        return row[0]

    return node


def encode_entries(entries: Iterable[bytes]) -> bytes:
    """Return the bytes of a bundle: each entry after its length as u16.

    Raises:
        InvalidInput: `length`; an entry is too long.
    """
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise InvalidInput("entry", "length", f"must be at most {MAX_ENTRY_BYTES} bytes")
        parts.append(len(entry).to_bytes(_LENGTH_BYTES) + entry)
    return b"".join(parts)


def decode_entries(tile: Tile, data: bytes, where: str = "entries") -> list[bytes]:
    """Return the entries of a bundle; of a full one fetched in place of a partial one, as many as were asked for.

    Raises:
        InvalidInput: `truncated`, or `length`, another number of entries.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start])
        if at > len(data) or start > len(data):
            raise InvalidInput(where, "truncated", "an entry ends after the bundle")
        entries.append(data[start:at])
    if len(entries) not in (tile.width, TILE_WIDTH):
        raise InvalidInput(where, "length", f"must be {tile.width} or {TILE_WIDTH} entries")
    return entries[: tile.width]


def _index_path(index: int) -> str:
    parts = [f"{index % _PART:03}"]
    while index := index // _PART:
        parts.append(f"x{index % _PART:03}")
    return "/".join(reversed(parts))
