"""A second domain, as small as one can be: a lost-property desk. A thing is found, claimed, and handed back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from domain.claim import Claim
from domain.domain import Domain, Judgement, Surroundings
from domain.fact import Fact
from domain.finding import Code, Finding
from domain.gate import ALLOWED, Gate
from domain.house import NoHouse
from domain.record_type import RecordType
from domain.words import Words
from primitives.canonical import canonical_json
from primitives.shapes import Boolean, Fields, Integer, MapOf, Nullable, OneOf, Text, Time
from primitives.timestamp import format_time, parse_time

FORMAT = "lost-property.ruleset/1"
_ITEM = Text(40, pattern=r"[a-z0-9-]+")
_RULES = Fields(
    {
        "format": OneOf(FORMAT),
        "id": Text(60),
        "version": Text(20),
        "demo": Boolean(),
        "effective_from": Time(),
        "keep_ms": Integer(1),
    }
)


@dataclass(frozen=True)
class DeskRules:
    """How long the desk keeps a thing."""

    document: Mapping[str, Any]

    id = property(lambda self: str(self.document["id"]))
    version = property(lambda self: str(self.document["version"]))
    demo = property(lambda self: bool(self.document["demo"]))
    max_ahead_ms = 0
    second_person: Mapping[str, int] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return f"{self.id}@{self.version}:{hashlib.sha256(self.to_json()).hexdigest()[:16]}"

    @property
    def effective_from(self) -> int:
        return parse_time(self.document["effective_from"], "effective_from")

    def to_json(self) -> bytes:
        return canonical_json(self.document)

    def effective(self, from_ms: int) -> DeskRules:
        return DeskRules({**self.document, "effective_from": format_time(from_ms)})


@dataclass(frozen=True)
class Item:
    """One thing: when it was found, claimed and handed back."""

    found: int
    claimed: int | None = None
    returned: int | None = None


Desk = Mapping[str, Item]


@dataclass(frozen=True)
class Step:
    """An act at the desk, as its rules see it."""

    details: Mapping[str, Any]
    at: int
    rules: DeskRules


def _claimed(desk: Desk, step: Step) -> Iterator[Finding]:
    item = desk.get(step.details.get("item", ""))
    if item is None or item.claimed is None:
        yield Finding("NOT_CLAIMED", "desk.claim-first", "nobody claimed it before")


def _kept(desk: Desk, step: Step) -> Iterator[Finding]:
    item = desk.get(step.details.get("item", ""))
    if item is not None and step.at - item.found > step.rules.document["keep_ms"]:
        yield Finding("KEPT_TOO_LONG", "desk.keep-ms", "it was kept longer than the desk keeps things")


def _set(desk: Desk, fact: Fact, **change: int) -> Desk:
    key = str(fact.payload["item"])
    return {**desk, key: replace(desk.get(key, Item(fact.occurred_at)), **change)}


TYPES = (
    RecordType(
        "ITEM_FOUND",
        Words("拾得物品", "Thing found"),
        "item, where",
        {"item": _ITEM, "where": Text(100)},
        fold=lambda desk, fact: _set(desk, fact, found=fact.occurred_at),
        stage="desk",
    ),
    RecordType(
        "ITEM_CLAIM",
        Words("认领物品", "Thing claimed"),
        "item",
        {"item": _ITEM},
        signer="client",
        fold=lambda desk, fact: _set(desk, fact, claimed=fact.occurred_at),
        stage="desk",
        texts=(
            {
                "format": "bonafides.document/1",
                "id": "item-claim",
                "version": "1",
                "type": "ITEM_CLAIM",
                "values": ["broker", "item"],
                "text": {"zh": ["{broker}：本人认领 {item}。"], "en": ["{broker}: {item} is mine."]},
            },
        ),
    ),
    RecordType(
        "ITEM_RETURN",
        Words("归还物品", "Thing handed back"),
        "item",
        {"item": _ITEM},
        rules=(_claimed, _kept),
        fold=lambda desk, fact: _set(desk, fact, returned=fact.occurred_at),
        stage="desk",
    ),
)
_STATE = MapOf(_ITEM, Fields({"found": Integer(), "claimed": Nullable(Integer()), "returned": Nullable(Integer())}))

_TYPES = {entry.code: entry for entry in TYPES}
_CODES = {
    "NOT_CLAIMED": Code(
        Words("无人认领", "not claimed"), "a thing is handed back that nobody claimed", proves="GIVEN_AWAY"
    ),
    "KEPT_TOO_LONG": Code(Words("保管过久", "kept too long"), "a thing was kept longer than the rules allow"),
}
_STAGES = {"desk": Words("失物招领", "Lost property")}


class LostProperty(Domain[Desk, DeskRules, NoHouse]):
    """The desk."""

    name = "lost-property"
    types = _TYPES
    codes = _CODES
    stages = _STAGES
    claims = (
        Claim("GIVEN_AWAY", Words("被他人领走", "It was given to somebody else"), lambda h: h.places("ITEM_CLAIM")),
    )
    ruleset_format = FORMAT

    def read_ruleset(self, document: object) -> DeskRules:
        return DeskRules(_RULES.read(document, ""))

    def start(self) -> Desk:
        return {}

    def state_to_json(self, state: Desk) -> dict[str, Any]:
        return {key: asdict(item) for key, item in state.items()}

    def state_from_json(self, document: object) -> Desk:
        return {key: Item(**item) for key, item in _STATE.read(document, "").items()}

    def empty_house(self) -> NoHouse:
        return NoHouse()

    def gate(
        self,
        state: Desk,
        act: str,
        at_ms: int,
        ruleset: DeskRules,
        details: Mapping[str, Any],
        seen: Surroundings[Desk, NoHouse],
    ) -> Gate:
        del seen
        for finding in self._broken(state, act, Step(details, at_ms, ruleset)):
            return Gate(allowed=False, code=finding.code, reason=finding.detail)
        return Gate(allowed=True, code=ALLOWED, reason="no rule speaks against it")

    def judge(self, state: Desk, fact: Fact, ruleset: DeskRules, seen: Surroundings[Desk, NoHouse]) -> Judgement:
        del seen
        return Judgement(tuple(self._broken(state, fact.type, Step(fact.payload, fact.occurred_at, ruleset))))

    def _broken(self, state: Desk, act: str, step: Step) -> Iterator[Finding]:
        return (finding for rule in self.types[act].rules for finding in rule(state, step))


LOST_PROPERTY = LostProperty()
