"""The state after a record, also after one that is not shown whole: replays and recovered nodes fold alike."""

from __future__ import annotations

from replay.records import CannotRead, Record, fact_of, shown_of, to_fact
from suitability.records import RECORD_TYPES
from suitability.states import fold, folds_unseen
from suitability.subject import SubjectState


def fold_shown(state: SubjectState, record: Record) -> SubjectState | None:
    """Return what is known after a record, from what it shows; None where what it hides decides that."""
    try:
        fact = fact_of(record)
    except CannotRead:
        shown = shown_of(record)
        if not folds_unseen(record.type, shown):
            return None
        if record.type not in RECORD_TYPES:  # of a later version, which knows what it means
            return state
        fact = to_fact(record.envelope, shown, record.fingerprint)
    return fold(state, fact)
