"""What a report calls the parts of a domain's records, and what its rules say, in every language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.words import Words


@dataclass(frozen=True)
class Article:
    """A provision that a duty goes back to; `read` is whether its text was read for this, or is named from memory."""

    words: Words
    read: bool


@dataclass(frozen=True)
class Duty:
    """What a rule demands, in one phrase.

    Attributes:
        words: the phrase.
        types: the record types at which the rule is asked.
        articles: the provisions behind it, where there are any.
    """

    words: Words
    types: tuple[str, ...]
    articles: tuple[Article, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """The words of one domain.

    Attributes:
        fields: by the name of a field of a payload, at any depth.
        values: by a code that a field of a closed list may hold.
        coded: the fields that hold such a code, or a list of them.
        duties: by the name of a rule.
        sentences: what the rules say, with the places of values in braces: in English and in Chinese.
        seen: the fields that say what the client was shown and how long it was looked at.
        persons: the fields that name a person of the broker's staff.
    """

    fields: Mapping[str, Words] = field(default_factory=dict)
    values: Mapping[str, Words] = field(default_factory=dict)
    coded: frozenset[str] = frozenset()
    duties: Mapping[str, Duty] = field(default_factory=dict)
    sentences: Sequence[Words] = ()
    seen: frozenset[str] = frozenset()
    persons: frozenset[str] = frozenset()
