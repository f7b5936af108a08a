"""Promises that somebody holds, against a bundle: what was promised has to be in it (docs/spec/evidence.md, 12.2).

A bundle cannot name a record that the broker logged and never counted, nor one that it put under a pseudonym of its
own making. Whoever holds the promise of such a record can: the client's wallet, the system that reported the fact.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from evidence.documents.promise import Promise, PromiseDocument, parse_promise, verify_promise
from evidence.verify.opened import Opened
from evidence.verify.verdict import HELD_PROMISES
from primitives.errors import CouldNotCheck, VerificationFailed
from primitives.timestamp import format_time


@dataclass(frozen=True)
class StatedEnd:
    """What the bundle is complete as of: the last anchor's size, block and time, and the last trusted time (ms)."""

    size: int
    block: int
    time: int
    trusted_until: int


def check_held(
    promises: Sequence[object],
    records: Mapping[bytes, Sequence[Opened]],
    broker: str,
    as_of: StatedEnd,
    key_at: Callable[[int], bytes],
    elsewhere: Collection[bytes] = (),
) -> str:
    """Check that the bundle shows what each held promise of this broker says.

    Args:
        promises: promises as they were given, of any broker.
        records: the bundle's opened histories by subject.
        broker: the bundle's broker.
        as_of: how far the bundle reaches.
        key_at: the broker's signing key in force at a block.
        elsewhere: the pseudonyms of whose promises other bundles are asked.

    Raises:
        InvalidInput: not a promise.
        VerificationFailed: check `held-promises`; a promised record is not in the bundle and should be.
        CouldNotCheck: `held-promise`; a promise is not signed by the broker, so it shows nothing either way.
    """
    shown = {opened.record.fingerprint: opened for chain in records.values() for opened in chain}
    counts = {"shown": 0, "not due": 0, "of other brokers": 0, "asked of other bundles": 0}
    for number, value in enumerate(promises):
        place = f"promises[{number}]"
        promise = _read(value, place, broker, as_of, key_at)
        if promise is None:
            counts["of other brokers"] += 1
            continue
        opened = shown.get(promise.fingerprint)
        if opened is not None:
            _same(cast(PromiseDocument, value), opened)  # `_read` has read it
            counts["shown"] += 1
        elif promise.subject in elsewhere:
            counts["asked of other bundles"] += 1
        else:
            _not_due(promise, records, as_of)
            counts["not due"] += 1
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"
    return f"{len(promises)} held: {told}"


def _read(value: object, place: str, broker: str, as_of: StatedEnd, key_at: Callable[[int], bytes]) -> Promise | None:
    """Return a held promise of this broker, None for one of another."""
    promise = parse_promise(value, place)
    if promise.broker != broker:
        return None
    try:
        # The bundle shows the broker's keys up to its last anchor; what was promised later was signed with the last.
        return verify_promise(value, key_at(min(promise.block, as_of.block)), place)
    except VerificationFailed as error:
        if error.check not in ("promise-signature", HELD_PROMISES):
            raise  # the bundle's own evidence does not hold
        raise CouldNotCheck("held-promise", f"{place} shows nothing: {error.detail}") from error


def _same(held: PromiseDocument, opened: Opened) -> None:
    """One record has one promise: a second one could state a later time, or another place."""
    value: Mapping[str, object] = held
    stated: Mapping[str, object] = opened.item.promise
    differing = sorted(name for name in value if name != "signature" and value[name] != stated[name])
    if differing:
        told = ", ".join(f"{name} {value[name]} for {stated[name]}" for name in differing)
        raise VerificationFailed(HELD_PROMISES, f"{opened.label} was promised otherwise than the bundle says: {told}")


def _not_due(promise: Promise, records: Mapping[bytes, Sequence[Opened]], as_of: StatedEnd) -> None:
    what = f"record {promise.record_id}, promised at log index {promise.log_index}"
    if promise.subject not in records:
        raise VerificationFailed(
            HELD_PROMISES, f"{what}, is of pseudonym {promise.subject.hex()}, of which the bundle shows nothing"
        )
    if promise.log_index < as_of.size:
        raise VerificationFailed(
            HELD_PROMISES, f"{what}, is not in the bundle, whose last anchor covers {as_of.size} log entries"
        )
    if promise.anchor_by < as_of.time:
        raise VerificationFailed(
            HELD_PROMISES, f"{what} by {format_time(promise.anchor_by)}, was not anchored by {format_time(as_of.time)}"
        )
    if promise.anchor_by < as_of.trusted_until:
        raise VerificationFailed(
            HELD_PROMISES,
            f"{what} by {format_time(promise.anchor_by)}, is not in the bundle, which ends before that: ask for one "
            "that reaches further",
        )
