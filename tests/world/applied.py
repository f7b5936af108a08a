"""Folding a fact and asking its rules at once, as intake and replay do one after the other."""

from suitability.domain import SUITABILITY
from suitability.line import NONE_BEFORE
from suitability.states import broken


def apply(state, fact, ruleset, ratings=None, before=NONE_BEFORE):
    """Return the state after a fact, and what the fact broke."""
    return SUITABILITY.fold(state, fact), broken(state, fact, ruleset, ratings or {}, before)
