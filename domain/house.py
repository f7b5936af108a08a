"""The house records of a broker: its own records on which acts of its clients rest, such as product ratings.

A house record is about a thing. It counts where everybody looks for it, on the pseudonym that is derived from broker
and thing (docs/spec/evidence.md, 5.1): who is not shown one that lies elsewhere judges as one who is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from domain.finding import Finding


@dataclass(frozen=True)
class HouseRecord:
    """A house record that an act rests on: its fingerprint (hex), and whether it lies in its place."""

    ref: str
    in_place: bool


class House(Protocol):
    """What is known of a broker's house records, in the order in which they were logged."""

    def with_record(self, ref: str, payload: Mapping[str, Any], *, in_place: bool) -> House:
        """Return the house with one record more, which lies in its place or elsewhere."""

    def last_of(self, thing: str) -> str | None:
        """Return the fingerprint (hex) of the last record about a thing, wherever it lies."""

    def relied_on(self, type_: str, payload: Mapping[str, Any], at_ms: int) -> list[HouseRecord]:
        """Return the house records on which an act rests, as far as they are known."""


@dataclass(frozen=True)
class HouseRules:
    """What a domain says of its house records.

    Attributes:
        types: the record types that are house records.
        noun: what a sentence calls one.
        not_shown: the finding where an act names one that is not among the records.
        not_derived: the finding where one lies elsewhere than in its place, or an act rests on one that does.
    """

    types: frozenset[str]
    noun: str
    not_shown: Finding
    not_derived: Finding


class NoHouse:
    """The house of a domain in which no act rests on a record of the broker's own."""

    def with_record(self, ref: str, payload: Mapping[str, Any], *, in_place: bool) -> NoHouse:
        """Return the same: there are no such records."""
        del ref, payload, in_place
        return self

    def last_of(self, thing: str) -> None:
        """Return None."""
        del thing

    def relied_on(self, type_: str, payload: Mapping[str, Any], at_ms: int) -> list[HouseRecord]:
        """Return nothing."""
        del type_, payload, at_ms
        return []
