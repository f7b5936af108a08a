"""The state after a record, also after one that is not shown whole: replays and recovered nodes fold alike."""

from __future__ import annotations

from domain.domains import Domains, States
from replay.records import CannotRead, Record, fact_of, shown_of, to_fact


def fold_shown(states: States, record: Record, domains: Domains) -> States | None:
    """Return what is known after a record, from what it shows; None where what it hides decides that."""
    try:
        fact = fact_of(record, domains)
    except CannotRead:
        shown = shown_of(record, domains)
        if not domains.folds_unseen(record.type, shown):
            return None
        if record.type not in domains.types:  # of a later version, which knows what it means
            return states
        fact = to_fact(record.envelope, shown, record.fingerprint)
    return domains.fold(states, fact)
