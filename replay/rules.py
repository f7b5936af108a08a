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
 7. An opinion whose rating is not among the records is a finding. Rules about its product are asked all the same,
    and counted as asked with less than they need.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from domain.fact import Fact
from domain.finding import Finding
from domain.second_person import signed_by
from evidence.documents.product_subject import product_subject
from replay.folding import fold_shown
from replay.former import Former
from replay.records import CannotRead, Record, fact_of
from replay.rulebook import NotAtHand, Rulebook
from suitability.act import product_of
from suitability.ratings import Ratings
from suitability.replay import Comparison, re_execute
from suitability.states import broken, fold
from suitability.subject import Rating, SubjectState

_ALL_SHOWN: Mapping[str, Collection[str]] = {}
_NO_ENDS: Mapping[str, int] = {}
_OPINION, _RATING, _APPLICATION = "MATCH_OPINION", "PRODUCT_RATE", "BIZ_APPLY"
NOT_DERIVED = (
    "RATING_NOT_DERIVED",
    "rating.subject",
    "its rating lies on a pseudonym that is not derived from the product: other ratings of it may not be shown",
)
"""Code, rule and sentence of a finding; the node notes it at intake, at the rating itself."""


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
    """
    ordered = sorted(records, key=lambda record: record.log_index)  # (1)
    run = _Run(subject, rulebook, proven, Former(ordered, subject, ends))
    for record in ordered:
        run.take(record)
    facts = tuple(sorted(run.facts, key=lambda entry: entry[0]))
    return Reexecuted(
        facts=facts,
        comparisons=re_execute((fact for _, fact in facts), rulebook.by_label.get),
        findings=tuple(sorted(run.findings, key=lambda finding: finding.seq)),
        asked=tuple(sorted(run.asked, key=lambda entry: entry.seq)),
    )


def ratings_relied_on(type_: str, payload: Mapping[str, Any], ratings: Ratings, at_ms: int) -> list[Rating]:
    """Return the ratings on which an opinion or an application rests, as far as they are known.

    Args:
        type_: of the record.
        payload: of the record.
        ratings: what was logged before it.
        at_ms: when it happened.
    """
    product = product_of(payload)
    if product is None:
        return []
    if type_ == _OPINION:
        return [rating for rating in ratings.of(product) if rating.ref == payload["rating_ref"]]
    return list(ratings.at(product, at_ms).values()) if type_ == _APPLICATION else []


class _Run:
    """One client's records, one after the other."""

    def __init__(self, subject: str, rulebook: Rulebook, proven: Mapping[str, Collection[str]], former: Former) -> None:
        self._subject = subject
        self._former = former
        self._proven = proven
        self._ratings_unproven: set[str] = set()  # by fingerprint, the ratings of which it cannot be told who signed
        self._rulebook = rulebook
        self._state, self._ratings = SubjectState(), Ratings()
        self._shown: set[str] = set()  # the fingerprints of the ratings so far
        self._unrated: dict[str, str] = {}  # by product, the opinion whose rating is not shown
        self._blind = ""  # why the state is no longer known
        self._ratings_blind = ""  # why the ratings are no longer known
        self.facts: list[tuple[int, Fact]] = []
        self.findings: list[FoundFinding] = []
        self.asked: list[Asked] = []

    def take(self, record: Record) -> None:
        own = record.subject == self._subject
        self._former.take(record)
        try:
            fact = fact_of(record)
        except CannotRead as error:
            self._miss(record, str(error), own=own)
            return
        if record.record_id in self._proven:
            fact = replace(fact, payload=signed_by(fact.payload, self._proven[record.record_id]))
        if own:
            self.facts.append((record.seq, fact))
            self._ask(record, fact)
            self._state = fold(self._state, fact)  # (3)
        if fact.type == _RATING:
            if record.record_id in self._proven:
                self._ratings_unproven.add(fact.ref)
            derived = product_subject(record.envelope["broker"], str(fact.payload["product"]["id"]))
            rating = Rating(fact.ref, fact.payload)
            self._ratings = self._ratings.with_rating(rating, in_place=record.subject == derived)
            self._shown.add(fact.ref)

    def _miss(self, record: Record, reason: str, *, own: bool) -> None:
        if own:
            self.asked.append(Asked(record.seq, record.record_id, record.type, reason))
            after = fold_shown(self._state, record)
            if after is None:  # (2)
                self._blind = self._blind or f"{record.label} before it cannot be read"
            else:
                self._state = after
        if record.type == _RATING:
            self._ratings_blind = self._ratings_blind or f"a rating before it ({record.record_id}) cannot be read"

    def _ask(self, record: Record, fact: Fact) -> None:
        product = product_of(fact.payload)
        if fact.type == _OPINION and fact.payload["rating_ref"] not in self._shown:
            self._note(
                record, Finding("RATING_NOT_SHOWN", "opinion.rating", "the rating that it rests on is not shown")
            )
            if product is not None:
                self._unrated.setdefault(product, record.label)
        self._note(record, *self._ill_placed(fact))  # (4)
        reason = self._blind
        if product is not None and not reason:
            reason = self._ratings_blind
        if not reason:
            reason = self._judge(record, fact, product) or self._untold(record, fact)
        self.asked.append(Asked(record.seq, record.record_id, record.type, reason))

    def _ill_placed(self, fact: Fact) -> list[Finding]:
        used = ratings_relied_on(fact.type, fact.payload, self._ratings, fact.occurred_at)
        return [] if all(self._ratings.is_in_place(rating) for rating in used) else [Finding(*NOT_DERIVED)]

    def _judge(self, record: Record, fact: Fact, product: str | None) -> str:
        try:
            ruleset, about_it = self._rulebook.judging(fact)
        except NotAtHand as error:
            return str(error)
        before = self._former.before(self._state, fact, ruleset)  # (6)
        found = broken(self._state, fact, ruleset, self._ratings.at(product, fact.occurred_at), before)
        self._note(record, *about_it, *found)
        unseen = self._former.unseen(before, record)
        if unseen:
            return unseen
        unrated = None if product is None else self._unrated.get(product)
        return "" if unrated is None else f"the rating of {product} that {unrated} rests on is not shown"  # (7)

    def _untold(self, record: Record, fact: Fact) -> str:
        """Say of whom it cannot be told whether they signed; empty where there is nobody."""
        if record.record_id in self._proven:
            return "who signed it as the second person cannot be told"  # (5)
        used = ratings_relied_on(fact.type, fact.payload, self._ratings, fact.occurred_at)
        if any(rating.ref in self._ratings_unproven for rating in used):
            return "who signed the rating that it rests on cannot be told"
        return ""

    def _note(self, record: Record, *found: Finding) -> None:
        self.findings += [
            FoundFinding(record.seq, record.record_id, item.code, item.rule, item.detail) for item in found
        ]
