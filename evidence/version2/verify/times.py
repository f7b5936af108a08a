"""What a record says of its times, held against the times of anchors (docs/spec/evidence-2.md, section 13.1).

Chain-bound are the times of the anchor under which a record lies, and of the one before it where that is shown. All
other times are the broker's word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from evidence.verify.times import CLOCK_MS, MAX_HAPPENED_MS, MAX_RECORDED_MS
from evidence.verify.verdict import ANCHORED_LATE, EvidenceFinding
from evidence.version2.verify.opened import Opened
from primitives.timestamp import format_time, parse_time

_MS = 1000


def time_findings(records: Iterable[Opened]) -> tuple[EvidenceFinding, ...]:
    """Return what the times of records say against the broker."""
    return tuple(
        EvidenceFinding(code, opened.promise.record_id, detail)
        for opened in records
        for rule in _RULES
        for code, detail in rule(opened)
    )


def _promise_late(opened: Opened) -> Iterator[tuple[str, str]]:
    anchored = opened.anchor.time * _MS
    if anchored > opened.promise.anchor_by:
        yield (
            "PROMISE_LATE",
            f"anchored {format_time(anchored)}, promised by {format_time(opened.promise.anchor_by)}",
        )


def _anchored_late(opened: Opened) -> Iterator[tuple[str, str]]:
    anchored, envelope = opened.anchor.time * _MS, opened.record.envelope
    for name, said, verb, most in (
        ("occurred_at", envelope["occurred_at"], "happened", MAX_HAPPENED_MS),
        ("recorded_at", envelope["recorded_at"], "been recorded", MAX_RECORDED_MS),
    ):
        if anchored - parse_time(said, name) > most:
            yield ANCHORED_LATE, f"says to have {verb} {said}; the chain knows of it since {format_time(anchored)}"
            return


def _contradiction(opened: Opened) -> Iterator[tuple[str, str]]:
    anchored, said = opened.anchor.time * _MS, opened.record.envelope["recorded_at"]
    if parse_time(said, "recorded_at") > anchored + CLOCK_MS:
        yield "TIMES_CONTRADICT", f"says to have been recorded {said}, and was anchored {format_time(anchored)}"


_RULES: tuple[Callable[[Opened], Iterator[tuple[str, str]]], ...] = (_promise_late, _anchored_late, _contradiction)
