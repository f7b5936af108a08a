"""One of something, in the English sentences of a verification: it counts, and says "records" of one, too.

The sentence is part of the verdict, which programs compare and vectors hold; a person reads it here.
"""

from __future__ import annotations

import re

_ONE = re.compile(
    r"(?<![\w.,:/-])1 ((?:other |active |later |shown )?)"
    r"(records|members|anchors|subjects|entries|changes|signatures|requests|key sets)"
    r"( are| open to their fingerprints)?\b"
)
_NOUNS = {"entries": "entry", "key sets": "key set"}
_VERBS = {" are": " is", " open to their fingerprints": " opens to its fingerprint"}
_AFTER = (
    (re.compile(r"\b(1 record that) take\b"), r"\1 takes"),
    (re.compile(r"\b(and 1) are wanted\b"), r"\1 is wanted"),
)


def in_singular(text: str) -> str:
    """Return a sentence that says of one thing what it says of many: "1 records are" becomes "1 record is"."""
    said = _ONE.sub(_one, text)
    for pattern, words in _AFTER:
        said = pattern.sub(words, said)
    return said


def _one(found: re.Match[str]) -> str:
    kind, noun, verb = found.groups()
    return f"1 {kind}{_NOUNS.get(noun, noun.removesuffix('s'))}{_VERBS.get(verb or '', '')}"
