"""What a verification says of second persons, as the re-executed rules need it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from evidence.verify.verdict import STAFF_NOT_SHOWN, VerificationReport
from replay.rulebook import Rulebook


def proven_signers(report: VerificationReport) -> Mapping[str, frozenset[str]]:
    """Return the keys of who is proven to have signed, by record_id, where it cannot be told who else did."""
    return {
        entry.record_id: frozenset(person.key for person in entry.persons)
        for entry in report.second_persons
        if entry.missing == STAFF_NOT_SHOWN
    }


def asking_nobody(report: VerificationReport, rulebook: Rulebook) -> Iterable[str]:
    """Return a note on each rule set that asks for no second person where a record that names it takes one."""
    unasked: dict[str, set[str]] = {}
    for record in report.records:
        if record.type not in rulebook.domains.staff_acts:
            continue
        ruleset = rulebook.of_domain(rulebook.domains.of(record.type), str(record.envelope["ruleset"]))
        if ruleset is not None and record.type not in ruleset.second_person:
            unasked.setdefault(ruleset.label, set()).add(record.type)
    for label, types in sorted(unasked.items()):
        yield f"rule set {label} asks for no second person of {', '.join(sorted(types))}: no finding if nobody signed"
