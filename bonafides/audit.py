"""An audit of a broker's log: the public part by anybody, the rest with the node of a member. It can be cut short.

What was gone over stands in a state file, which is replaced whole; the next audit goes on from there. The report says
of each check what was looked at, and of what was not looked at, why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from evidence import shapes
from evidence.log import note as notes
from evidence.version2.log.anchor_tree import Peaks, peaks_of
from evidence.version2.log.anchors import OpeningLeaf, decode_leaf
from evidence.version2.log.audit import LEAVES, TREE, PublicState, check_stated, go_over
from evidence.version2.log.checkpoint import (
    AnchorCheckpoint,
    log_origin,
    open_anchor_checkpoint,
    read_anchor_checkpoint,
)
from evidence.version2.log.cosignature import cosigned_by, witness_name
from evidence.version2.log.growth import GrowthState, grow, kept_peaks
from evidence.version2.log.growth_document import parse_growth
from evidence.version2.log.tiles import TILE_WIDTH, Tile, decode_entries, full_tile, nodes_of_tiles, row_length
from evidence.version2.shapes import hashes, hashes_text
from evidence.version2.state.member_keys import KEYS
from primitives.canonical import parse_json
from primitives.errors import InvalidInput, Refused, VerificationFailed
from primitives.shapes import Bytes, Constant, Fields, Nullable
from primitives.timestamp import format_time

STATE_FORMAT = "bonafides.audit/1"
MAX_STATE_BYTES = 64 * 1024
SAVE_EVERY = 64  # bundles of leaves
SIGNATURE, CHAIN, TILES, GROWTH = "checkpoint-signature", "chain-leaves", "tiles", "growth"
COSIGNATURES = "cosignatures"
_MS = 1000
_NONE = Peaks()
_GROWN = Fields(
    {
        "seq": shapes.POSITIVE,
        "root": shapes.HASH,
        "map_root": shapes.HASH,
        "size": shapes.NUMBER,
        "wrong": shapes.tuple_of(shapes.POSITIVE, 256),
    }
).then(lambda grown, _: GrowthState(**grown))
_STATE = Fields(
    {
        "format": Constant(STATE_FORMAT),
        "broker": shapes.ETHR_DID,
        "seq": shapes.NUMBER,
        "peaks": hashes(64),
        "leaf": Nullable(Bytes().then(decode_leaf)),
        "compared": shapes.NUMBER,
        "compared_peaks": hashes(64),
        "growth": Nullable(_GROWN),
    }
)


class PublicLog(Protocol):
    """Where the public part of a log is."""

    def checkpoint(self) -> str:
        """Return the newest note."""

    def tile(self, path: str) -> bytes:
        """Return a tile or a bundle by its path; Refused where it is not there."""


class MemberNode(Protocol):
    """The node of a member: its own view of the chain, and what the broker shows it."""

    def log(self, seq: int) -> Mapping[str, Any]:
        """Return {"leaf", "keys", "witnesses"} of the log as of an anchor."""

    def leaves(self, start: int) -> list[str]:
        """Return the hex of leaves after a number; none where its index has no more."""

    def growth(self, start: int) -> bytes:
        """Return the document of the growth after an anchor."""


@dataclass(frozen=True)
class AuditState:
    """How far an audit has come.

    Attributes:
        broker: whose log.
        public: the leaves that were gone over.
        compared: the tree of those that were held against the chain of a member's node.
        growth: how far the growth of the map was gone over; None where it never was.
    """

    broker: str
    public: PublicState = field(default_factory=PublicState)
    compared: Peaks = _NONE
    growth: GrowthState | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what a state file holds."""
        grown = self.growth
        return {
            "format": STATE_FORMAT,
            "broker": self.broker,
            "seq": self.public.seq,
            "peaks": hashes_text(self.public.peaks.hashes),
            "leaf": None if self.public.leaf is None else self.public.leaf.encode().hex(),
            "compared": self.compared.size,
            "compared_peaks": hashes_text(self.compared.hashes),
            "growth": None
            if grown is None
            else {
                "seq": grown.seq,
                "root": grown.root.hex(),
                "map_root": grown.map_root.hex(),
                "size": grown.size,
                "wrong": list(grown.wrong),
            },
        }


def read_state(data: bytes, broker: str) -> AuditState:
    """Read a state file.

    Raises:
        InvalidInput: it is none; `other-broker`, of another broker's log.
    """
    read = _STATE.read(parse_json(data, field="state", max_bytes=MAX_STATE_BYTES), "state")
    if read["broker"] != broker:
        raise InvalidInput("state.broker", "constant", f"is of {read['broker']}")
    public = PublicState(Peaks(read["seq"], read["peaks"]), read["leaf"])
    return AuditState(broker, public, Peaks(read["compared"], read["compared_peaks"]), read["growth"])


class Audit:
    """One audit: `run` gives the report, `save` is told the state now and then."""

    def __init__(
        self,
        state: AuditState,
        public: PublicLog,
        *,
        member: MemberNode | None = None,
        key: bytes | None = None,
        save: Callable[[AuditState], None] = lambda _: None,
    ) -> None:
        """Take where to begin, and whom to ask.

        Args:
            state: where an earlier audit ended.
            public: the broker's public log.
            member: a member's node, where there is access to one.
            key: the broker's checkpoint key, where the caller knows it and there is no member's node.
            save: keeps the state.
        """
        self._state, self._public, self._member, self._key, self._save = state, public, member, key, save
        self._witnesses: list[Mapping[str, Any]] | None = None
        self._log_key = b""
        self._checked: dict[str, str] = {}
        self._not_checked: dict[str, str] = {}

    def run(self) -> dict[str, Any]:
        """Go over what is new, and return the report.

        Raises:
            VerificationFailed: a check does not hold; the state stands at what held before.
            InvalidInput: what was served is malformed.
            Refused, CouldNotCheck: what is needed is not served now.
        """
        begun = self._state
        note = self._public.checkpoint()
        checkpoint = self._open(note)
        if checkpoint.seq < begun.public.seq:
            raise VerificationFailed(TREE, f"the log shows {checkpoint.seq} leaves, {begun.public.seq} were there")
        self._go_over_leaves(checkpoint)
        self._compare_with_chain(checkpoint)
        self._go_over_growth(checkpoint)
        cosigned = self._check_cosignatures(note)
        self._not_checked["records"] = "entries say nothing of records: whose they are, receipts and bundles show"
        leaf = self._state.public.leaf
        return {
            "broker": checkpoint.broker,
            "seq": checkpoint.seq,
            "root": checkpoint.root.hex(),
            "map_root": checkpoint.map_root.hex(),
            "records": checkpoint.size,
            "wrong": list(checkpoint.wrong),
            "as_of": None if leaf is None else {"block": leaf.block, "time": format_time(leaf.time * _MS)},
            "from": begun.public.seq,
            "cosigned": cosigned,
            "checked": self._checked,
            "not_checked": self._not_checked,
        }

    def _open(self, note: str) -> AnchorCheckpoint:
        broker = self._state.broker
        stated = read_anchor_checkpoint(notes.split_note(note)[0])
        key = self._key
        if self._member is not None:
            told = self._member.log(stated.seq)
            keys = KEYS.read(told["keys"], "keys")
            key = self._log_key = keys.checkpoint
            self._witnesses = told.get("witnesses")
            if told["leaf"]["keys_digest"] != keys.digest().hex():
                raise VerificationFailed(SIGNATURE, "the keys that the member's node gives are not the leaf's")
        if key is None:
            if stated.broker != broker:
                raise VerificationFailed(SIGNATURE, f"the checkpoint is of {stated.broker}, not of {broker}")
            self._not_checked[SIGNATURE] = "no key of the broker is known: give a member's node, or --key"
            return stated
        opened = open_anchor_checkpoint(note, broker, key)
        self._checked[SIGNATURE] = f"{log_origin(broker)}, by {key.hex()}"
        return opened

    def _go_over_leaves(self, checkpoint: AnchorCheckpoint) -> None:
        begun = self._state.public.seq
        for number, entries in enumerate(self._bundles(begun, checkpoint.seq), 1):
            self._state = replace(self._state, public=go_over(self._state.public, entries))
            if number % SAVE_EVERY == 0:
                self._save(self._state)
        check_stated(self._state.public, checkpoint)
        node = nodes_of_tiles(checkpoint.seq, self._tile)
        if peaks_of(checkpoint.seq, node) != self._state.public.peaks:
            raise VerificationFailed(TILES, "the tiles of hashes are not those of the leaves")
        self._save(self._state)
        gone = checkpoint.seq - begun
        self._checked[LEAVES] = f"{gone} leaves, each of which follows the one before"
        self._checked[TREE] = f"{checkpoint.seq} leaves lead to the root, the map root and the size of the checkpoint"
        self._checked[TILES] = "the tiles of hashes along its edge are those of the leaves"

    def _bundles(self, start: int, seq: int) -> Iterator[list[bytes]]:
        """Give the entries after a number, a bundle at a time."""
        while start < seq:
            index = start // TILE_WIDTH
            width = min(TILE_WIDTH, row_length(None, seq) - index * TILE_WIDTH)
            tile = Tile(None, index, width)
            entries = decode_entries(tile, self._tile(tile))
            yield entries[start - tile.first :]
            start = tile.first + width

    def _tile(self, tile: Tile) -> bytes:
        """Return a tile, or the full one in place of a partial one that is gone."""
        try:
            return self._public.tile(tile.path())
        except Refused:
            if tile.width == TILE_WIDTH:
                raise
            return self._public.tile(full_tile(tile).path())

    def _compare_with_chain(self, checkpoint: AnchorCheckpoint) -> None:
        member = self._member
        if member is None:
            self._not_checked[CHAIN] = "without a member's node nobody says what stands on the chain"
            return
        begun = reached = self._state.compared
        for number, entries in enumerate(self._bundles(begun.size, checkpoint.seq), 1):
            theirs: list[str] = []
            while len(theirs) < len(entries) and (more := member.leaves(reached.size + len(theirs))):
                theirs += more
            if [entry.hex() for entry in entries] != theirs[: len(entries)]:
                raise VerificationFailed(
                    CHAIN, f"the leaves after {reached.size} are not those that stand on the chain"
                )
            for entry in entries:
                reached, _ = reached.append(decode_leaf(entry).hash())
            self._state = replace(self._state, compared=reached)
            if number % SAVE_EVERY == 0:
                self._save(self._state)
        if reached != self._state.public.peaks:  # they were served twice, and need not have been the same
            raise VerificationFailed(CHAIN, "the leaves that stand on the chain are not those of the checkpoint")
        self._save(self._state)
        told = f"leaves {begun.size + 1} to {reached.size} stand"
        if begun.size == reached.size:
            told = f"no leaf came after the {reached.size} of the audit before, which stood"
        self._checked[CHAIN] = f"{told} on the chain, as the member's node has read it"

    def _go_over_growth(self, checkpoint: AnchorCheckpoint) -> None:
        if self._member is None:
            self._not_checked[GROWTH] = "how the map grew is shown to members alone: give a member's node"
            return
        state = self._state.growth or self._opened(checkpoint.seq)
        begun = state.seq
        while state.seq < checkpoint.seq:
            document = parse_growth(self._member.growth(state.seq))
            steps = [step for step in document.steps if step.leaf.seq <= checkpoint.seq]
            if document.start != state.seq or not steps:
                raise VerificationFailed("growth-order", f"the broker does not show what comes after {state.seq}")
            state, _ = grow(state, kept_peaks(state, document.peaks), steps, checkpoint.wrong)
            self._state = replace(self._state, growth=state)
            self._save(self._state)
        if (state.root, state.map_root, state.size) != (checkpoint.root, checkpoint.map_root, checkpoint.size):
            raise VerificationFailed("growth-checkpoint", "the anchors do not lead to what the checkpoint states")
        told = f"from anchor {begun} to {state.seq} the map grew by the batches and by nothing else"
        if begun == state.seq:
            told = f"no anchor came after anchor {begun}, whose map is held"
        self._checked[GROWTH] = told

    def _check_cosignatures(self, note: str) -> list[dict[str, Any]]:
        """Return of each other member that is active, or cosigned, by which of its keys it did; None where it did not.

        Raises:
            VerificationFailed: `cosignature`, one that bears a member's key is none of it.
        """
        if self._witnesses is None:
            self._not_checked[COSIGNATURES] = "whose keys cosign, a member's node says"
            return []
        found = []
        for witness in self._witnesses:
            name, signed = witness_name(witness["did"]), None
            for key in witness["keys"]:
                for one in cosigned_by(note, {name: bytes.fromhex(key["checkpoint"])}, self._log_key):
                    signed = {"key_version": key["version"], "time": format_time(one.time * _MS)}
            if signed is not None or witness["active"]:
                newest = len(witness["keys"])
                who = {"did": witness["did"], "name": witness["name"], "active": witness["active"]}
                found.append({**who, "newest_key_version": newest, "cosigned": signed})
        active = [one for one in found if one["active"]]
        missing = [f"{one['did']} ({one['name']})" for one in active if one["cosigned"] is None]
        told = f"{len(active) - len(missing)} of {len(active)} other active members cosigned it"
        self._checked[COSIGNATURES] = told + (f"; missing: {', '.join(missing)}" if missing else "")
        return found

    def _opened(self, seq: int) -> GrowthState:
        leaf = decode_leaf(next(self._bundles(0, seq))[0])
        if not isinstance(leaf, OpeningLeaf):
            raise VerificationFailed(LEAVES, "leaf 1 is no opening")
        return GrowthState.opened(leaf)
