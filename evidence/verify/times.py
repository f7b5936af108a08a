"""What a record says of its times, held against the times of trusted blocks (docs/spec/evidence.md, section 12.1).

Chain-bound are the time of the block at acceptance, of the block after it, and of the first anchor's block. All other
times are the broker's word. A file that was made later and dated back has to show here: its anchors are young.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from evidence.chain.engine import HeaderChain
from evidence.documents.promise import MAX_PROMISE_MS, is_broken
from evidence.verify.opened import Opened
from evidence.verify.verdict import ANCHORED_LATE, EvidenceFinding
from primitives.timestamp import format_time, parse_time

CLOCK_MS = 300_000  # by how much a broker's clock and the sealers' may differ
MAX_RECORDED_MS = MAX_PROMISE_MS  # from recording to anchor: what a broker may promise at most
MAX_HAPPENED_MS = 2 * MAX_PROMISE_MS  # from the event to its anchor: a day to record it, and a day to anchor it
_MS = 1000


def time_findings(chain: HeaderChain, records: Iterable[Opened]) -> tuple[EvidenceFinding, ...]:
    """Return what the times of records say against the broker."""
    return tuple(
        EvidenceFinding(code, opened.promise.record_id, detail)
        for opened in records
        for rule in _RULES
        for code, detail in rule(chain, opened)
    )


def block_time(chain: HeaderChain, block: int) -> int:
    """Return a block's time in milliseconds."""
    return chain.at(block).timestamp * _MS


def _promise_late(chain: HeaderChain, opened: Opened) -> Iterator[tuple[str, str]]:
    anchored = block_time(chain, opened.anchor.block)
    if is_broken(opened.promise, anchored, anchored):
        yield (
            "PROMISE_LATE",
            f"anchored {format_time(anchored)}, promised by {format_time(opened.promise.anchor_by)}",
        )


def _promise_far(_: HeaderChain, opened: Opened) -> Iterator[tuple[str, str]]:
    promise = opened.promise
    if promise.anchor_by - promise.accepted_at > MAX_PROMISE_MS:
        yield (
            "PROMISE_FAR",
            f"accepted {format_time(promise.accepted_at)} and promised by {format_time(promise.anchor_by)} only",
        )


def _anchored_late(chain: HeaderChain, opened: Opened) -> Iterator[tuple[str, str]]:
    anchored = block_time(chain, opened.anchor.block)
    envelope = opened.record.envelope
    for name, said, verb, most in (
        ("occurred_at", envelope["occurred_at"], "happened", MAX_HAPPENED_MS),
        ("recorded_at", envelope["recorded_at"], "been recorded", MAX_RECORDED_MS),
    ):
        if anchored - parse_time(said, name) > most:
            yield ANCHORED_LATE, f"says to have {verb} {said}; the chain knows of it since {format_time(anchored)}"
            return


def _contradictions(chain: HeaderChain, opened: Opened) -> Iterator[tuple[str, str]]:
    promise, said = opened.promise, opened.record.envelope["recorded_at"]
    recorded = parse_time(said, "recorded_at")
    if abs(promise.accepted_at - recorded) > CLOCK_MS:
        yield "TIMES_CONTRADICT", f"recorded {said}, and its promise says accepted {format_time(promise.accepted_at)}"
    first, last = block_time(chain, promise.block), block_time(chain, opened.anchor.block)
    if not first - CLOCK_MS <= recorded <= last + CLOCK_MS:
        yield (
            "TIMES_CONTRADICT",
            f"recorded {said}, and accepted after block {promise.block} ({format_time(first)}) and anchored in block "
            f"{opened.anchor.block} ({format_time(last)})",
        )


def _stale_block(chain: HeaderChain, opened: Opened) -> Iterator[tuple[str, str]]:
    """The chain was out of reach for the broker; or it chose a block at which some key was still in force."""
    block, said = opened.promise.block, opened.record.envelope["recorded_at"]
    if block < opened.anchor.block:
        end, last = block_time(chain, block + 1), block_time(chain, opened.anchor.block)
        if end + CLOCK_MS < parse_time(said, "recorded_at") <= last + CLOCK_MS:
            told = f"accepted at block {block}, which another followed {format_time(end)}"
            yield "BLOCK_STALE", f"recorded {said}, and {told}"


_RULES: tuple[Callable[[HeaderChain, Opened], Iterator[tuple[str, str]]], ...] = (
    _promise_late,
    _promise_far,
    _anchored_late,
    _contradictions,
    _stale_block,
)
