"""Broken rules: what a rule says of one act, and what a code means to people."""

from __future__ import annotations

from dataclasses import dataclass

from domain.words import Words


@dataclass(frozen=True)
class Finding:
    """A broken rule: a stable code, the rule's name, and a sentence for a person."""

    code: str
    rule: str
    detail: str


@dataclass(frozen=True)
class Code:
    """What a code of findings means.

    Attributes:
        words: what a report calls it.
        specified: when an act breaks it, for the specification.
        proves: the claim of a client that a finding of this code proves, if any.
    """

    words: Words
    specified: str
    proves: str | None = None
