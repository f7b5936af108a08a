"""A broker's log as its node publishes it: did it do nothing but grow since the wallet last looked?

The tiles prove it against the checkpoints that the broker signed (docs/spec/evidence-2.md, section 16); what they say
is as good as they lead to the signed root. A log that lost or exchanged an anchor between two looks is found here, and
the two leaves of one number convict the broker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bonafides.wallet.keys import Identities
from bonafides.wallet.pinned import pinned_keys
from evidence.log.tree import consistency_proof, inclusion_path, range_hash, verify_consistency, verify_inclusion
from evidence.version2.documents.receipt import PinnedKeys, by_any
from evidence.version2.log.anchors import decode_leaf
from evidence.version2.log.checkpoint import AnchorCheckpoint, open_anchor_checkpoint
from evidence.version2.log.convict import PlacedLeaf
from evidence.version2.log.tiles import TILE_WIDTH, Tile, decode_entries, full_tile, nodes_of_tiles
from evidence.version2.verify.contradictions import Conviction, Given, SignedHead, contradictions
from primitives.errors import CouldNotCheck, InvalidInput, Refused, VerificationFailed

Fetch = Callable[[str], bytes]
"""Gives what lies at a path below the log's prefix; raises Refused where nothing does."""

CHECK = "log-growth"
CHECKPOINT = "checkpoint"  # the path of the newest one
_NO_CHECKPOINT = "checkpoint-not-found"


class BrokerLog:
    """The log at its newest checkpoint."""

    def __init__(self, fetch: Fetch, broker: str, keys: Sequence[PinnedKeys]) -> None:
        """Fetch the checkpoint.

        Raises:
            VerificationFailed: `checkpoint-signature`; none of the pinned keys signed it.
            InvalidInput: it is none.
            CouldNotCheck: `log-tiles`; the tiles do not lead to it.
        """
        self._fetch, self._tiles = fetch, dict[Tile, bytes]()
        self.broker = broker
        note = _text(fetch(CHECKPOINT))
        stated = by_any(keys, lambda pinned: open_anchor_checkpoint(note, broker, pinned.checkpoint))
        self.head = SignedHead(note, stated)
        self._size = self.head.stated.seq
        self._node = nodes_of_tiles(self._size, self._tile)
        if range_hash(0, self._size, self._node) != self.head.stated.root:
            raise _no_tiles()

    def leaf(self, number: int) -> PlacedLeaf:
        """Return the leaf of a number, from 1, with its path.

        Raises:
            CouldNotCheck: `log-tiles`; what the node serves does not lead to the checkpoint.
            InvalidInput: it is no leaf.
        """
        at = number - 1
        bundle = Tile(None, at // TILE_WIDTH, min(TILE_WIDTH, self._size - at // TILE_WIDTH * TILE_WIDTH))
        entry = decode_entries(bundle, self._tile(bundle))[at % TILE_WIDTH]
        path = tuple(inclusion_path(at, self._size, self._node))
        try:
            verify_inclusion(entry, at, self._size, path, self.head.stated.root)
        except VerificationFailed as error:
            raise _no_tiles() from error
        return PlacedLeaf(decode_leaf(entry), path)

    def given(self, number: int | None = None) -> Given:
        """Return the checkpoint with a leaf, by default its last one, to compare."""
        return Given(self.broker, head=self.head, leaf=self.leaf(number or self._size))

    def continues(self, before: AnchorCheckpoint) -> bool:
        """Say whether this log is that of an earlier checkpoint with anchors added, or none."""
        proof = consistency_proof(before.seq, self._size, self._node)
        try:
            verify_consistency(before.seq, self._size, proof, before.root, self.head.stated.root)
        except VerificationFailed:
            return False
        return True

    def _tile(self, tile: Tile) -> bytes:
        if tile not in self._tiles:
            try:
                self._tiles[tile] = self._fetch(tile.path())
            except Refused:  # a partial tile may be gone once the full one is there
                self._tiles[tile] = self._fetch(full_tile(tile).path())
        return self._tiles[tile]


def newest_log(identities: Identities, broker: str, fetch: Fetch) -> BrokerLog | None:
    """Return a broker's log under the keys that this wallet pinned; None where the node says that nothing is anchored.

    Raises:
        Refused: `wallet-broker-unknown`.
        VerificationFailed, InvalidInput, CouldNotCheck: as `BrokerLog`.
    """
    keys = pinned_keys(identities, broker)
    try:
        return BrokerLog(fetch, broker, keys)
    except Refused as error:
        if error.code != _NO_CHECKPOINT:
            raise
        return None


def hold_against(log: BrokerLog, before: Iterable[Given]) -> list[Conviction]:
    """Hold a log against checkpoints that its broker gave earlier; return what convicts the broker.

    Raises:
        VerificationFailed: check `log-growth`; the log is shorter than one of them, or another one, and what is at hand
            does not convict.
    """
    claims: list[Conviction] = []
    unlike: VerificationFailed | None = None
    for one in before:
        if one.head is None:
            continue
        stated, newest = one.head.stated, log.head.stated
        claims += contradictions([one], Given(log.broker, head=log.head))  # also where the log did nothing but grow
        if stated.seq > newest.seq:
            detail = f"the node shows a log of {newest.seq} anchors; the broker signed for {stated.seq}"
            unlike = VerificationFailed(CHECK, detail)
        elif (stated.seq, stated.root) != (newest.seq, newest.root) and not log.continues(stated):
            number = None if one.leaf is None else one.leaf.leaf.seq
            claims += contradictions([one], log.given(number))
            unlike = VerificationFailed(CHECK, f"the node's log does not begin as that of {stated.seq} anchors did")
    if unlike is not None and not claims:
        raise unlike
    return [claim for place, claim in enumerate(claims) if claim not in claims[:place]]


def _no_tiles() -> CouldNotCheck:
    return CouldNotCheck("log-tiles", "the node's tiles do not lead to its checkpoint")


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput("checkpoint", "utf-8", "is not UTF-8") from error
