"""A record type: all that it is, in one value. What lists of record types are needed is derived from these."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar

from domain.fact import Fact
from domain.finding import Finding
from domain.second_person import FIELD, SIGNATURES, SecondPerson
from domain.words import LANGUAGES, Words
from primitives.shapes import Fields, Hex, Named, OneOf, Shape

Members = Mapping[str, Shape[Any]]
State = TypeVar("State")
Act = TypeVar("Act")

SHOWN_TEXT: Members = {"lang": OneOf(*LANGUAGES), "text_sha256": Hex(32)}
"""What a record says of the text that the client was shown."""


def unchanged(state: State, _: Fact) -> State:
    """Fold a fact of which nothing later depends."""
    return state


@dataclass(frozen=True)
class RecordType(Generic[State, Act]):
    """One record type.

    Attributes:
        code: its name in envelopes.
        words: its name in reports.
        specified: its row in the specification.
        must: the payload's fields, each with its shape; `fields` is the whole of it.
        may: the fields that may be left out; `optional` is the whole of it.
        of_house: whether it is one of the broker's own records on which later decisions rest: a node finds these
            without reading its log.
        asked_with: what a gate call may name beside the payload's fields.
        signer: `client`: it is the client's own act and owes the client's signature, with the text that was shown;
            `broker`: the broker's systems send it; `node`: the node alone writes it, since a caller who could would
            give evidence of what never happened.
        second_person: who of the broker's staff signs it, where it takes two persons.
        spans: checks what spans several fields of a payload, and raises InvalidInput.
        rules: what an act may break, in the order in which a gate names the first that is broken.
        fold: what is known after it.
        folds_the_same: whether it is folded the same whatever the rest of a payload of which this is shown.
        stage: the part of a report where it stands.
        summary: of a computed result, the fields that a report sets side by side.
        text_values: what the text needs of the record that a field refers to: field -> (its record type, the value).
        texts: the templates of the text that its signer is shown, in every version (`bonafides.document/1`).
    """

    code: str
    words: Words
    specified: str
    must: Members
    may: Members = field(default_factory=dict)
    of_house: bool = False
    asked_with: Members = field(default_factory=dict)
    signer: Literal["client", "broker", "node"] = "broker"
    second_person: SecondPerson | None = None
    spans: Callable[[Mapping[str, Any]], None] | None = None
    rules: tuple[Callable[[State, Act], Iterator[Finding]], ...] = ()
    fold: Callable[[State, Fact], State] = unchanged
    folds_the_same: Callable[[Mapping[str, Any]], bool] | None = None
    stage: str = ""
    summary: tuple[str, ...] = ()
    text_values: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    texts: tuple[Mapping[str, Any], ...] = ()

    @cached_property
    def fields(self) -> Members:
        """The fields that every payload has."""
        return {**self.must, **SHOWN_TEXT} if self.signer == "client" else self.must

    @cached_property
    def optional(self) -> Members:
        """The fields that a payload may have."""
        return {**self.may, **({FIELD: SIGNATURES} if self.second_person else {})}

    @cached_property
    def shape(self) -> Fields:
        """The shape of a whole payload, but for what spans several fields."""
        return Fields(self.fields, self.optional)

    @cached_property
    def payload(self) -> Shape[dict[str, Any]]:
        """The shape of a whole payload."""
        name = "".join(part.capitalize() for part in self.code.split("_"))
        return Named(f"{name}Payload", self.shape).then(self._spanning)

    @cached_property
    def details(self) -> Shape[dict[str, Any]]:
        """The shape of what a gate call knows of a payload: any of its fields."""
        return Fields({}, {**self.fields, **self.optional, **self.asked_with}).then(self._spanning_known)

    def folds_unseen(self, shown: Mapping[str, Any]) -> bool:
        """Tell whether a record that shows no more than this is folded all the same."""
        return self.fold is unchanged or (self.folds_the_same is not None and self.folds_the_same(shown))

    def _spanning(self, payload: dict[str, Any], _: str) -> dict[str, Any]:
        if self.spans is not None:
            self.spans(payload)
        return payload

    def _spanning_known(self, details: dict[str, Any], place: str) -> dict[str, Any]:
        """Check what spans fields once a gate call knows all that every payload has."""
        known = bool(self.fields) and self.fields.keys() <= details.keys()
        return self._spanning(details, place) if known else details
