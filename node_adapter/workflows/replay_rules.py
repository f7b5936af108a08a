"""Re-execution of a replayed history: every result again, every rule again, under the rule set of that day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node_adapter.workflows.fold import product_of
from node_adapter.workflows.ratings import Ratings
from node_adapter.workflows.replay_bundle import RATING, ReplayedRecord
from node_adapter.workflows.replay_claims import FoundFinding
from node_adapter.workflows.rulesets import Rulebook
from primitives.errors import InvalidInput
from primitives.timestamp import parse_time
from suitability.records import check_payload
from suitability.replay import Comparison, re_execute
from suitability.states import Fact, Rating, SubjectState, apply


@dataclass(frozen=True)
class Reexecuted:
    """What the engines and the rules say today to what was recorded then."""

    facts: tuple[Fact, ...]
    comparisons: tuple[Comparison, ...]
    findings: tuple[FoundFinding, ...]


def re_run(history: Sequence[ReplayedRecord], ratings: Sequence[ReplayedRecord], rulebook: Rulebook) -> Reexecuted:
    """Re-execute a history.

    Args:
        history: the subject's anchored records in order.
        ratings: the broker's product ratings in log order; a rule sees those that were logged before its act.
        rulebook: the installed rule sets.
    """
    by_label = {ruleset.label: ruleset for ruleset in rulebook.rulesets}
    facts: list[Fact] = []
    findings: list[FoundFinding] = []
    state, known, waiting = SubjectState(), Ratings(), list(ratings)
    for record in history:
        while waiting and waiting[0].row.log_index < record.row.log_index:
            rated = waiting.pop(0)
            known = known.with_rating(Rating(rated.row.fingerprint.hex(), rated.values))
        try:
            fact = _fact(record)
        except InvalidInput as error:  # only an original that was altered after it was sealed
            findings.append(_altered(record, f"cannot be read: {error.field}"))
            continue
        if record.altered:
            findings.append(_altered(record, ", ".join(record.altered)))
        facts.append(fact)
        in_force = known.at(product_of(fact.payload), fact.occurred_at)
        state, broken = apply(state, fact, rulebook.at(fact.occurred_at), in_force)
        row = record.row
        findings += [FoundFinding(row.seq, row.record_id, item.code, item.rule, item.detail) for item in broken]
        if row.type == RATING:
            known = known.with_rating(Rating(fact.ref, fact.payload))
    return Reexecuted(tuple(facts), re_execute(facts, by_label.get), tuple(findings))


def _fact(record: ReplayedRecord) -> Fact:
    envelope = record.envelope
    return Fact(
        type=record.row.type,
        payload=check_payload(record.row.type, dict(record.values)),
        occurred_at=parse_time(envelope["occurred_at"], "occurred_at"),
        recorded_at=parse_time(envelope["recorded_at"], "recorded_at"),
        channel=envelope["channel"],
        ref=record.row.fingerprint.hex(),
        ruleset=envelope["ruleset"],
    )


def _altered(record: ReplayedRecord, detail: str) -> FoundFinding:
    return FoundFinding(
        record.row.seq, record.row.record_id, "ORIGINAL_ALTERED", "evidence.original", f"not what was sealed: {detail}"
    )
