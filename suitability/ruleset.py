"""Versioned rule sets: every number of a rule, with its effective date and its source, as data.

A rule set is a JSON document. Its digest is the SHA-256 of the document's RFC 8785 bytes, so that it covers the date
from which it takes effect and the sources as well as the numbers; its label `<id>@<version>:<first 16 hex of digest>`
stands in the envelope of every record that an engine made under it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from domain.fact import CHANNELS
from domain.ruleset import MAX_BYTES
from domain.second_person import MAX_SIGNERS
from primitives.canonical import canonical_json, parse_json
from primitives.errors import InvalidInput
from primitives.shapes import Boolean, Fields, Hex, Integer, ListOf, MapOf, Nullable, OneOf, Text, Time
from primitives.timestamp import format_time, parse_time
from suitability.vocabulary import LEVELS, MIN_LEVEL, RISKS, TERMS, TYPES

FORMAT = "bonafides.ruleset/1"
VERDICTS = ("ok", "ok-care", "warn", "forbid")
_IDENTIFIER = r"[a-z0-9]+(-[a-z0-9]+)*"
_LABEL_DIGEST_CHARACTERS = 16
_DURATION = Integer(1)

_PARTS = {
    "bands": ListOf(Fields({"level": OneOf(*LEVELS[1:]), "from": Integer(), "to": Integer()}), 1, 10),
    "assessment": Fields(
        {
            "validity_ms": _DURATION,
            "max_in_window": Integer(1, 1000),
            "window_ms": _DURATION,
            "min_answer_ms": Integer(),
            "shopping_levels": Integer(1, 10),
            "shopping_window_ms": _DURATION,
        }
    ),
    "min_class": Fields(
        {
            "age_below": Integer(0, 200),
            "incapacity": Boolean(),
            "screen_item": Text(20),
            "screen_option": Text(1),
            "screen_level": OneOf(*LEVELS[1:]),
        }
    ),
    "matching": Fields({level: Fields({risk: OneOf(*VERDICTS) for risk in RISKS}) for level in LEVELS}),
    "term": Fields({"item": Text(20), "options": MapOf(Text(1), OneOf(*TERMS), 1, 26)}),
    "types": Fields({"item": Text(20), "options": MapOf(Text(1), OneOf(*TYPES), 1, 26)}),
    "mismatch": Fields({"max_gap": Nullable(Integer(0, 10)), "max_age": Nullable(Integer(0, 200))}),
    "agreement": Fields({"max_sign_delay_ms": _DURATION}),
    "recording": Fields(
        {"max_delay_ms": Fields({channel: _DURATION for channel in CHANNELS}), "max_ahead_ms": Integer()}
    ),
}
_LATER_PARTS = {  # not in rule sets from before they were known
    "second_person": MapOf(Text(60), Integer(1, MAX_SIGNERS), 1),
    "identities": Fields({"limits_span": Boolean()}),
}
_DOCUMENT = Fields(
    {
        "format": OneOf(FORMAT),
        "id": Text(60, pattern=_IDENTIFIER),
        "version": Text(20, pattern=r"[0-9]+(\.[0-9]+)*"),
        "demo": Boolean(),
        "title": Fields({"zh": Text(200), "en": Text(200)}),
        "effective_from": Time(),
        "questionnaires": MapOf(Text(80, pattern=_IDENTIFIER + r"@[0-9.]+"), Hex(32), 1, 20),
        **_PARTS,
        "sources": ListOf(
            Fields(
                {
                    "about": OneOf("questionnaires", *_PARTS, *_LATER_PARTS),
                    "tag": OneOf("notice", "verified", "general", "assumed", "demo"),
                    "text": Text(600),
                }
            ),
            1,
        ),
    },
    _LATER_PARTS,
)


@dataclass(frozen=True)
class Band:
    """The level of totals from `low` to `high`, both included."""

    level: str
    low: int
    high: int


@dataclass(frozen=True)
class Assessment:
    """Limits of one assessment and of several in a row. Durations are milliseconds."""

    validity_ms: int
    max_in_window: int
    window_ms: int
    min_answer_ms: int
    shopping_levels: int
    shopping_window_ms: int


@dataclass(frozen=True)
class MinClass:
    """When a client is of the minimum class, whatever the total."""

    age_below: int
    incapacity: bool
    screen_item: str
    screen_option: str
    screen_level: str


@dataclass(frozen=True)
class Buckets:
    """Which answers of one questionnaire item mean which bucket."""

    item: str
    options: Mapping[str, str]


@dataclass(frozen=True)
class RuleSet:
    """A checked rule set. `document` is what was read; the other members are its parts."""

    document: Mapping[str, Any]
    id: str
    version: str
    demo: bool
    effective_from: int
    digest: str
    questionnaires: Mapping[str, str]
    bands: tuple[Band, ...]
    assessment: Assessment
    min_class: MinClass
    matching: Mapping[str, Mapping[str, str]]
    term: Buckets
    types: Buckets
    max_gap: int | None
    max_age: int | None
    max_sign_delay_ms: int
    max_delay_ms: Mapping[str, int]
    max_ahead_ms: int
    second_person: Mapping[str, int]  # how many of the staff sign, by record type; none where it is not named
    limits_span: bool  # limits over time count the same client's identities before

    @property
    def label(self) -> str:
        """`<id>@<version>:<first 16 hex of the digest>`, the name that records carry."""
        return f"{self.id}@{self.version}:{self.digest[:_LABEL_DIGEST_CHARACTERS]}"

    @classmethod
    def from_json(cls, data: bytes) -> RuleSet:
        """Read and check a rule-set document.

        Raises:
            InvalidInput: not JSON, a field is missing, unknown or out of range, or the parts contradict each other.
        """
        return cls.from_document(parse_json(data, field="ruleset", max_bytes=MAX_BYTES))

    @classmethod
    def from_document(cls, document: object) -> RuleSet:
        """Check a parsed rule-set document."""
        checked = _DOCUMENT.read(document, "")
        bands = tuple(Band(entry["level"], entry["from"], entry["to"]) for entry in checked["bands"])
        _check_bands(bands)
        _check_matching(checked["matching"])
        _check_sources(checked["sources"], {"questionnaires", *_PARTS, *(checked.keys() & _LATER_PARTS.keys())})
        return cls(
            document=checked,
            id=checked["id"],
            version=checked["version"],
            demo=checked["demo"],
            effective_from=parse_time(checked["effective_from"], "effective_from"),
            digest=hashlib.sha256(canonical_json(checked)).hexdigest(),
            questionnaires=checked["questionnaires"],
            bands=bands,
            assessment=Assessment(**checked["assessment"]),
            min_class=MinClass(**checked["min_class"]),
            matching=checked["matching"],
            term=Buckets(**checked["term"]),
            types=Buckets(**checked["types"]),
            max_gap=checked["mismatch"]["max_gap"],
            max_age=checked["mismatch"]["max_age"],
            max_sign_delay_ms=checked["agreement"]["max_sign_delay_ms"],
            max_delay_ms=checked["recording"]["max_delay_ms"],
            max_ahead_ms=checked["recording"]["max_ahead_ms"],
            second_person=checked.get("second_person", {}),
            limits_span=checked.get("identities", {}).get("limits_span", False),
        )

    def to_json(self) -> bytes:
        """Return the document's RFC 8785 bytes: what the digest is of."""
        return canonical_json(self.document)

    def effective(self, from_ms: int) -> RuleSet:
        """Return a copy that takes effect at another time, and so has another digest and label."""
        return self.from_document({**self.document, "effective_from": format_time(from_ms)})

    def level_of(self, total: int) -> str:
        """Return the level of a total score."""
        for band in self.bands:
            if band.low <= total <= band.high:
                return band.level
        raise InvalidInput("total", "range", f"{total} lies in no band of {self.label}")


def packaged_rulesets() -> dict[str, RuleSet]:
    """Return the rule sets that travel with the product, by `<id>@<version>`."""
    folder = resources.files("suitability") / "rulesets"
    found = (RuleSet.from_json(entry.read_bytes()) for entry in folder.iterdir() if entry.name.endswith(".json"))
    return {f"{ruleset.id}@{ruleset.version}": ruleset for ruleset in sorted(found, key=lambda r: (r.id, r.version))}


def _check_bands(bands: tuple[Band, ...]) -> None:
    if [band.level for band in bands] != list(LEVELS[1:]):
        raise InvalidInput("bands", "order", f"must name {', '.join(LEVELS[1:])} once each, in this order")
    expected = 0
    for index, band in enumerate(bands):
        if band.low != expected:
            raise InvalidInput(f"bands[{index}].from", "contiguous", f"must be {expected}: no gap and no overlap")
        if band.high < band.low:
            raise InvalidInput(f"bands[{index}].to", "range", "must not lie below its start")
        expected = band.high + 1


def _check_matching(matrix: Mapping[str, Mapping[str, str]]) -> None:
    for level in LEVELS:
        worst = 0
        for risk in RISKS:
            rank = VERDICTS.index(matrix[level][risk])
            if rank < worst:
                raise InvalidInput(f"matching.{level}.{risk}", "monotone", "a riskier product must not fare better")
            worst = rank
    for risk in RISKS[1:]:
        if matrix[MIN_LEVEL][risk] != "forbid":
            raise InvalidInput(f"matching.{MIN_LEVEL}.{risk}", "min-class", "the minimum class may only hold R1")


def _check_sources(sources: list[dict[str, str]], parts: set[str]) -> None:
    missing = sorted(parts - {source["about"] for source in sources})
    if missing:
        raise InvalidInput("sources", "complete", f"no source is given for {', '.join(missing)}")
