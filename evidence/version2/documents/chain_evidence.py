"""What documents of format 2 show of a chain: one block, and a broker's log and keys under it.

Specification: docs/spec/evidence-2.md, sections 9 and 12. Bundle and claim hold it each in its own members;
`evidence.version2.verify.chain` checks it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from evidence import shapes
from evidence.version2.log.anchors import FIRST_ANCHOR, OPENING_LEAF, AnchorLeaf, OpeningLeaf
from evidence.version2.shapes import HASHES, hashes, hashes_text, octets
from evidence.version2.state.active_members import DEPTH
from evidence.version2.state.did_changes import DidChange
from evidence.version2.state.directory import DirectoryEntry
from evidence.version2.state.member_keys import KEYS, MemberKeySet
from primitives.shapes import Fields, Integer, Shape

_MAX_HEADER = 32_768
_MAX_NODE = 4_096


@dataclass(frozen=True)
class AnchorItem:
    """An anchor's leaf, and the multiproof of those entries of its batch that the bundle shows."""

    leaf: AnchorLeaf
    batch: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {**self.leaf.to_json(), "batch": hashes_text(self.batch)}


@dataclass(frozen=True)
class LogItem:
    """The broker's tree of anchors: how many leaves, the opening, the anchors of the bundle, one proof of them all."""

    seq: int
    opening: OpeningLeaf
    path: tuple[bytes, ...]
    anchors: tuple[AnchorItem, ...]

    @property
    def last(self) -> AnchorLeaf:
        """The last anchor: the one that the bundle is complete as of."""
        return self.anchors[-1].leaf

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "seq": self.seq,
            "opening": self.opening.to_json(),
            "path": hashes_text(self.path),
            "anchors": [anchor.to_json() for anchor in self.anchors],
        }


@dataclass(frozen=True)
class MemberItem:
    """An active member: its DID, number, role, keys, and its path in the registry's tree."""

    member: str
    number: int
    role: int
    path: tuple[bytes, ...]
    keys: MemberKeySet

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "member": self.member,
            "number": self.number,
            "role": self.role,
            "path": hashes_text(self.path),
            "keys": self.keys.to_json(),
        }


@dataclass(frozen=True)
class ChainEvidence:
    """What a document says of a chain at one block.

    Attributes:
        chain_id: of the chain.
        header_rule: the name of the rule by which the header is read.
        broker: the member whose log it is.
        client: the DID whose head is opened; None where none is.
        header: the block's.
        nodes: the pool of trie nodes.
        directory: the Directory's entries.
        did: the changes of the client's DID.
        members: the active members that are shown.
        keys: the key sets that the anchors' leaves name.
        log: the leaves that are shown of the broker's log; None where the contracts keep none of it.
        checkpoint: a note.
    """

    chain_id: int
    header_rule: str
    broker: str
    client: str | None
    header: bytes = field(repr=False)
    nodes: tuple[bytes, ...] = field(repr=False)
    directory: tuple[DirectoryEntry, ...]
    did: tuple[DidChange, ...]
    members: tuple[MemberItem, ...]
    keys: tuple[MemberKeySet, ...]
    log: LogItem | None
    checkpoint: str


HEADER, NODE = octets(_MAX_HEADER), octets(_MAX_NODE)
_MEMBER = Fields(
    {
        "member": shapes.ETHR_DID,
        "number": shapes.NUMBER,
        "role": Integer(0, 255),
        "path": hashes(DEPTH),
        "keys": KEYS,
    }
).then(lambda member, _: MemberItem(**member))


def member_items(low: int, high: int) -> Shape[tuple[MemberItem, ...]]:
    """Return the shape of a list of members."""
    return shapes.tuple_of(_MEMBER, high, low)


def log_item(anchor: Shape[AnchorItem], high: int) -> Shape[LogItem]:
    """Return the shape of a log that shows 1 to `high` anchors, each of this shape."""
    return Fields(
        {
            "seq": Integer(FIRST_ANCHOR),
            "opening": OPENING_LEAF,
            "path": HASHES,
            "anchors": shapes.tuple_of(anchor, high, 1),
        }
    ).then(lambda log, _: LogItem(**log))
