"""The domains of one node or one verifier, asked as one: each record goes to the domain that knows its type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from domain.domain import AnyDomain
from domain.entries import FindEntry
from domain.fact import Fact
from domain.finding import Code
from domain.record_type import RecordType
from domain.ruleset import AnyRuleSet
from domain.second_person import SecondPerson
from domain.texts import Document
from domain.vocabulary import Vocabulary
from domain.whole import require_whole
from domain.words import Words
from primitives.errors import CouldNotCheck, InvalidInput
from primitives.registry import by_key
from primitives.shapes import OneOf, Shape

NOT_INSTALLED = "domain-not-installed"
_INSTALL = "the distribution that brings its domain is not installed"
States = Mapping[str, Any]
"""What is known of one client, by the names of the domains that know something."""


class Domains:
    """Some domains, none of which shares a name that others find something by with another."""

    def __init__(self, *domains: AnyDomain) -> None:
        """Put domains together.

        Raises:
            ValueError: two share a name, record type, code, stage, claim or format of rule sets, there is none, or
                one is not whole (`domain.whole`).
        """
        if not domains:
            raise ValueError("there is no domain")
        self._by_name = by_key(domains, lambda domain: domain.name)
        owned = by_key(((code, domain) for domain in domains for code in domain.types), lambda item: item[0])
        self._by_type = dict(owned.values())
        self.types: Mapping[str, RecordType[Any, Any]] = {code: self._by_type[code].types[code] for code in owned}
        meanings = by_key((item for domain in domains for item in domain.codes.items()), lambda item: item[0])
        self.codes: Mapping[str, Code] = dict(meanings.values())
        stages = by_key((item for domain in domains for item in domain.stages.items()), lambda item: item[0])
        self.stages: Mapping[str, Words] = dict(stages.values())
        claims = by_key(((claim.name, claim) for domain in domains for claim in domain.claims), lambda item: item[0])
        self.claims = tuple(dict(claims.values()).values())
        by_key(domains, lambda domain: domain.ruleset_format)
        for domain in domains:
            require_whole(domain)
        self.code = OneOf(*self.types, rule="record-type")

    def __iter__(self) -> Iterator[AnyDomain]:
        """Iterate over the domains, in the order in which they were given."""
        return iter(self._by_name.values())

    @property
    def first(self) -> AnyDomain:
        """The first domain."""
        return next(iter(self))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of all domains; of a name that two of them use, those of the first."""
        parts = [domain.vocabulary for domain in reversed(list(self))]
        return Vocabulary(
            fields={name: words for part in parts for name, words in part.fields.items()},
            values={code: words for part in parts for code, words in part.values.items()},
            coded=frozenset().union(*(part.coded for part in parts)),
            duties={rule: duty for part in parts for rule, duty in part.duties.items()},
            sentences=tuple(words for part in reversed(parts) for words in part.sentences),
            seen=frozenset().union(*(part.seen for part in parts)),
            persons=frozenset().union(*(part.persons for part in parts)),
        )

    def of(self, type_: str) -> AnyDomain:
        """Return the domain of a record type; KeyError where no domain knows it."""
        return self._by_type[type_]

    def types_where(self, holds: Callable[[RecordType[Any, Any]], bool]) -> frozenset[str]:
        """Return the codes of the record types for which something holds."""
        return frozenset(code for code, entry in self.types.items() if holds(entry))

    @cached_property
    def client_acts(self) -> frozenset[str]:
        """The types that owe the client's signature."""
        return self.types_where(lambda entry: entry.signer == "client")

    @cached_property
    def node_types(self) -> frozenset[str]:
        """The types that the broker's node alone writes."""
        return self.types_where(lambda entry: entry.signer == "node")

    @cached_property
    def staff_acts(self) -> Mapping[str, SecondPerson]:
        """The types that take a second person of the broker's staff."""
        return {code: entry.second_person for code, entry in self.types.items() if entry.second_person is not None}

    @cached_property
    def computes(self) -> Mapping[str, Shape[dict[str, Any]]]:
        """What a domain's engine can state, by record type."""
        return {code: shape for domain in self for code, shape in domain.computes.items()}

    @cached_property
    def documents(self) -> Mapping[str, Document]:
        """The texts that clients are shown, by `<id>@<version>`."""
        found = [Document.from_template(text) for entry in self.types.values() for text in entry.texts]
        return by_key(sorted(found, key=lambda document: document.name), lambda document: document.name)

    # Payloads

    def check_payload(self, code: str, payload: object) -> dict[str, Any]:
        """Check a payload and return a copy of it, with its fields as they were spelled.

        Raises:
            InvalidInput: unknown record type, or the dotted field of the payload and the rule that it breaks.
        """
        return self.types[self.code.read(code, "type")].payload.read(payload, "payload")

    # Texts

    def document(self, name: str) -> Document:
        """Return a text by `<id>@<version>`.

        Raises:
            InvalidInput: rule `document-version`: no such text.
        """
        found = self.documents.get(name)
        if found is None:
            raise InvalidInput("document", "document-version", "is not a known document version")
        return found

    def document_for(self, type_: str) -> Document:
        """Return the newest text of a record type.

        Raises:
            InvalidInput: rule `document-type`: it has none.
        """
        found = [document for document in self.documents.values() if document.type == type_]
        if not found:
            raise InvalidInput("type", "document-type", f"{type_} has no document")
        return max(found, key=lambda document: document.order)

    # States

    def state(self, states: States, type_: str) -> tuple[AnyDomain, Any]:
        """Return the domain of a record type, and what it knows of a client."""
        domain = self.of(type_)
        return domain, states[domain.name] if domain.name in states else domain.start()

    def fold(self, states: States, fact: Fact) -> States:
        """Return what is known after a fact."""
        domain, state = self.state(states, fact.type)
        return {**states, domain.name: domain.fold(state, fact)}

    def folds_unseen(self, type_: str, shown: Mapping[str, Any]) -> bool:
        """Tell whether a record that shows no more is folded all the same; an unknown type changes nothing."""
        return type_ not in self.types or self.types[type_].folds_unseen(shown)

    def states_to_json(self, states: States) -> dict[str, Any]:
        """Return what is known of a client as a JSON object."""
        return {name: self._by_name[name].state_to_json(state) for name, state in states.items()}

    def states_from_json(self, document: Mapping[str, Any]) -> States:
        """Read what `states_to_json` made.

        Raises:
            InvalidInput: a domain cannot read its own.
            CouldNotCheck: `domain-not-installed`.
        """
        gone = ", ".join(sorted(document.keys() - self._by_name.keys()))
        if gone:
            raise CouldNotCheck(
                NOT_INSTALLED, f"what is known of a client by the domain {gone} is kept here: {_INSTALL}"
            )
        return {name: self._by_name[name].state_from_json(state) for name, state in document.items()}

    def entries_to_json(self, states: States) -> dict[str, Any]:
        """Return what is held under keys and has changed: JSON, by `<domain>/<key>`."""
        return {
            f"{name}/{key}": value
            for name, state in states.items()
            for key, value in self._by_name[name].entries_to_json(state).items()
        }

    def reading(self, states: States, find: FindEntry) -> States:
        """Return what is known, with where that is found which is held under keys."""
        return {
            name: self._by_name[name].reading(state, lambda key, name=name: find(f"{name}/{key}"))  # type: ignore[misc]
            for name, state in states.items()
        }

    def written(self, states: States) -> States:
        """Return what is known without what was written under keys."""
        return {name: self._by_name[name].written(state) for name, state in states.items()}

    # Rule sets

    def read_ruleset(self, document: object) -> AnyRuleSet:
        """Check a parsed rule-set document of any of these domains; raises InvalidInput."""
        ruleset: AnyRuleSet = self._of_document(document).read_ruleset(document)
        return ruleset

    def read_kept_ruleset(self, document: object) -> AnyRuleSet:
        """Read a rule set that was checked when it was installed.

        Raises:
            CouldNotCheck: `domain-not-installed`: it was installed when other domains were.
        """
        if not any(domain.ruleset_format == _format_of(document) for domain in self):
            raise CouldNotCheck(NOT_INSTALLED, f"a rule set of the format {_format_of(document)} is in use: {_INSTALL}")
        return self.read_ruleset(document)

    def packaged_rulesets(self) -> dict[str, AnyRuleSet]:
        """Return the rule sets that travel with the product, by `<id>@<version>`."""
        return {name: ruleset for domain in self for name, ruleset in domain.packaged_rulesets().items()}

    def of_domain(self, domain: AnyDomain, rulesets: Iterable[AnyRuleSet]) -> list[AnyRuleSet]:
        """Return the rule sets of one domain."""
        return [ruleset for ruleset in rulesets if self._of_document(ruleset.document) is domain]

    def _of_document(self, document: object) -> AnyDomain:
        stated = _format_of(document)
        return next((domain for domain in self if domain.ruleset_format == stated), self.first)


def _format_of(document: object) -> object:
    return document.get("format") if isinstance(document, Mapping) else None
