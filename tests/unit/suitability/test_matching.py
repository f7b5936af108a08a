"""The matching table, cell by cell, and the order in which mismatches outrank each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suitability.matching import Client, Product, opinion, risk_gap
from suitability.ruleset import packaged_rulesets
from suitability.vocabulary import LEVELS, OPINION_CODES, RISKS, TERMS, TYPES

RULES = packaged_rulesets()["sac-bands@1"]
NOW = 1000


def client(level: str = "C3", horizon: str = "ANY", widest: int = 4) -> Client:
    return Client(level, NOW + 1, horizon, TYPES[:widest])


def product(risk: str = "R1", term: str = "1Y", type_: str = "T1") -> Product:
    return Product("P", risk, term, type_)


TABLE = {
    "C1-min": "MFFFF",
    "C1": "MWWWW",
    "C2": "MMWWW",
    "C3": "MMMWW",
    "C4": "MMMMW",
    "C5": "MMMMM",
}
LETTERS = {"M": "MATCH", "W": "RISK_MISMATCH", "F": "FORBIDDEN_MIN"}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("risk", RISKS)
def test_the_table(level: str, risk: str) -> None:
    result = opinion(RULES, client(level), product(risk), at_ms=NOW)
    assert result.code == LETTERS[TABLE[level][RISKS.index(risk)]]
    assert result.special_care == (level == "C5" and risk == "R5")


@pytest.mark.parametrize(
    ("who", "what", "admitted", "code"),
    [
        (client(horizon="1Y"), product(term="5Y"), True, "TERM_MISMATCH"),
        (client(horizon="5Y"), product(term="5Y"), True, "MATCH"),
        (client(horizon="ANY"), product(term="ANY"), True, "MATCH"),
        (client(widest=1), product(type_="T2"), True, "TYPE_MISMATCH"),
        (client(horizon="1Y", widest=1), product(term="5Y", type_="T2"), True, "TYPE_MISMATCH"),
        (client(horizon="1Y"), product("R5", "5Y"), True, "RISK_MISMATCH"),
        (client(), product("R5"), False, "NOT_ADMITTED"),
        (client("C1-min"), product("R2"), False, "FORBIDDEN_MIN"),
        (None, product(), True, "NO_ASSESSMENT"),
    ],
)
def test_the_worst_part_decides(who: Client | None, what: Product, admitted: bool, code: str) -> None:
    assert opinion(RULES, who, what, at_ms=NOW, admitted=admitted).code == code


def test_the_level_counts_until_the_instant_at_which_it_ends() -> None:
    assert opinion(RULES, client(), product(), at_ms=NOW).code == "MATCH"
    assert opinion(RULES, client(), product(), at_ms=NOW + 1).code == "EXPIRED"


def test_gaps() -> None:
    assert [risk_gap("C1-min", risk) for risk in RISKS] == [0, 1, 2, 3, 4]
    assert [risk_gap("C1", risk) for risk in RISKS] == [0, 1, 2, 3, 4]
    assert [risk_gap("C4", risk) for risk in RISKS] == [0, 0, 0, 0, 1]


@given(
    st.sampled_from(LEVELS), st.sampled_from(TERMS), st.integers(1, 4), st.sampled_from(RISKS), st.sampled_from(TERMS)
)
def test_the_code_is_the_worst_of_the_parts(level: str, horizon: str, widest: int, risk: str, term: str) -> None:
    result = opinion(RULES, client(level, horizon, widest), product(risk, term, "T2"), at_ms=NOW)
    parts = result.admission, result.risk, result.term, result.type
    assert OPINION_CODES.index(result.code) == max(OPINION_CODES.index(part) for part in parts)
