"""Which rule set a record is judged by.

Every record that the broker made names the rule set of its day, and the name holds a digest: it is sealed with the
record. So such a record is judged by the rule set that it names. The client's own acts are judged by the rule set in
force when they happened, whatever they name: a client's wallet may leave the name out, and the client's word does not
choose the broker's rules. A record of the broker that names no rule set, one of another domain, or another one than was
in force, is a finding of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from domain.domain import AnyDomain
from domain.domains import Domains
from domain.fact import Fact
from domain.finding import Finding
from domain.opening import OPENING
from domain.ruleset import AnyRuleSet, in_force, whole_label
from primitives.errors import InvalidInput
from replay.installed import INSTALLED
from replay.records import Record

_CODE, _RULE = "RULESET_NOT_IN_FORCE", "ruleset.in-force"


class NotAtHand(Exception):
    """The rule set that would judge a record is not at hand; the message is the reason, for a person."""


@dataclass(frozen=True)
class Rulebook:
    """The rule sets of one history.

    A record is judged by the rule sets of the domain that knows its type.

    Attributes:
        domains: what knows the record types.
        by_label: every rule set at hand, under the label of either format (16 digits of its digest, or all of them).
        candidates: those that may have been in force.
        missing: by the name of a domain, the labels that may be of one of its own, and that nobody has. Which domain's
            a rule set is that a record of an unknown type names, nobody can tell: it counts for each.
    """

    domains: Domains
    by_label: Mapping[str, AnyRuleSet]
    candidates: Sequence[AnyRuleSet]
    missing: Mapping[str, Sequence[str]]

    def judging(self, fact: Fact) -> tuple[AnyRuleSet, tuple[Finding, ...]]:
        """Return the rule set that judges a fact, and the findings about the choice of it.

        Raises:
            NotAtHand: it cannot be known.
        """
        if fact.type in self.domains.client_acts or fact.type == OPENING:  # whom it opens for, signs it
            return self._at(fact), ()
        if fact.ruleset is None:
            found = self._at(fact)
            return found, (Finding(_CODE, _RULE, f"names no rule set; {found.label} was in force"),)
        named = self.by_label.get(fact.ruleset)
        if named is None:
            raise NotAtHand(f"rule set {fact.ruleset} is not at hand")
        domain = self.domains.of(fact.type)
        if self.of_domain(domain, named.label) is None:  # it has no rules for such a record: as if it named none
            found = self._at(fact)
            return found, (Finding(_CODE, _RULE, f"names {named.label} of another domain; {found.label} was in force"),)
        current = self._in_force(fact)
        if current is None or current.label == named.label:
            return named, ()
        return named, (Finding(_CODE, _RULE, f"made under {named.label}, not {current.label}"),)

    def named(self, record: Record) -> Record:
        """Return a record that names its rule set as its domain does, where the one that it means is at hand."""
        label = record.envelope["ruleset"]
        found = self.by_label.get(str(label))
        if found is None or found.label == label or self.by_label[found.label] is not found:
            return record
        return replace(record, envelope={**record.envelope, "ruleset": found.label})

    @cached_property
    def _candidates_of(self) -> Mapping[str, Sequence[AnyRuleSet]]:
        return {domain.name: self.domains.of_domain(domain, self.candidates) for domain in self.domains}

    def of_domain(self, domain: AnyDomain, label: str) -> AnyRuleSet | None:
        """Return a rule set of one domain by its label; None where it is not at hand, or another domain's."""
        return next(iter(self.domains.of_domain(domain, filter(None, [self.by_label.get(label)]))), None)

    def _at(self, fact: Fact) -> AnyRuleSet:
        missing = self.missing[self.domains.of(fact.type).name]
        if missing:
            raise NotAtHand(f"rule set {missing[0]}, which may have been in force, is not at hand")
        found = self._in_force(fact)
        if found is None:
            raise NotAtHand("no rule set is at hand")
        return found

    def _in_force(self, fact: Fact) -> AnyRuleSet | None:
        """Return the rule set in force; before the first one took effect, that first one."""
        candidates = self._candidates_of[self.domains.of(fact.type).name]
        first = min(candidates, key=lambda ruleset: ruleset.effective_from, default=None)
        return in_force(candidates, fact.occurred_at) or first


def rulebook_of(
    history: Iterable[Record],
    used: Iterable[AnyRuleSet],
    known: Iterable[AnyRuleSet] = (),
    *,
    domains: Domains = INSTALLED,
) -> Rulebook:
    """Return the rule sets that a history is judged by.

    Args:
        history: the client's records.
        used: the rule sets that the broker is known, or says, to have used.
        known: rule sets that count only where a record names them, such as the packaged ones. They come first: one
            label is one rule set, unless its maker searched for two with one digest.
        domains: the domains whose rule sets these are.
    """
    at_hand: dict[str, AnyRuleSet] = {}
    for ruleset in (*known, *(broker := tuple(used))):
        for label in (ruleset.label, whole_label(ruleset)):
            at_hand.setdefault(label, ruleset)
    named: dict[str, list[str]] = {}  # by label, the types of the records that name it
    for record in history:
        if record.envelope["ruleset"]:
            named.setdefault(str(record.envelope["ruleset"]), []).append(record.type)
    labels = dict.fromkeys((*(ruleset.label for ruleset in broker), *named))
    candidates = list({id(at_hand[label]): at_hand[label] for label in labels if label in at_hand}.values())
    missing = {
        domain.name: [
            label
            for label, types in named.items()
            if label not in at_hand and any(type_ in domain.types or type_ not in domains.types for type_ in types)
        ]
        for domain in domains
    }
    return Rulebook(domains, at_hand, candidates, missing)


def read_rulesets(
    documents: Iterable[Mapping[str, object]], domains: Domains = INSTALLED
) -> tuple[list[AnyRuleSet], list[str]]:
    """Read the rule sets that a bundle carries; returns them, and a note for each that cannot be read."""
    found: list[AnyRuleSet] = []
    notes: list[str] = []
    for number, document in enumerate(documents):
        try:
            found.append(domains.read_ruleset(document))
        except InvalidInput as error:
            notes.append(f"rule set {number} of the bundle cannot be read: {error}")
    return found, notes


def made_by_broker(rulebook: Rulebook, known: Iterable[AnyRuleSet]) -> list[str]:
    """Return the labels of the judging rule sets that are in nobody's hands but the broker's.

    One that differs from a known rule set in nothing but its effective date is that one.
    """
    contents = [_undated(ruleset) for ruleset in known]
    return [ruleset.label for ruleset in rulebook.candidates if _undated(ruleset) not in contents]


def _undated(ruleset: AnyRuleSet) -> dict[str, object]:
    return {name: value for name, value in ruleset.document.items() if name != "effective_from"}
