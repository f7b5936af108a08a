"""Recording in time: a matter of facts only, since a gate asks before anything is recorded."""

from __future__ import annotations

from collections.abc import Iterator

from domain.fact import Fact
from domain.finding import Code, Finding
from domain.words import Words
from suitability.ruleset import RuleSet

CODES = {
    "RECORDED_LATE": Code(
        Words("补录超时", "recorded late"),
        "the record came later than the channel allows (facts only)",
        proves="SIGNED_LATE",
    ),
    "RECORDED_EARLY": Code(Words("记录早于发生", "recorded early"), "the record came before the event (facts only)"),
}


def recorded_in_time(fact: Fact, ruleset: RuleSet) -> Iterator[Finding]:
    """A fact was recorded neither too late nor before it happened."""
    delay = fact.recorded_at - fact.occurred_at
    if delay > ruleset.max_delay_ms[fact.channel]:
        yield Finding("RECORDED_LATE", "recording.max-delay-ms", f"recorded {delay} ms after it happened")
    elif -delay > ruleset.max_ahead_ms:
        yield Finding("RECORDED_EARLY", "recording.max-ahead-ms", f"recorded {-delay} ms before it happened")
