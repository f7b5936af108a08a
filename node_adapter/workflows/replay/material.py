"""From what a replay collected to what its report is made of: originals, also of records that no anchor covers yet."""

from __future__ import annotations

from collections.abc import Sequence

from evidence.chain.registry_events import DID_EVENTS, MEMBER_EVENTS
from evidence.log.tree import inclusion_path_length
from evidence.verify.verdict import KeyChange, LastAnchor
from evidence.version2.log.anchors import AnchorLeaf
from node_adapter.node import Node
from node_adapter.store.chain.event_log import ChainEvent
from node_adapter.workflows.replay.as_of import AsOf
from node_adapter.workflows.replay.bundle import Collected, ReplayedRecord
from replay.growth import GROWTH
from replay.report_material import Anchored, Material, Occasion, ShownRecord
from replay.verification import Verification

_MS = 1000
_KEY_EVENTS = MEMBER_EVENTS | DID_EVENTS  # that a call was sponsored changes no key, and no bundle's reader reports it


def material_of(
    collected: Collected, verification: Verification, occasion: Occasion, node: Node, moment: AsOf
) -> Material:
    """Return what the report of a collected history is made of.

    Args:
        collected: the store's.
        verification: what its bundle proves.
        occasion: why the report is made.
        node: ours.
        moment: of which block the index was when all this was read.
    """
    last = collected.last
    unseen = {name: reason for name, reason in verification.further.items() if name == GROWTH and reason}
    return Material(
        occasion=occasion,
        client=collected.subject.did,
        subject=collected.subject.pid,
        records=_shown(collected.records),
        references=[(pid, _shown(chain)) for pid, chain in collected.references],
        pending=len(collected.records) - len(collected.anchored),
        last_anchor=LastAnchor(last.seq, last.size_after, last.block, last.time),
        key_changes=[_key_change(event) for event in collected.key_events if event.name in _KEY_EVENTS],
        broker=node.did,
        verified=verification.report,
        rerun=verification.rerun,
        not_checked={**moment.not_checked, **unseen},
        domains=node.domains,
    )


def _shown(records: Sequence[ReplayedRecord]) -> list[ShownRecord]:
    """Return records in their order; of one that was erased whole there is nothing to show."""
    return [
        ShownRecord(
            record=record.to_replay(),
            values=record.values,
            accepted_at=record.row.accepted_at,
            anchor_by=record.row.anchor_by,
            anchor=None if record.anchor is None else _anchored(record.anchor, record.row.log_index),
            altered=record.altered,
            erased=record.row.erased,
        )
        for record in records
        if not record.row.is_stub
    ]


def _anchored(leaf: AnchorLeaf, log_index: int) -> Anchored:
    hashes = inclusion_path_length(log_index - leaf.size_before, leaf.added)
    return Anchored(leaf.seq, leaf.block, leaf.time * _MS, leaf.batch_root.hex(), hashes)


def _key_change(event: ChainEvent) -> KeyChange:
    return KeyChange(event.contract, event.name, event.block, event.timestamp, event.args)
