"""Questionnaires as data, and their scoring.

`score` is the whole engine: answers and the client's declarations in, dimensions, total, level, overrides and
consistency checks out. Nothing else enters, so that anyone can execute it again from a stored record.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from primitives.canonical import canonical_json, parse_json
from primitives.digest import tagged_sha256
from primitives.errors import InvalidInput
from primitives.shapes import Boolean, Fields, Integer, ListOf, MapOf, OneOf, Text
from suitability.ruleset import RuleSet
from suitability.vocabulary import MIN_LEVEL, TERMS, TYPES

FORMAT = "bonafides.questionnaire/1"
ENGINE_TAG = "bonafides/engine/1"
_WORDS = Fields({"zh": Text(400), "en": Text(600)})
_DOCUMENT = Fields(
    {
        "format": OneOf(FORMAT),
        "id": Text(60, pattern=r"[a-z0-9]+(-[a-z0-9]+)*"),
        "version": Text(20, pattern=r"[0-9.]+"),
        "title": _WORDS,
        "declaration": _WORDS,
        "total": Fields({"min": Integer(), "max": Integer()}),
        "dimensions": MapOf(Text(40), Fields({"max": Integer(), "title": _WORDS}), 1, 20),
        "items": ListOf(
            Fields(
                {
                    "id": Text(20, pattern=r"Q[0-9]+"),
                    "dimension": Text(40),
                    "multi": Boolean(),
                    "text": _WORDS,
                    "options": ListOf(
                        Fields({"id": Text(1, pattern="[A-Z]"), "score": Integer(0, 100), "text": _WORDS}), 2, 26
                    ),
                }
            ),
            1,
            100,
        ),
    }
)


@dataclass(frozen=True)
class Item:
    """One question: its options' scores by letter."""

    id: str
    dimension: str
    multi: bool
    options: Mapping[str, int]


@dataclass(frozen=True)
class Questionnaire:
    """A checked questionnaire. `form` is `<id>@<version>`, the name that records carry."""

    document: Mapping[str, Any]
    form: str
    digest: str
    items: tuple[Item, ...]
    dimensions: tuple[str, ...]

    @functools.cached_property
    def answers(self) -> Fields:
        """The shape of the answers: each item is answered, with options that it has."""
        return Fields({item.id: ListOf(OneOf(*item.options), 1, len(item.options), unique=True) for item in self.items})

    @classmethod
    def from_json(cls, data: bytes) -> Questionnaire:
        """Read and check a questionnaire document.

        Raises:
            InvalidInput: a field is wrong, or the scores do not add up to the bounds that it states.
        """
        checked = _DOCUMENT.read(parse_json(data, field="questionnaire"), "")
        items = tuple(
            Item(
                entry["id"],
                entry["dimension"],
                entry["multi"],
                {option["id"]: option["score"] for option in entry["options"]},
            )
            for entry in checked["items"]
        )
        _check_sums(checked, items)
        return cls(
            document=checked,
            form=f"{checked['id']}@{checked['version']}",
            digest=hashlib.sha256(canonical_json(checked)).hexdigest(),
            items=items,
            dimensions=tuple(checked["dimensions"]),
        )


@dataclass(frozen=True)
class Screen:
    """What the client declares beside the answers. `no_loss`: unwilling to bear any loss (null: not asked)."""

    age: int
    incapacity: bool
    no_loss: bool | None


@dataclass(frozen=True)
class Score:
    """The result of an assessment. `dims` keeps the questionnaire's order of dimensions."""

    form: str
    dims: Mapping[str, int]
    total: int
    level: str
    overrides: tuple[str, ...]
    checks: tuple[str, ...]
    horizon: str
    types: tuple[str, ...]
    engine_digest: str


@functools.cache
def packaged_questionnaires() -> Mapping[str, Questionnaire]:
    """Return the questionnaires that travel with the product, by form (`<id>@<version>`)."""
    folder = resources.files("suitability") / "questionnaires"
    found = [Questionnaire.from_json(entry.read_bytes()) for entry in folder.iterdir() if entry.name.endswith(".json")]
    return {questionnaire.form: questionnaire for questionnaire in sorted(found, key=lambda q: q.form)}


def accepted(ruleset: RuleSet, form: str) -> Questionnaire:
    """Return the questionnaire that a rule set accepts under this name.

    Raises:
        InvalidInput: rule `questionnaire-version`: unknown to us, not accepted by the rule set, or not the same text.
    """
    questionnaire = packaged_questionnaires().get(form)
    if questionnaire is None:
        raise InvalidInput("form", "questionnaire-version", f"{form} is not a known questionnaire version")
    if form not in ruleset.questionnaires:
        raise InvalidInput("form", "questionnaire-version", f"{ruleset.label} does not accept {form}")
    if ruleset.questionnaires[form] != questionnaire.digest:
        raise InvalidInput("form", "questionnaire-version", f"{ruleset.label} accepts another text of {form}")
    return questionnaire


def check_answers(questionnaire: Questionnaire, answers: object, where: str = "answers") -> dict[str, list[str]]:
    """Check that each item is answered with options that it has: one, or for a multi item one or more in order.

    Raises:
        InvalidInput: `<where>.<item>` and the rule that it breaks.
    """
    given = questionnaire.answers.read(answers, where)
    result: dict[str, list[str]] = {}
    for item in questionnaire.items:
        chosen = given[item.id]
        if len(chosen) != 1 and not item.multi:
            raise InvalidInput(f"{where}.{item.id}", "single-choice", "takes exactly one option")
        if len(chosen) != 1 and chosen != sorted(chosen):
            raise InvalidInput(f"{where}.{item.id}", "order", "options must stand in alphabetical order")
        result[item.id] = chosen
    return result


def score(ruleset: RuleSet, form: str, answers: object, screen: Screen, *, duration_ms: int | None = None) -> Score:
    """Score the answers to a questionnaire under a rule set.

    Args:
        ruleset: the bands, overrides and limits.
        form: the questionnaire's `<id>@<version>`.
        answers: item id -> list of option letters.
        screen: the client's declarations.
        duration_ms: how long answering took, when known.

    Raises:
        InvalidInput: unknown questionnaire version, or an answer that the questionnaire does not have.
    """
    questionnaire = accepted(ruleset, form)
    chosen = check_answers(questionnaire, answers)
    dims = dict.fromkeys(questionnaire.dimensions, 0)
    for item in questionnaire.items:
        dims[item.dimension] += max(item.options[option] for option in chosen[item.id])
    total = sum(dims.values())
    level, overrides, checks = _override(ruleset, ruleset.level_of(total), chosen, screen)
    if duration_ms is not None and duration_ms < ruleset.assessment.min_answer_ms:
        checks = (*checks, "ANSWERED_TOO_FAST")
    horizon, types = preferences(ruleset, chosen)
    return Score(
        form=form,
        dims=dims,
        total=total,
        level=level,
        overrides=overrides,
        checks=checks,
        horizon=horizon,
        types=types,
        engine_digest=engine_digest(ruleset, questionnaire),
    )


def scored(submitted: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return, item by item, {"item", "dimension", "chosen", "score"} of answers that `score` took."""
    questionnaire = packaged_questionnaires()[submitted["form"]]
    return tuple(
        {
            "item": item.id,
            "dimension": item.dimension,
            "chosen": list(submitted["answers"][item.id]),
            "score": max(item.options[option] for option in submitted["answers"][item.id]),
        }
        for item in questionnaire.items
    )


def preferences(ruleset: RuleSet, answers: Mapping[str, list[str]]) -> tuple[str, tuple[str, ...]]:
    """Return the client's horizon and the nested product types that the answers allow."""
    horizon = max((ruleset.term.options[option] for option in answers[ruleset.term.item]), key=TERMS.index)
    widest = max(TYPES.index(ruleset.types.options[option]) for option in answers[ruleset.types.item])
    return horizon, TYPES[: widest + 1]


def engine_digest(ruleset: RuleSet, questionnaire: Questionnaire | None = None) -> str:
    """Return the digest that pins the engine's version, the rule set and, for a score, the questionnaire."""
    parts = [ruleset.digest] if questionnaire is None else [ruleset.digest, questionnaire.digest]
    return tagged_sha256(ENGINE_TAG, *(bytes.fromhex(part) for part in parts)).hex()


def _override(
    ruleset: RuleSet, level: str, answers: Mapping[str, list[str]], screen: Screen
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    rule = ruleset.min_class
    overrides: list[str] = []
    checks: list[str] = []
    if screen.age < rule.age_below:
        overrides.append("MIN_CLASS_AGE")
    if rule.incapacity and screen.incapacity:
        overrides.append("MIN_CLASS_INCAPACITY")
    if level == rule.screen_level and rule.screen_option in answers[rule.screen_item]:
        if screen.no_loss is None:
            checks.append("MIN_CLASS_SCREEN_OWED")
        elif screen.no_loss:
            overrides.append("MIN_CLASS_NO_LOSS")
    return (MIN_LEVEL if overrides else level), tuple(overrides), tuple(checks)


def _check_sums(document: Mapping[str, Any], items: tuple[Item, ...]) -> None:
    highest = dict.fromkeys(document["dimensions"], 0)
    lowest = 0
    if len({item.id for item in items}) != len(items):
        raise InvalidInput("items", "unique", "an item id occurs twice")
    for index, item in enumerate(items):
        if item.dimension not in highest:
            raise InvalidInput(f"items[{index}].dimension", "one-of", "is not a dimension of this questionnaire")
        if len(item.options) != len(document["items"][index]["options"]):
            raise InvalidInput(f"items[{index}].options", "unique", "an option letter occurs twice")
        highest[item.dimension] += max(item.options.values())
        lowest += min(item.options.values())
    for name, value in highest.items():
        if value != document["dimensions"][name]["max"]:
            raise InvalidInput(f"dimensions.{name}.max", "sum", f"the options add up to {value}")
    if (lowest, sum(highest.values())) != (document["total"]["min"], document["total"]["max"]):
        raise InvalidInput("total", "sum", f"the options allow totals from {lowest} to {sum(highest.values())}")
