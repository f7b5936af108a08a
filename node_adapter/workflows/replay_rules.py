"""Re-execution of a replayed history: every result again, every rule again, under the rule set of that day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node_adapter.workflows.replay_bundle import ReplayedRecord
from node_adapter.workflows.replay_claims import FoundFinding
from node_adapter.workflows.rulesets import Rulebook
from primitives.errors import InvalidInput
from primitives.timestamp import parse_time
from suitability.records import check_payload
from suitability.replay import Comparison, broken_rules, re_execute
from suitability.states import Fact


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
    facts: dict[str, Fact] = {}
    findings: list[FoundFinding] = []
    for record in history:
        try:
            facts[record.row.record_id] = _fact(record)
        except InvalidInput as error:  # only an original that was altered after it was sealed
            findings.append(_altered(record, f"cannot be read: {error.field}"))
            continue
        if record.altered:
            findings.append(_altered(record, ", ".join(record.altered)))
    rows = {record.row.record_id: record.row for record in history}
    rated = [(rating.row.log_index, _fact(rating), False) for rating in ratings if rating.row.record_id not in rows]
    own = [(rows[record_id].log_index, fact, True) for record_id, fact in facts.items()]
    logged = [(fact, mine) for _, fact, mine in sorted([*rated, *own], key=lambda entry: entry[0])]
    by_ref = {fact.ref: rows[record_id] for record_id, fact in facts.items()}
    for fact, broken in broken_rules(logged, lambda fact: rulebook.at(fact.occurred_at)):
        row = by_ref[fact.ref]
        findings += [FoundFinding(row.seq, row.record_id, item.code, item.rule, item.detail) for item in broken]
    own_facts = tuple(facts.values())
    return Reexecuted(own_facts, re_execute(own_facts, by_label.get), tuple(sorted(findings, key=lambda f: f.seq)))


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
        broker=envelope["broker"],
    )


def _altered(record: ReplayedRecord, detail: str) -> FoundFinding:
    return FoundFinding(
        record.row.seq, record.row.record_id, "ORIGINAL_ALTERED", "evidence.original", f"not what was sealed: {detail}"
    )
