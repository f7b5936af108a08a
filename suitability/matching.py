"""Matching a client with a product: the opinion is the worst of admission, risk, term and type."""

from __future__ import annotations

from dataclasses import dataclass

from suitability.ruleset import RuleSet
from suitability.vocabulary import LEVELS, MIN_LEVEL, OPINION_CODES, RISKS, TERMS

_RISK_CODES = {"ok": "MATCH", "ok-care": "MATCH", "warn": "RISK_MISMATCH", "forbid": "FORBIDDEN_MIN"}


@dataclass(frozen=True)
class Product:
    """What a rating says of a product."""

    id: str
    risk: str
    term: str
    type: str


@dataclass(frozen=True)
class Client:
    """What an assessment says of a client. `valid_to` is the first millisecond at which it no longer counts."""

    level: str
    valid_to: int
    horizon: str
    types: tuple[str, ...]


@dataclass(frozen=True)
class Opinion:
    """The result, with its four parts. `gap`: levels by which the product's risk exceeds the client's.

    `special_care` marks the combination that owes extra steps although it matches (R5 for an ordinary C5 client).
    """

    code: str
    admission: str
    risk: str
    term: str
    type: str
    gap: int
    special_care: bool


def opinion(ruleset: RuleSet, client: Client | None, product: Product, *, at_ms: int, admitted: bool = True) -> Opinion:
    """Return the matching opinion of a product for a client at an instant.

    Args:
        ruleset: the matching table.
        client: the assessment in force, or None where there is none.
        product: the rating in force.
        at_ms: the instant.
        admitted: whether the client passes the product's admission thresholds.
    """
    if client is None or at_ms >= client.valid_to:
        code = "NO_ASSESSMENT" if client is None else "EXPIRED"
        return Opinion(code, code, code, code, code, 0, special_care=False)
    verdict = ruleset.matching[client.level][product.risk]
    parts = (
        "MATCH" if admitted else "NOT_ADMITTED",
        _RISK_CODES[verdict],
        "MATCH" if TERMS.index(product.term) <= TERMS.index(client.horizon) else "TERM_MISMATCH",
        "MATCH" if product.type in client.types else "TYPE_MISMATCH",
    )
    worst = max(parts, key=OPINION_CODES.index)
    return Opinion(worst, *parts, gap=risk_gap(client.level, product.risk), special_care=verdict == "ok-care")


def risk_gap(level: str, risk: str) -> int:
    """Return by how many levels a product's risk exceeds the client's level (0: not at all)."""
    rank = 0 if level == MIN_LEVEL else LEVELS.index(level) - 1
    return max(0, RISKS.index(risk) - rank)
