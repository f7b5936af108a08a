"""Which rule set a record is judged by.

Every record that the broker made names the rule set of its day, and the name holds a digest: it is sealed with the
record. So such a record is judged by the rule set that it names. The client's own acts are judged by the rule set in
force when they happened, whatever they name: a client's wallet may leave the name out, and the client's word does not
choose the broker's rules. A record of the broker that names no rule set, or another one than was in force, is a
finding of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.fact import Fact
from domain.finding import Finding
from primitives.errors import InvalidInput
from replay.records import Record
from suitability.records import CLIENT_ACTS
from suitability.ruleset import RuleSet, in_force

_CODE, _RULE = "RULESET_NOT_IN_FORCE", "ruleset.in-force"


class NotAtHand(Exception):
    """The rule set that would judge a record is not at hand; the message is the reason, for a person."""


@dataclass(frozen=True)
class Rulebook:
    """The rule sets of one history: by label, those that may have been in force, and the names that nobody has."""

    by_label: Mapping[str, RuleSet]
    candidates: Sequence[RuleSet]
    missing: Sequence[str]

    def judging(self, fact: Fact) -> tuple[RuleSet, tuple[Finding, ...]]:
        """Return the rule set that judges a fact, and the findings about the choice of it.

        Raises:
            NotAtHand: it cannot be known.
        """
        if fact.type in CLIENT_ACTS:
            return self._at(fact.occurred_at), ()
        if fact.ruleset is None:
            found = self._at(fact.occurred_at)
            return found, (Finding(_CODE, _RULE, f"names no rule set; {found.label} was in force"),)
        named = self.by_label.get(fact.ruleset)
        if named is None:
            raise NotAtHand(f"rule set {fact.ruleset} is not at hand")
        current = self._in_force(fact.occurred_at)
        if current is None or current.label == named.label:
            return named, ()
        return named, (Finding(_CODE, _RULE, f"made under {named.label}, not {current.label}"),)

    def _at(self, time_ms: int) -> RuleSet:
        if self.missing:
            raise NotAtHand(f"rule set {self.missing[0]}, which may have been in force, is not at hand")
        found = self._in_force(time_ms)
        if found is None:
            raise NotAtHand("no rule set is at hand")
        return found

    def _in_force(self, time_ms: int) -> RuleSet | None:
        """Return the rule set in force; before the first one took effect, that first one."""
        first = min(self.candidates, key=lambda ruleset: ruleset.effective_from, default=None)
        return in_force(self.candidates, time_ms) or first


def rulebook_of(history: Iterable[Record], used: Iterable[RuleSet], known: Iterable[RuleSet] = ()) -> Rulebook:
    """Return the rule sets that a history is judged by.

    Args:
        history: the client's records.
        used: the rule sets that the broker is known, or says, to have used.
        known: rule sets that count only where a record names them, such as the packaged ones. They come first: one
            label is one rule set, unless its maker searched for two with one digest.
    """
    at_hand: dict[str, RuleSet] = {}
    for ruleset in (*known, *(broker := tuple(used))):
        at_hand.setdefault(ruleset.label, ruleset)
    named = dict.fromkeys(str(record.envelope["ruleset"]) for record in history if record.envelope["ruleset"])
    labels = dict.fromkeys((*(ruleset.label for ruleset in broker), *named))
    candidates = [at_hand[label] for label in labels if label in at_hand]
    return Rulebook(at_hand, candidates, [label for label in named if label not in at_hand])


def read_rulesets(documents: Iterable[Mapping[str, object]]) -> tuple[list[RuleSet], list[str]]:
    """Read the rule sets that a bundle carries; returns them, and a note for each that cannot be read."""
    found: list[RuleSet] = []
    notes: list[str] = []
    for number, document in enumerate(documents):
        try:
            found.append(RuleSet.from_document(document))
        except InvalidInput as error:
            notes.append(f"rule set {number} of the bundle cannot be read: {error}")
    return found, notes


def made_by_broker(rulebook: Rulebook, known: Iterable[RuleSet]) -> list[str]:
    """Return the labels of the judging rule sets that are in nobody's hands but the broker's.

    One that differs from a known rule set in nothing but its effective date is that one.
    """
    contents = [_undated(ruleset) for ruleset in known]
    return [ruleset.label for ruleset in rulebook.candidates if _undated(ruleset) not in contents]


def _undated(ruleset: RuleSet) -> dict[str, object]:
    return {name: value for name, value in ruleset.document.items() if name != "effective_from"}
