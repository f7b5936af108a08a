"""The seam between the platform and a domain: what a domain of evidence is, and what it is asked.

The platform (intake, replay, verifier, report) takes a domain as a value and knows no record type's name. Of what a
domain has no use for, it keeps the answer that stands here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from domain.claim import Claim
from domain.comparison import Comparison, Resolve
from domain.entries import FindEntry
from domain.fact import Fact
from domain.finding import Code, Finding
from domain.gate import Gate
from domain.house import House, HouseRules
from domain.record_type import RecordType
from domain.ruleset import AnyRuleSet
from domain.vocabulary import Vocabulary
from domain.words import Words
from primitives.errors import InvalidInput
from primitives.shapes import Shape

State = TypeVar("State")
Rules = TypeVar("Rules", bound=AnyRuleSet)
Kept = TypeVar("Kept", bound=House)
Find = Callable[[str], State | None]
"""The state of a pseudonym as of now in the order of the log; None where its history is not at hand."""


@dataclass(frozen=True)
class Surroundings(Generic[State, Kept]):
    """What rules see beside the client's own state: the house records, the broker's DID, and other identities."""

    house: Kept
    broker: str | None
    find: Find[State]


@dataclass(frozen=True)
class Judgement:
    """What the rules say of a fact.

    Attributes:
        findings: what it breaks.
        not_asked: what the rules did not see; empty where they saw all.
        looked_at: the pseudonyms of other identities whose states they saw.
    """

    findings: tuple[Finding, ...]
    not_asked: str = ""
    looked_at: tuple[str, ...] = ()


class Domain(ABC, Generic[State, Rules, Kept]):
    """One domain. `State` is what is known of a client, `Rules` its rule sets, `Kept` its house records.

    Attributes:
        name: under which the client's state is kept.
        types: the record types by code; no code is another domain's.
        codes: what its findings mean, by code.
        stages: the parts of a report in which its records stand, in their order.
        claims: what a client may claim.
        ruleset_format: the `format` of its rule-set documents.
        computes: by record type, what a caller states where the domain's own engine states the payload.
        house_rules: what it says of house records, where it has any.
        counted: the record types that rules count in other identities of the same client.
        vocabulary: what a report calls its fields, codes and rules.
    """

    name: ClassVar[str]
    types: Mapping[str, RecordType[State, Any]]
    codes: Mapping[str, Code]
    stages: Mapping[str, Words]
    claims: tuple[Claim, ...] = ()
    ruleset_format: ClassVar[str]
    computes: Mapping[str, Shape[dict[str, Any]]] = {}
    house_rules: HouseRules | None = None
    counted: frozenset[str] = frozenset()
    vocabulary: Vocabulary = Vocabulary()

    # Rule sets

    @abstractmethod
    def read_ruleset(self, document: object) -> Rules:
        """Check a parsed rule-set document.

        Raises:
            InvalidInput: a field is missing, unknown or out of range, or the parts contradict each other.
        """

    def packaged_rulesets(self) -> Mapping[str, Rules]:
        """Return the rule sets that travel with the product, by `<id>@<version>`."""
        return {}

    # State

    @abstractmethod
    def start(self) -> State:
        """Return the state of a client of whom nothing is recorded."""

    @abstractmethod
    def state_to_json(self, state: State) -> dict[str, Any]:
        """Return a state as a JSON object."""

    @abstractmethod
    def state_from_json(self, document: object) -> State:
        """Read what `state_to_json` made; raises InvalidInput."""

    def entries_to_json(self, state: State) -> dict[str, Any]:
        """Return what a state holds under keys (`domain.entries`) and has changed since it was read: JSON, by key."""
        del state
        return {}

    def reading(self, state: State, find: FindEntry) -> State:
        """Return a state that finds under keys what it does not hold, as `entries_to_json` made it."""
        del find
        return state

    def written(self, state: State) -> State:
        """Return a state without what it held under keys: that was written."""
        return state

    def fold(self, state: State, fact: Fact) -> State:
        """Return what is known after a fact; no rule set has a say in that."""
        return self.types[fact.type].fold(state, fact)

    # House records

    @abstractmethod
    def empty_house(self) -> Kept:
        """Return the house before its first record."""

    def thing_of(self, payload: Mapping[str, Any]) -> str | None:
        """Return what a payload is about, where house records are about such things."""
        del payload
        return None

    def named_house_record(self, type_: str, payload: Mapping[str, Any]) -> str | None:
        """Return the fingerprint (hex) of the house record that a payload names, if it names one."""
        del type_, payload
        return None

    # Rules

    @abstractmethod
    def gate(
        self,
        state: State,
        act: str,
        at_ms: int,
        ruleset: Rules,
        details: Mapping[str, Any],
        seen: Surroundings[State, Kept],
    ) -> Gate:
        """Say whether an act is allowed now; `details` is what is known of its payload, and well formed."""

    @abstractmethod
    def judge(self, state: State, fact: Fact, ruleset: Rules, seen: Surroundings[State, Kept]) -> Judgement:
        """Return what a fact breaks, seen from the state before it."""

    # Results

    def compute(
        self, state: State, type_: str, asked: Mapping[str, Any], at_ms: int, ruleset: Rules, house: Kept
    ) -> dict[str, Any]:
        """Let the engine state a payload, from what is recorded.

        Raises:
            Refused: `compute-inputs-not-found`, what it must be computed from is not recorded.
        """
        del state, asked, at_ms, ruleset, house
        raise InvalidInput("compute", "record-type", f"{type_} is not computed")

    def re_execute(self, facts: Iterable[Fact], resolve: Resolve) -> tuple[Comparison, ...]:
        """Compute every stored result again.

        Args:
            facts: the client's records of this domain, in the order of their sequence.
            resolve: a rule set by label.
        """
        del facts, resolve
        return ()

    # Texts that a client signs

    def known_fields(self, type_: str, state: State, now_ms: int) -> dict[str, Any]:
        """Return the fields of a client's act that the records tell already."""
        del type_, state, now_ms
        return {}

    def known_values(self, state: State, fields: Mapping[str, Any], house: Kept, now_ms: int) -> dict[str, Any]:
        """Return what the records tell for the text of an act with these fields."""
        del state, fields, house, now_ms
        return {}


AnyDomain = Domain[Any, Any, Any]
