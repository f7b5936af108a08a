"""The identities that one client had before: what of their histories the limits over time count.

A client who lost the wallet goes on under a new identity, with a state of its own (docs/adr/0033). Identification,
information, levels and opinions are made anew. What looks back in time would forget, though: whoever gives a wallet up
could be assessed as often as a limit forbids. So a rule set may say that such limits count the identities before, too
(`identities.limits_span`); one from before this was known says nothing, and its findings stay what they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from suitability.ruleset import RuleSet
from suitability.subject import SubjectState

Find = Callable[[str], SubjectState | None]
"""The state of a pseudonym as of now in the order of the log; None where its history is not at hand."""

_SUCCEED = "ID_SUCCEED"
COUNTED = frozenset({"Q_SUBMIT", "LEVEL_RESULT"})
"""The record types that the limits count."""
_LOOK_BACK = COUNTED | {_SUCCEED}
MOST_IDENTITIES = 100
"""How many of one client are followed: more is nobody's life, and each act that is judged walks them all."""
_NAMED = 3  # in a sentence


@dataclass(frozen=True)
class Before:
    """The identities before: by pseudonym the states at hand, and the others; None where not even that is shown.

    `too_many` says that there are more of them than are followed: then none is here.
    """

    found: Mapping[str, SubjectState] = field(default_factory=dict)
    missing: tuple[str | None, ...] = ()
    too_many: bool = False

    @property
    def states(self) -> tuple[SubjectState, ...]:
        """The states at hand."""
        return tuple(self.found.values())

    @property
    def reason(self) -> str:
        """Say why a limit was not asked with all that it needs; empty where nothing is missing."""
        if self.too_many:
            return f"the limits over time follow no more than {MOST_IDENTITIES} identities of one client"
        if not self.missing:
            return ""
        named = ", ".join(pid or "one whose pseudonym is not shown" for pid in self.missing[:_NAMED])
        if len(self.missing) > _NAMED:
            named += f" and {len(self.missing) - _NAMED} more"
        return f"the limits over time do not see the client's identity before ({named})"


NONE_BEFORE = Before()


def nobody(_: str) -> SubjectState | None:
    """Find no history: for whoever has but one."""
    return None


def identities_before(
    state: SubjectState, type_: str, details: Mapping[str, Any], ruleset: RuleSet, find: Find
) -> Before:
    """Return the identities that the limits count for an act; nobody where no limit or the rule set does not ask.

    Args:
        state: of the identity that acts.
        type_: the record type of the act.
        details: what is known of its payload.
        ruleset: the one that judges the act.
        find: the states of others.
    """
    if not ruleset.limits_span or type_ not in _LOOK_BACK:
        return NONE_BEFORE
    waiting = list(state.succeeds)
    if type_ == _SUCCEED and "predecessor" in details:
        waiting.append(str(details["predecessor"]))
    found: dict[str, SubjectState] = {}
    missing: list[str | None] = []
    for pid in waiting:  # it grows: an identity before may have had one before it
        if pid in found or pid in missing:
            continue
        if len(found) + len(missing) == MOST_IDENTITIES:
            return Before(too_many=True)
        known = None if pid is None else find(pid)
        if pid is None or known is None:
            missing.append(pid)
        else:
            found[pid] = known
            waiting += known.succeeds
    return Before(found, tuple(missing))
