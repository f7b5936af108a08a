"""From a household of the survey to a client: the mapping of docs/demo-data.md, rule by rule.

The survey asks other questions than a broker does. Where it has no counterpart, the nearest observed behaviour stands
in; where there is none at all, a digest of the household's number decides, and the page says so. One dollar counts as
one yuan of demo currency: 100 fen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from primitives.digest import tagged_sha256
from scripts.demo.profile import Profile, synthetic_certificate, synthetic_name
from scripts.demo.survey import Row

SOURCE = "scf2019"
SURVEY_YEAR = 2019
INCAPACITY_ONE_IN = 100  # declared minimum class: 1 % of clients, which no survey answer could show

HOLDINGS: Mapping[str, tuple[str, ...]] = {
    "R1": ("LIQ", "CDS", "SAVBND"),
    "R2": ("BOND", "TFBMUTF", "GBMUTF", "OBMUTF"),
    "R3": ("COMUTF", "OTHMA", "RETQLIQ"),
    "R4": ("STMUTF", "STOCKS"),
    "R5": ("OMUTF", "OTHFIN"),
}
"""Which columns make up a client's holdings of each risk level."""

_FEN_PER_DOLLAR = 100
_BONDS = ("CDS", "SAVBND", *HOLDINGS["R2"])
_TRADED = ("COMUTF", "STMUTF", "STOCKS", "OMUTF")
_RETURNS = {1: "C", 2: "B", 3: "D", 4: "A", 5: "A", 6: "E", 7: "C", 8: "B", 9: "C"}


def to_profile(row: Row, *, year: int = SURVEY_YEAR) -> Profile:
    """Return the client that a household stands for."""
    number = int(row["YY1"])
    name_zh, name_en = synthetic_name(number)
    age = max(18, int(row["AGE"]))
    return Profile(
        number=number,
        source=SOURCE,
        name_zh=name_zh,
        name_en=name_en,
        certificate=synthetic_certificate(number, age, year=year),
        age=age,
        answers=answers(row),
        screen=screen(row),
        duration_ms=90_000 + _lot(row, "duration", 510_000),
        income_fen=max(0, fen(row["INCOME"])),
        assets_fen=fen(row["ASSET"]),
        debts_fen=fen(row["DEBT"]),
        holdings_fen={risk: fen(_sum(row, names)) for risk, names in HOLDINGS.items()},
    )


def fen(dollars: Decimal) -> int:
    """Return an amount in fen, half a fen to even."""
    return int((dollars * _FEN_PER_DOLLAR).to_integral_value(rounding=ROUND_HALF_EVEN))


def screen(row: Row) -> dict[str, Any]:
    """Return the declarations beside the answers. Whoever takes no risk at all is unwilling to bear any loss."""
    return {
        "age": max(18, int(row["AGE"])),
        "incapacity": _lot(row, "declared-incapacity", INCAPACITY_ONE_IN) == 0,
        "no_loss": bool(row["NOFINRISK"]),
    }


def answers(row: Row) -> dict[str, tuple[str, ...]]:
    """Return the answers to the twenty questions."""
    return {f"Q{number}": tuple(rule(row)) for number, rule in enumerate(_RULES, 1)}


def _lot(row: Row, purpose: str, size: int) -> int:
    digest = tagged_sha256("bonafides/demo/lot/1", purpose.encode(), str(row["YY1"]).encode())
    return int.from_bytes(digest[:8]) % size


def _sum(row: Row, names: Sequence[str]) -> Decimal:
    return sum((max(row[name], Decimal(0)) for name in names), Decimal(0))


def _investable(row: Row) -> Decimal:
    return sum((_sum(row, names) for names in HOLDINGS.values()), Decimal(0))


def _equity_share(row: Row) -> Decimal:
    return row["EQUITY"] / (_investable(row) or Decimal(1))


def _band(value: Decimal, *limits: float) -> str:
    """Return A for a value below the first limit, B below the second, and so on."""
    return "ABCDE"[sum(value >= Decimal(str(limit)) for limit in limits)]


def _largest(amounts: Mapping[str, Decimal], otherwise: str) -> str:
    best = max(amounts, key=lambda option: amounts[option])
    return best if amounts[best] > 0 else otherwise


def _income(row: Row) -> str:
    kinds = {
        "A": row["WAGEINC"],
        "B": row["BUSSEFARMINC"],
        "C": row["INTDIVINC"] + row["KGINC"],
        "E": row["SSRETINC"] + row["TRANSFOTHINC"],
    }
    return _largest(kinds, "E")


def _share_to_invest(row: Row) -> str:
    share = _investable(row) / (row["ASSET"] or Decimal(1))
    return "EDCBA"["ABCDE".index(_band(share, 0.1, 0.3, 0.5, 0.7))]


def _debt(row: Row) -> str:
    kinds = {"B": row["MRTHEL"] + row["RESDBT"], "C": row["CCBAL"] + row["INSTALL"] + row["OTHLOC"], "D": row["ODEBT"]}
    return _largest(kinds, "A")


def _knowledge(row: Row) -> str:
    knows = row["FINLIT"] == 3 and row["KNOWL"] >= 8 and row["EDUC"] >= 12
    return "B" if knows else "D"


def _trades_opinion(row: Row) -> str:
    return _band(row["NTRAD"], 1, 12, 100)


def _products(row: Row) -> str:
    return _band(max(row["NSTOCKS"], row["NTRAD"]), 6, 11, 16)


def _known_products(row: Row) -> str:
    equity = row["EQUITY"] > 0
    derivatives = row["NTRAD"] >= 50
    return "A" + "B" * (_sum(row, _BONDS) > 0) + "C" * equity + "D" * derivatives + "E" * (row["OMUTF"] > 0)


def _turnover(row: Row) -> str:
    if row["NTRAD"] == 0 and _sum(row, _TRADED) == 0:
        return "E"
    position = _sum(row, _TRADED) / max(row["NSTOCKS"], Decimal(1))
    return _band(position * max(Decimal(1), row["NTRAD"] / 12), 100_000, 300_000, 1_000_000)


def _horizon(row: Row) -> str:
    return {1: "A", 2: "B", 3: "C"}[int(row["WSAVED"])]


def _kinds(row: Row) -> str:
    equity = row["NOFINRISK"] == 0 or row["EQUITY"] > 0
    return "A" + "B" * equity + "C" * (row["YESFINRISK"] == 1) + "D" * (row["OMUTF"] > 0)


def _allocation(row: Row) -> str:
    if row["NOFINRISK"] == 1:
        return "A" if _equity_share(row) == 0 else "B"
    if row["YESFINRISK"] == 1:
        return "E" if _equity_share(row) >= Decimal("0.5") else "D"
    return _band(_equity_share(row), 0, 0.05, 0.3, 0.8)


def _aim(row: Row) -> str:
    if row["NOFINRISK"] == 1:
        return "A"
    if row["YESFINRISK"] == 1:
        return "D"
    return "C" if _equity_share(row) >= Decimal("0.25") else "B"


def _loss(row: Row) -> str:
    if row["NOFINRISK"] == 1:
        return "A" if _equity_share(row) < Decimal("0.5") else "B"
    if row["YESFINRISK"] == 1:
        return "D" if row["OMUTF"] > 0 else "C"
    return "C" if _equity_share(row) >= Decimal("0.6") else "B"


def _returns(row: Row) -> str:
    reasons = [number for number in range(1, 10) if row[f"SAVRES{number}"] == 1]
    return _RETURNS[reasons[0]] if reasons else "C"


def _education(row: Row) -> str:
    return _band(row["EDUC"], 9, 12, 13)


def _job(row: Row) -> str:
    if row["OCCAT2"] == 1 and row["OCCAT1"] == 2:
        return "A"
    return {1: "B", 2: "C", 3: "D", 4: "E"}[int(row["OCCAT2"])]


_RULES: tuple[Callable[[Row], str], ...] = (
    _income,
    _share_to_invest,
    _debt,
    lambda row: _band(_investable(row), 500_000, 3_000_000, 10_000_000),
    _knowledge,
    lambda row: _band(row["KNOWL"], 5, 8, 10),
    _trades_opinion,
    _products,
    _known_products,
    _turnover,
    _horizon,
    _kinds,
    _allocation,
    _aim,
    _loss,
    _returns,
    lambda row: _band(row["AGE"], 31, 41, 51, 61),
    lambda row: _band(row["KIDS"], 3, 5),
    _education,
    _job,
)
