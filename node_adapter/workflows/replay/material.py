"""From what a replay collected to what its report is made of: originals, also of records that no anchor covers yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evidence.chain.registry_events import DID_EVENTS, MEMBER_EVENTS
from evidence.verify.verdict import KeyChange, LastAnchor
from node_adapter.node import Node
from node_adapter.store.chain.event_log import ChainEvent
from node_adapter.workflows.replay.as_of import AsOf
from node_adapter.workflows.replay.bundle import Collected, ReplayedRecord
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
    last = collected.anchors[-1]
    return Material(
        occasion=occasion,
        client=collected.subject.did,
        subject=collected.subject.pid,
        records=_shown(collected, collected.records),
        references=[(pid, _shown(collected, chain)) for pid, chain in collected.references],
        pending=len(collected.records) - len(collected.anchored),
        last_anchor=LastAnchor(last.seq, last.size, last.block, collected.anchor_times[last.seq]),
        key_changes=[_key_change(event) for event in collected.key_events if event.name in _KEY_EVENTS],
        broker=node.did,
        verified=verification.report,
        rerun=verification.rerun,
        not_checked=moment.not_checked,
        domains=node.domains,
    )


def _shown(collected: Collected, records: Sequence[ReplayedRecord]) -> list[ShownRecord]:
    """Return records of one log, in its order, each with its first anchor."""
    anchors = _first_anchors(collected)
    anchor = next(anchors, None)
    found = []
    for record in records:
        row = record.row
        while anchor is not None and anchor[0] <= row.log_index:
            anchor = next(anchors, None)
        found.append(
            ShownRecord(
                record=record.to_replay(),
                values=record.values,
                accepted_at=row.accepted_at,
                anchor_by=row.anchor_by,
                anchor=None if anchor is None else anchor[1],
                altered=record.altered,
                erased=row.erased,
            )
        )
    return found


def _first_anchors(collected: Collected) -> Iterator[tuple[int, Anchored]]:
    """Yield every anchor with the size of the log that it covers."""
    for anchor in collected.anchors:
        yield anchor.size, Anchored(anchor.seq, anchor.block, collected.anchor_times[anchor.seq] * _MS)


def _key_change(event: ChainEvent) -> KeyChange:
    return KeyChange(event.contract, event.name, event.block, event.timestamp, event.args)
