"""How a report speaks one language: its own words, those of the domains, and values of payloads as text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from domain.domains import Domains
from primitives.timestamp import format_time
from replay.reasons import in_chinese
from replay.rendering.blocks import Line, Style, TextRun
from replay.rendering.singular import in_singular

_WORDS = "replay_report.json"
_IDENTIFIER = re.compile(r"[!-~]+")  # one word of ASCII: a number, a digest, a code of the broker's own
_OF_CLAIMS = ("proven", "refuted", "not_provable")  # fields that name claims
_FEN, _MAX_TEXT = 100, 600
_SECOND, _MINUTE, _HOUR, _DAY = 1000, 60_000, 3_600_000, 86_400_000


class Speech:
    """The words of one language.

    Attributes:
        lang: zh or en.
        words: the report's own and the domains', by group and key.
    """

    def __init__(self, lang: str, domains: Domains) -> None:
        """Take the words of a language."""
        self.lang, self._domains = lang, domains
        self.words = words_in(lang, domains)

    def __getitem__(self, key: str) -> str:
        """Return one of the report's own words."""
        return str(self.words[key])

    def word(self, group: str, key: str) -> str:
        """Return what a code is called; as it is where nobody has words for it, such as of another version."""
        return str(self.words[group].get(key, key))

    def said(self, text: str) -> str:
        """Return a reason or a detail in this language; as it is where no sentence matches."""
        return in_chinese(text, self._domains) if self.lang == "zh" else in_singular(text)

    def field(self, name: str) -> str:
        """Return what a field is called."""
        return self.word("fields", name)

    def person(self, name: str | None) -> str:
        """Return a person's name, or that this form of the report leaves it out."""
        return self["person_withheld"] if name is None else name

    def duration(self, ms: int) -> str:
        """Return a time span."""
        units = self.words["units"]
        sign, span = ("-" if ms < 0 else ""), abs(ms)
        if span < _SECOND:
            text = f"{span} {units['ms']}"
        elif span < _MINUTE:
            text = f"{span / _SECOND:.1f} {units['s']}"
        elif span < _HOUR:
            text = f"{span // _MINUTE} {units['min']} {span % _MINUTE // _SECOND} {units['s']}"
        elif span < _DAY:
            text = f"{span // _HOUR} {units['h']} {span % _HOUR // _MINUTE} {units['min']}"
        else:
            text = f"{span // _DAY} {units['d']} {span % _DAY // _HOUR} {units['h']}"
        return sign + text

    def until_block(self, ms: int) -> str:
        """Return a time span that ends with a block: its time is in whole seconds, and may lie before what it holds."""
        return str(self.words["units"]["less"]) if -_SECOND < ms < _SECOND else self.duration(ms)

    # Values

    def value(self, value: object, name: str = "") -> Line:
        """Return a value of a payload as one line: nested values by name, money in yuan, codes by their words."""
        runs = self._runs(value, name)
        length = 0
        for number, run in enumerate(runs):
            length += len(run.text)
            if length > _MAX_TEXT:
                kept = run.text[: len(run.text) - (length - _MAX_TEXT)]
                return (*runs[:number], TextRun(f"{kept}…", run.style))
        return tuple(runs)

    def _runs(self, value: object, name: str) -> list[TextRun]:
        if isinstance(value, Mapping):
            if name == "answers":
                return self._answers(value)
            names = sorted(value)
            return _between(" · ", [self._named(str(key), value[key], name) for key in names])
        if isinstance(value, list):
            return _between(self["comma"], [self._runs(item, name) for item in value])
        return [self._one(value, name)]

    def _named(self, key: str, value: object, name: str) -> list[TextRun]:
        inner = name if name.endswith("_fen") else key
        label = self.word("codes_of_values", key) if name.endswith("_fen") else self.field(key)
        return [TextRun(f"{label} "), *self._runs(value, inner)]

    def _answers(self, answers: Mapping[Any, Any]) -> list[TextRun]:
        ordered = sorted(answers, key=lambda item: (len(str(item)), str(item)))
        text = " · ".join(f"{item} {''.join(map(str, answers[item]))}" for item in ordered)
        return [TextRun(text, Style.MONO)]

    def _one(self, value: object, name: str) -> TextRun:
        if value is None:
            return TextRun("—")
        if isinstance(value, bool):
            return TextRun(self["yes"] if value else self["no"])
        if isinstance(value, int):
            return TextRun(self._number(value, name))
        text = str(value)
        known = self.words["codes_of_values"]
        if name in self._domains.vocabulary.coded and text in known:
            return TextRun(str(known[text]))
        if name == "fields" and text in self.words["types"]:
            return TextRun(self.word("types", text))
        if name in _OF_CLAIMS:
            return TextRun(self.word("claims", text))
        return TextRun(text, Style.MONO if _IDENTIFIER.fullmatch(text) else Style.PLAIN)

    def _number(self, value: int, name: str) -> str:
        if name.endswith("_fen"):
            return f"{'-' if value < 0 else ''}¥{abs(value) // _FEN:,}.{abs(value) % _FEN:02d}"
        if name.endswith("_at"):  # of a message: milliseconds
            return format_time(value)
        return self.duration(value) if name.endswith("_ms") else str(value)


def _between(mark: str, parts: list[list[TextRun]]) -> list[TextRun]:
    runs: list[TextRun] = []
    for part in parts:
        if runs:
            runs.append(TextRun(mark))
        runs += part
    return runs or [TextRun("—")]


def _read(name: str) -> str:
    return resources.files("replay").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def words_in(lang: str, domains: Domains) -> dict[str, Any]:
    """Return the words in zh or en: the report's own, and those of the domains."""
    words: dict[str, Any] = json.loads(_read(_WORDS))[lang]
    vocabulary = domains.vocabulary
    words["stages"] = {name: stage.in_language(lang) for name, stage in domains.stages.items()}
    words["types"] = {code: entry.words.in_language(lang) for code, entry in domains.types.items()}
    words["codes"] |= {code: meaning.words.in_language(lang) for code, meaning in domains.codes.items()}
    words["claims"] |= {claim.name: claim.words.in_language(lang) for claim in domains.claims}
    words["fields"] = {name: found.in_language(lang) for name, found in vocabulary.fields.items()}
    words["codes_of_values"] = {code: found.in_language(lang) for code, found in vocabulary.values.items()}
    words["seen"] = vocabulary.seen
    words["rules"] |= {rule: duty.words.in_language(lang) for rule, duty in vocabulary.duties.items()}
    return words
