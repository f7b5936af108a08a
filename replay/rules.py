"""Every engine result again, every rule again: what the records of one client say today.

The same function serves the node's replay and the offline verifier. It says of every record whether the rules were
asked with all that they need, and where not, why: a rule that was never asked must not look like one that was kept.

 1. Records are read in the order of the log: a rule sees what was logged before its act, ratings included.
 2. A record that cannot be read whole is named. Where its payload would have changed the client's state, that state is
    unknown from there on, and no rule is asked of what follows.
 3. A record is folded into the state whether or not its rules could be asked: what follows would else look broken.
 4. Whoever applies for a product, or gets an opinion on it, relies on its rating. Where that does not lie on the
    pseudonym derived from broker and product (docs/spec/evidence.md, 5.1), others may lie elsewhere: a finding. Once
    one lies there, those elsewhere count for nothing.
 5. Of who signed as the second person count those who are proven. Where it cannot be told who else did, the record is
    named, and so is what rests on it.
 6. Where the rule set has the limits over time count the client's identities before, those records are read along, in
    the same order. Where they are not at hand, hide what is counted or end too early, the act is asked with what there
    is, and named.
 7. Of a history that continues an earlier one, the earlier records of the same client come first: they are folded,
    and their rules are not asked here. Where they are not shown, or a record was erased, the client's state is unknown
    from there on, and the erased record is named.
 8. An opinion whose rating is not among the records is a finding. Rules about its product are asked all the same,
    and counted as asked with less than they need.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from domain.comparison import Comparison
from domain.domain import AnyDomain, Surroundings
from domain.domains import States
from domain.fact import Fact
from domain.finding import Finding
from domain.house import House
from domain.second_person import signed_by
from evidence.documents.product_subject import product_subject
from replay.folding import fold_shown
from replay.former import Former
from replay.records import CannotRead, Record, fact_of
from replay.rulebook import NotAtHand, Rulebook

_ALL_SHOWN: Mapping[str, Collection[str]] = {}
_NO_ENDS: Mapping[str, int] = {}


@dataclass(frozen=True)
class FoundFinding:
    """A finding of the re-executed rules, at the record that broke them."""

    seq: int
    record_id: str
    code: str
    rule: str
    detail: str


@dataclass(frozen=True)
class Asked:
    """Whether the rules were asked of a record with all that they need; `reason` says why not, and is else empty."""

    seq: int
    record_id: str
    type: str
    reason: str = ""

    @property
    def whole(self) -> bool:
        """Tell whether nothing was missing."""
        return not self.reason


@dataclass(frozen=True)
class Past:
    """What a client's own records do not show of the history.

    Attributes:
        earlier: the records of the same client's histories that this one continues.
        hidden: why the state at the first record is not known; empty where it is.
        gaps: by place, why a record of the client is not there.
    """

    earlier: Sequence[Record] = ()
    hidden: str = ""
    gaps: Mapping[int, str] = field(default_factory=dict)


NO_PAST = Past()
_GONE = "erased"  # stands for the type of a record of which nobody knows it


@dataclass(frozen=True)
class Reexecuted:
    """What the engines and the rules say today to what was recorded then. `facts` are those that could be read."""

    facts: tuple[tuple[int, Fact], ...]
    comparisons: tuple[Comparison, ...]
    findings: tuple[FoundFinding, ...]
    asked: tuple[Asked, ...]

    def with_findings(self, more: Iterable[FoundFinding]) -> Reexecuted:
        """Return the same with findings from elsewhere, where none of that code is at that record."""
        known = {(finding.record_id, finding.code) for finding in self.findings}
        new = [finding for finding in more if (finding.record_id, finding.code) not in known]
        findings = sorted((*self.findings, *new), key=lambda finding: finding.seq)
        return replace(self, findings=tuple(findings))

    @property
    def not_asked(self) -> tuple[Asked, ...]:
        """The records whose rules were not asked, or with less than they need."""
        return tuple(entry for entry in self.asked if not entry.whole)

    @property
    def summary(self) -> str:
        """How many records had their rules asked, in one phrase."""
        return f"rules asked of {len(self.asked) - len(self.not_asked)} of {len(self.asked)} records"


def re_run(
    records: Iterable[Record],
    subject: str,
    rulebook: Rulebook,
    proven: Mapping[str, Collection[str]] = _ALL_SHOWN,
    *,
    ends: Mapping[str, int] = _NO_ENDS,
    past: Past = NO_PAST,
) -> Reexecuted:
    """Re-execute a client's history.

    Args:
        records: the client's records, the whole chains of those that they refer to, and those of the client's
            identities before, as far as they are at hand.
        subject: the client's pseudonym.
        rulebook: the rule sets that the history is judged by.
        proven: by record_id, where it cannot be told who signed a record as the second person, the keys (hex) of those
            of whom it can; see `replay.signers`. No others count.
        ends: by the pseudonym of an identity before, the last log index that its records are complete for, where they
            are not for all.
        past: what these records do not show of the history.
    """
    ordered = _in_order(records, rulebook)  # (1)
    run = _Run(subject, rulebook, proven, Former(ordered, subject, ends, rulebook.domains), past)
    for record in ordered:
        run.take(record)
    facts = tuple(sorted(run.facts, key=lambda entry: entry[0]))
    return Reexecuted(
        facts=facts,
        comparisons=_compared([fact for _, fact in facts], rulebook),
        findings=tuple(sorted(run.findings, key=lambda finding: finding.seq)),
        asked=tuple(sorted(run.asked, key=lambda entry: entry.seq)),
    )


def _in_order(records: Iterable[Record], rulebook: Rulebook) -> list[Record]:
    return sorted(map(rulebook.named, records), key=lambda record: record.log_index)


def _compared(facts: Sequence[Fact], rulebook: Rulebook) -> tuple[Comparison, ...]:
    """Compute every stored result again, domain by domain."""
    return tuple(
        comparison
        for domain in rulebook.domains
        for comparison in domain.re_execute(
            [fact for fact in facts if rulebook.domains.of(fact.type) is domain], partial(rulebook.of_domain, domain)
        )
    )


@dataclass
class _Place:
    """What one domain knows as of now in the order of the log: the house records, and what hides its view."""

    house: House
    blind: str = ""  # why the client's state is no longer known
    house_blind: str = ""  # why the house records are no longer known
    unshown: dict[str, str] = field(default_factory=dict)  # by thing, the record whose house record is not shown


class _Run:
    """One client's records, one after the other."""

    def __init__(
        self, subject: str, rulebook: Rulebook, proven: Mapping[str, Collection[str]], former: Former, past: Past
    ) -> None:
        self._subject = subject
        self._former = former
        self._proven = proven
        self._rulebook = rulebook
        self._domains = rulebook.domains
        self._states: States = {}
        self._places = {domain.name: _Place(domain.empty_house()) for domain in self._domains}
        self._shown: set[str] = set()  # the fingerprints of the house records so far
        self._unproven: set[str] = set()  # of those the ones of which it cannot be told who signed
        self.facts: list[tuple[int, Fact]] = []
        self.findings: list[FoundFinding] = []
        self.asked: list[Asked] = []
        self._gaps = dict(sorted(past.gaps.items()))
        for record in _in_order(past.earlier, rulebook):  # (7)
            self._fold_unread(record, known=self._domain_of(record))
        if past.hidden:
            self._hide(past.hidden)

    def take(self, record: Record) -> None:
        own = record.subject == self._subject
        self._former.take(record)
        if own:
            self._pass_gaps(record.seq)
        try:
            fact = fact_of(record, self._domains)
        except CannotRead as error:
            self._miss(record, str(error), own=own)
            return
        if record.record_id in self._proven:
            fact = replace(fact, payload=signed_by(fact.payload, self._proven[record.record_id]))
        if own:
            self.facts.append((record.seq, fact))
            self._ask(record, fact, self._domains.of(fact.type))
            self._states = self._domains.fold(self._states, fact)  # (3)
        self._keep(record, fact)

    def _keep(self, record: Record, fact: Fact) -> None:
        """Keep a house record."""
        domain = self._domains.of(fact.type)
        if domain.house_rules is None or fact.type not in domain.house_rules.types:
            return
        if record.record_id in self._proven:
            self._unproven.add(fact.ref)
        derived = product_subject(record.envelope["broker"], str(domain.thing_of(fact.payload)))
        place = self._places[domain.name]
        place.house = place.house.with_record(fact.ref, fact.payload, in_place=record.subject == derived)
        self._shown.add(fact.ref)

    def _miss(self, record: Record, reason: str, *, own: bool) -> None:
        domain = self._domain_of(record)
        if own:
            self.asked.append(Asked(record.seq, record.record_id, record.type, reason))
            self._fold_unread(record, known=domain)
        if domain is not None and domain.house_rules is not None and record.type in domain.house_rules.types:
            place = self._places[domain.name]
            noun = domain.house_rules.noun
            place.house_blind = place.house_blind or f"a {noun} before it ({record.record_id}) cannot be read"

    def _domain_of(self, record: Record) -> AnyDomain | None:
        return self._domains.of(record.type) if record.type in self._domains.types else None

    def _fold_unread(self, record: Record, known: AnyDomain | None) -> None:
        """Fold a record of which no rule is asked, as far as it can be read."""
        after = fold_shown(self._states, record, self._domains)
        if after is not None:
            self._states = after
        elif known is not None:  # (2)
            place = self._places[known.name]
            place.blind = place.blind or f"{record.label} before it cannot be read"

    def _pass_gaps(self, seq: int) -> None:
        for gap in [place for place in self._gaps if place < seq]:
            reason = self._gaps.pop(gap)
            self.asked.append(Asked(gap, "", _GONE, reason))
            self._hide(f"record {gap} before it is not shown: {reason}")

    def _hide(self, reason: str) -> None:
        """Forget the client's state: what is not shown may have changed it."""
        for place in self._places.values():
            place.blind = place.blind or reason

    def _ask(self, record: Record, fact: Fact, domain: AnyDomain) -> None:
        thing, place = domain.thing_of(fact.payload), self._places[domain.name]
        if domain.house_rules is not None:
            named = domain.named_house_record(fact.type, fact.payload)
            if named is not None and named not in self._shown:
                self._note(record, domain.house_rules.not_shown)
                if thing is not None:
                    place.unshown.setdefault(thing, record.label)
            if not all(used.in_place for used in place.house.relied_on(fact.type, fact.payload, fact.occurred_at)):
                self._note(record, domain.house_rules.not_derived)  # (4)
        reason = place.blind
        if thing is not None and not reason:
            reason = place.house_blind
        if not reason:
            reason = self._judge(record, fact, domain) or self._untold(record, fact, domain)
        self.asked.append(Asked(record.seq, record.record_id, record.type, reason))

    def _judge(self, record: Record, fact: Fact, domain: AnyDomain) -> str:
        try:
            ruleset, about_it = self._rulebook.judging(fact)
        except NotAtHand as error:
            return str(error)
        place = self._places[domain.name]
        seen = Surroundings(place.house, fact.broker, self._former.find(domain))
        judged = domain.judge(self._domains.state(self._states, fact.type)[1], fact, ruleset, seen)  # (6)
        self._note(record, *about_it, *judged.findings)
        unseen = self._former.unseen(judged, record)
        if unseen:
            return unseen
        thing = domain.thing_of(fact.payload)
        unshown = None if thing is None else place.unshown.get(thing)
        if unshown is None or domain.house_rules is None:
            return ""
        return f"the {domain.house_rules.noun} of {thing} that {unshown} rests on is not shown"  # (8)

    def _untold(self, record: Record, fact: Fact, domain: AnyDomain) -> str:
        """Say of whom it cannot be told whether they signed; empty where there is nobody."""
        if record.record_id in self._proven:
            return "who signed it as the second person cannot be told"  # (5)
        used = self._places[domain.name].house.relied_on(fact.type, fact.payload, fact.occurred_at)
        if domain.house_rules is not None and any(entry.ref in self._unproven for entry in used):
            return f"who signed the {domain.house_rules.noun} that it rests on cannot be told"
        return ""

    def _note(self, record: Record, *found: Finding) -> None:
        self.findings += [
            FoundFinding(record.seq, record.record_id, item.code, item.rule, item.detail) for item in found
        ]
