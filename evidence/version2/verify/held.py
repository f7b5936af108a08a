"""Promises that somebody holds, against a bundle: what was promised has to be in it (docs/spec/evidence-2.md, 13.2).

A bundle cannot name a record that the broker logged and never counted, nor one that it put under a pseudonym of its
own making. Whoever holds the promise of such a record can: the client's wallet, the system that reported the fact.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from evidence.verify.verdict import HELD_PROMISES
from evidence.version2.log.anchors import AnchorLeaf
from evidence.version2.promise import Promise, SignedBatch, parse_promise
from evidence.version2.verify.opened import Opened, OpenedHistory
from primitives.errors import CouldNotCheck, VerificationFailed
from primitives.timestamp import format_time

_MS = 1000


@dataclass(frozen=True)
class StatedEnd:
    """How far a bundle reaches: its last anchor, and the time of the trusted block in milliseconds."""

    anchor: AnchorLeaf
    trusted_ms: int


def check_held(
    promises: Sequence[object],
    histories: Mapping[bytes, OpenedHistory],
    broker: str,
    end: StatedEnd,
    keys: Collection[bytes],
    elsewhere: Collection[bytes] = (),
) -> str:
    """Check that the bundle shows what each held promise of this broker says.

    Args:
        promises: promises as they were given, of any broker.
        histories: the bundle's histories by subject.
        broker: the bundle's broker.
        end: how far the bundle reaches.
        keys: the broker's signing keys that the bundle shows.
        elsewhere: the pseudonyms of whose promises other bundles are asked.

    Raises:
        InvalidInput: not a promise.
        VerificationFailed: check `held-promises`; a promised record is not in the bundle and should be.
        CouldNotCheck: `held-promise`; a promise is signed by none of these keys, so it shows nothing either way.
    """
    counts = {"shown": 0, "not due": 0, "of other brokers": 0, "asked of other bundles": 0}
    for number, value in enumerate(promises):
        promise, batch = parse_promise(value, f"promises[{number}]")
        if promise.broker != broker:
            counts["of other brokers"] += 1
            continue
        _require_signed(batch, keys, number)
        history = histories.get(promise.subject)
        if history is not None and _shows(history, promise):
            counts["shown"] += 1
        elif promise.subject in elsewhere:
            counts["asked of other bundles"] += 1
        else:
            _require_not_due(promise, known=history is not None, end=end)
            counts["not due"] += 1
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"
    return f"{len(promises)} held: {told}"


def _require_signed(batch: SignedBatch, keys: Collection[bytes], number: int) -> None:
    for key in keys:
        try:
            batch.verify(key)
        except VerificationFailed:
            continue
        return
    raise CouldNotCheck("held-promise", f"promises[{number}] shows nothing: no key that the bundle shows signed it")


def _shows(history: OpenedHistory, promise: Promise) -> bool:
    """Tell whether a record was promised so; a place that holds another record convicts."""
    if promise.seq > len(history.records):
        return False
    record = history.records[promise.seq - 1]
    entry = record.record.entry if isinstance(record, Opened) else record.link.entry
    if entry != promise.entry:
        raise VerificationFailed(HELD_PROMISES, f"{record.label} is not the one that was promised in its place")
    if isinstance(record, Opened) and record.promise != promise:
        stated = vars(record.promise)
        names = sorted(name for name, value in vars(promise).items() if stated[name] != value)
        raise VerificationFailed(
            HELD_PROMISES, f"{record.label} was promised otherwise than the bundle says: {', '.join(names)}"
        )
    return True


def _require_not_due(promise: Promise, *, known: bool, end: StatedEnd) -> None:
    what = f"record {promise.record_id}, promised at log index {promise.log_index}"
    if not known:
        raise VerificationFailed(
            HELD_PROMISES, f"{what}, is of pseudonym {promise.subject.hex()}, of which the bundle shows nothing"
        )
    if promise.log_index < end.anchor.size_after:
        raise VerificationFailed(
            HELD_PROMISES, f"{what}, is not in the bundle, whose last anchor covers {end.anchor.size_after} records"
        )
    if promise.anchor_by < end.trusted_ms:
        raise VerificationFailed(
            HELD_PROMISES,
            f"{what} by {format_time(promise.anchor_by)}, was not anchored by {format_time(end.trusted_ms)}",
        )
