"""The logs of members as this member's own index of the chain tells them, and what other members' nodes show of them.

A leaf is what an event of EvidenceLog says, in a block whose receipts the index has checked against its header: the
contract keeps the head of the very tree that these leaves make, and no call can do but append. So a tree that they give
is the chain's (docs/spec/evidence-2.md, section 8.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from did.identifiers import parse_did
from evidence.version2.log.anchor_tree import Peaks
from evidence.version2.log.anchors import AnchorLeaf, Leaf, OpeningLeaf, head_digest
from evidence.version2.log.checkpoint import log_origin
from evidence.version2.log.growth import ChainHead
from evidence.version2.log.growth_document import MAX_GROWTH_BYTES, Growth, parse_growth
from evidence.version2.state.member_keys import MemberKeySet
from node_adapter.node import Node
from node_adapter.peers.client import PATH as MESSAGES
from node_adapter.peers.messages import sign_message
from node_adapter.store.chain import blocks, member_registry
from node_adapter.store.chain.log_leaves import LogLeaves
from node_adapter.workflows.anchoring.growth import KIND as GROWTH
from node_adapter.workflows.anchoring.witness import WitnessedLog
from node_adapter.workflows.operation.endpoints import node_url
from primitives.canonical import canonical_json
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed

_JSON = "application/json"
_OK = 200
_BLOCKS_AT_ONCE = 100_000


@dataclass(frozen=True)
class LogAsOf:
    """A broker's log as the index has it.

    Attributes:
        address: the broker's account.
        opening: leaf 1.
        last: the number of its newest anchor.
        leaf: that anchor, or the one that was asked for.
        keys: the key set that it names.
    """

    address: str
    opening: OpeningLeaf
    last: int
    leaf: AnchorLeaf
    keys: MemberKeySet


def address_of(node: Node, broker: str) -> str | None:
    """Return the account of a DID of this chain; None of any other text."""
    try:
        did = parse_did(broker)
    except InvalidInput:
        return None
    return did.address if did.chain_id == node.settings.chain.chain_id else None


def find_log(connection: Connection, address: str, seq: int | None = None) -> LogAsOf | None:
    """Return a broker's log as of an anchor, the newest if none is given; None of one that never anchored.

    Args:
        connection: in a transaction.
        address: the broker's account.
        seq: the anchor, 2 or later.

    Raises:
        CouldNotCheck: `index-behind`, the index has not come to that anchor; `index-empty`.
        VerificationFailed: `member-keys`, the registry never held the keys that the anchor names.
    """
    log = _log(connection, address)
    opening, last = log.opening, log.last()
    if opening is None or last is None:
        return None
    leaf = last
    if seq is not None:
        if seq > last.seq:
            raise CouldNotCheck("index-behind", f"the index has not come to anchor {seq} of {address} yet")
        leaf = log.anchor(seq)
    return LogAsOf(address, opening, last.seq, leaf, _keys(connection, address, leaf))


def log_to_witness(node: Node, origin: str, seq: int) -> WitnessedLog | None:
    """Return the log of an origin, as of the anchor of a number, for this member to be a witness of.

    None of what is no other member's log, and while this member is suspended: it is a witness of nobody's then.

    Raises:
        CouldNotCheck, VerificationFailed: as `find_log`.
    """
    broker, _, _ = origin.partition("/")
    address = address_of(node, broker)
    if log_origin(broker) != origin or address in (None, node.address) or seq <= OpeningLeaf.seq:
        return None
    with node.store.read() as connection:
        own = member_registry.members(connection).get(node.address)
        found = None if own is None or not own.active else find_log(connection, str(address), seq)
    if found is None:
        return None
    return WitnessedLog(
        broker=broker,
        public_key=found.keys.checkpoint,
        keys_digest=found.leaf.keys_digest,
        opening=found.opening,
        head=partial(chain_head, node, found.address),
        growth=partial(fetch_growth, node, found.address),
    )


def chain_head(node: Node, address: str, seq: int, peaks: Peaks) -> ChainHead:
    """Return what the chain kept of a broker's tree after an anchor, made of its leaves since a tree of these peaks.

    Raises:
        CouldNotCheck: `index-behind`.
    """
    with node.store.read() as connection:
        for leaf in leaves_after(connection, address, peaks.size, seq):
            peaks, _ = peaks.append(leaf.hash())
    if peaks.size != seq:
        raise CouldNotCheck("index-behind", f"the index has not come to anchor {seq} of {address} yet")
    return ChainHead(head_digest(peaks.size, peaks.root()), peaks.size, peaks.root())


def newest_leaf(connection: Connection, address: str) -> AnchorLeaf | None:
    """Return the newest anchor of a broker that the index has, or None."""
    return _log(connection, address).last()


def leaves_after(connection: Connection, address: str, after: int, to: int) -> Iterator[Leaf]:
    """Give the leaves of a broker's tree from number `after` + 1 to `to`, as far as the index has them."""
    log = _log(connection, address)
    last = log.last()
    if last is None or after >= min(to, last.seq):
        return
    block, end = log.block_of(after) - 1, log.block_of(min(to, last.seq))
    while block < end:
        for leaf in log.leaves(block, min(block + _BLOCKS_AT_ONCE, end)):
            if after < leaf.seq <= to:
                yield leaf
        block += _BLOCKS_AT_ONCE


def fetch_growth(node: Node, address: str, start: int) -> Growth:
    """Ask a broker's node what came after an anchor.

    Raises:
        CouldNotCheck: its node cannot be reached, or does not answer so now.
        VerificationFailed: `growth-order`, what it shows is no such document, or it shows nothing.
    """
    with node.store.read() as connection:
        url = node_url(node, connection, address)
    if url is None:
        raise CouldNotCheck("peer-unreachable", f"where the node of {address} is, neither chain nor settings say")
    message = canonical_json(sign_message(node, address, GROWTH, {"start": start}))
    answer = node.ask(url + MESSAGES, message, _JSON, max_bytes=MAX_GROWTH_BYTES)
    if answer.status != _OK:
        raise VerificationFailed("growth-order", f"the broker does not show what comes after anchor {start}")
    try:
        return parse_growth(answer.body)
    except InvalidInput as error:
        raise VerificationFailed("growth-order", f"what the broker shows is no growth: {error.detail}") from error


def _log(connection: Connection, address: str) -> LogLeaves:
    return LogLeaves.of(connection, address, blocks.tip(connection).number)


def _keys(connection: Connection, address: str, leaf: AnchorLeaf) -> MemberKeySet:
    found = member_registry.key_sets(connection, address, leaf.block).get(leaf.keys_digest)
    if found is None:
        raise VerificationFailed("member-keys", f"the registry never held the keys that anchor {leaf.seq} names")
    return found
