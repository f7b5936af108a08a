"""The reasons and notes of a report in Chinese: what a verification says in English, sentence by sentence.

A verification gives its reasons as sentences, in English: the command prints them, and JSON carries them. Their number
is finite, and a page in Chinese says each in Chinese: the platform's (`templates/reasons.json`), and the domains' own
(`Vocabulary.sentences`). What none of them matches, such as the words of a domain that brings none, is shown as it was
said.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources

from domain.domains import Domains
from replay.installed import INSTALLED

_PLACE = re.compile(r"\{\d\}")
_DEPTH = 4  # a reason holds another one, which names a record
_LONGEST = 2_000  # characters: no sentence of ours is longer, whatever names stand in it


@cache
def sentences() -> tuple[tuple[str, str], ...]:
    """Return (English, Chinese), with the places of values in braces."""
    text = resources.files("replay").joinpath("templates", "reasons.json").read_text(encoding="utf-8")
    return tuple((english, chinese) for english, chinese in json.loads(text))


@cache
def _patterns(domains: Domains) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return what recognizes each sentence, those with the most words of their own first."""
    said = [*sentences(), *((words.en, words.zh) for words in domains.vocabulary.sentences)]
    ordered = sorted(said, key=lambda pair: len(_PLACE.sub("", pair[0])), reverse=True)
    return tuple(
        (re.compile("(.+?)".join(map(re.escape, _PLACE.split(english))), re.DOTALL), chinese)
        for english, chinese in ordered
    )


def in_chinese(text: str, domains: Domains = INSTALLED, depth: int = _DEPTH) -> str:
    """Return a reason in Chinese; as it is where no sentence matches."""
    if depth and len(text) <= _LONGEST:
        for pattern, chinese in _patterns(domains):
            match = pattern.fullmatch(text)
            if match is not None:
                return chinese.format(*(in_chinese(value, domains, depth - 1) for value in match.groups()))
    return _name_in_chinese(text, domains)


def _name_in_chinese(text: str, domains: Domains) -> str:
    """Return what a code, a field, or some of them are called; as it is where that is nobody's name."""
    vocabulary = domains.vocabulary
    names = text.split(", ")
    if all(name in vocabulary.fields for name in names):
        return "、".join(vocabulary.fields[name].zh for name in names)
    if all(name in domains.types for name in names):
        return "、".join(domains.types[name].words.zh for name in names)
    return vocabulary.values[text].zh if text in vocabulary.values else text
