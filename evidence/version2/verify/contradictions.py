"""What a broker gave at different times, held against each other (docs/spec/evidence-2.md, section 11).

The wallet makes this comparison at each sync, of what comes with what it keeps. All of it was verified before; what
comes out are documents that convict the broker, and that anybody verifies alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from evidence.version2.documents.contradiction import PromiseContradiction, breaks_link, contradict
from evidence.version2.documents.receipt import Receipt
from evidence.version2.links import Link
from evidence.version2.log.checkpoint import AnchorCheckpoint
from evidence.version2.log.convict import Equivocation, PlacedLeaf, PresentEntry, Rollback, SignedMap, unnames
from evidence.version2.map.label_map import Absence
from evidence.version2.promise import Promise, PromiseDocument

Conviction = Equivocation | Rollback | PromiseContradiction


@dataclass(frozen=True)
class SignedHead:
    """A checkpoint whose signature was checked: the note, and what it says."""

    note: str
    stated: AnchorCheckpoint


@dataclass(frozen=True)
class Given:
    """Something that a broker gave, verified under its keys.

    Attributes:
        broker: its DID.
        promise: a promise as it was given, and read.
        link: of that promise's record, where it is known.
        head: a checkpoint.
        leaf: a leaf that stands in the checkpoint's tree.
        shown: what the checkpoint's map holds under labels.
    """

    broker: str
    promise: tuple[PromiseDocument, Promise] | None = None
    link: Link | None = None
    head: SignedHead | None = None
    leaf: PlacedLeaf | None = None
    shown: tuple[tuple[bytes, PresentEntry | Absence], ...] = ()


def given_promise(document: PromiseDocument, promise: Promise) -> Given:
    """Return what a promise gives to compare; its signature was checked."""
    return Given(promise.broker, promise=(document, promise))


def given_checkpoint(note: str, stated: AnchorCheckpoint) -> Given:
    """Return what a checkpoint gives to compare; its signature was checked."""
    return Given(stated.broker, head=SignedHead(note, stated))


def given_receipt(receipt: Receipt) -> Given:
    """Return what a receipt gives to compare."""
    promise, link, following = receipt.promise, receipt.record.link, receipt.following
    after = following if isinstance(following, Absence) else PresentEntry(following.link.entry, following.path)
    return Given(
        promise.broker,
        promise=(receipt.document, promise),
        link=link,
        head=SignedHead(receipt.note, receipt.checkpoint),
        leaf=PlacedLeaf(receipt.anchor, receipt.path),
        shown=((promise.label, PresentEntry(promise.entry, receipt.presence.path)), (link.next, after)),
    )


def contradictions(held: Iterable[Given], new: Given) -> list[Conviction]:
    """Return what convicts the broker of what is new, beside what is held; each document once.

    Costs a comparison for each thing that is held. Nothing is compared across brokers.
    """
    found: list[Conviction] = []
    for one in held:
        if one.broker == new.broker:
            found += [claim for claim in _between(one, new) if claim not in found]
    return found


def _between(one: Given, other: Given) -> Iterator[Conviction]:
    yield from _promises(one, other)
    if one.head is not None and other.head is not None:
        yield from _equivocations(one, other, one.head, other.head)
        yield from _rollbacks(one, other, one.head, other.head)


def _promises(one: Given, other: Given) -> Iterator[PromiseContradiction]:
    if one.promise is None or other.promise is None:
        return
    (first, read), (second, read_second) = one.promise, other.promise
    if contradict(read, read_second) is not None:
        yield PromiseContradiction(one.broker, first, second)
    if one.link is not None and breaks_link(read, one.link, read_second):
        yield PromiseContradiction(one.broker, first, second, one.link)
    if other.link is not None and breaks_link(read_second, other.link, read):
        yield PromiseContradiction(one.broker, second, first, other.link)


def _equivocations(one: Given, other: Given, head: SignedHead, other_head: SignedHead) -> Iterator[Equivocation]:
    first, second = head.stated, other_head.stated
    if unnames(first, second):
        yield Equivocation(one.broker, head.note, other_head.note)
    elif unnames(second, first):
        yield Equivocation(one.broker, other_head.note, head.note)
    elif first.seq == second.seq and _state(first) != _state(second):
        yield Equivocation(one.broker, head.note, other_head.note)
    leaves = one.leaf, other.leaf
    if first.seq == second.seq or leaves[0] is None or leaves[1] is None:
        return
    if leaves[0].leaf.seq == leaves[1].leaf.seq and leaves[0].leaf != leaves[1].leaf:
        yield Equivocation(one.broker, head.note, other_head.note, (leaves[0], leaves[1]))


def _state(stated: AnchorCheckpoint) -> tuple[bytes, bytes, int]:
    return stated.root, stated.map_root, stated.size


def _rollbacks(one: Given, other: Given, head: SignedHead, other_head: SignedHead) -> Iterator[Rollback]:
    if head.stated.seq > other_head.stated.seq:
        one, other, head, other_head = other, one, other_head, head
    before, after = head.stated, other_head.stated
    if before.seq == after.seq or {before.seq, after.seq} & {*before.wrong, *after.wrong}:
        return  # of an anchor that is named wrong the promises convict, not the map
    later = dict(other.shown)
    for label, was in one.shown:
        now = later.get(label)
        if isinstance(was, Absence) or now is None:
            continue
        if isinstance(now, Absence) or now.entry != was.entry:
            earlier = SignedMap(head.note, None, was)
            yield Rollback(one.broker, label, earlier, SignedMap(other_head.note, None, now))
