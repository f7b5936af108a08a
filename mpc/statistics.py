"""The statistics that a task may ask for: the local totals of one owner, and what is released from joint totals.

docs/spec/joint-statistics.md, sections 3 and 7. An engine that computes them has `Statistics` as its program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mpc.spec import TaskSpec
from primitives.errors import InvalidInput
from primitives.json_value import JsonObject, JsonValue
from primitives.shapes import ListOf, Object, OneOf, Shape

NAMES = ("clients", "holding_risk", "leverage")
_COLUMNS = {"clients": (), "holding_risk": ("risk_value", "value"), "leverage": ("debts", "assets")}
VALUE_LIMIT = 2**64  # every column of one owner is below it, so that no sum of owners reaches the curve's order
_RISK_GRADES = {"R1": 1, "R2": 2, "R3": 3, "R4": 4, "R5": 5}
DECIMAL_PLACES = 6
RESULT_FORMAT = "bonafides.result/1"


@dataclass(frozen=True)
class Statistics:
    """A program: some of the statistics, in the order of `NAMES`."""

    names: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the vector's columns, in order. The clients are always among them: the policy counts by it."""
        return ("clients", *(column for name in self.names for column in _COLUMNS[name]))

    def to_json(self) -> JsonObject:
        """Return the task's members that say it."""
        return {"statistics": list(self.names)}


def _in_order(names: list[str], where: str) -> tuple[str, ...]:
    if names != [name for name in NAMES if name in names]:
        raise InvalidInput(where, "statistics", f"must be some of {', '.join(NAMES)}, in this order")
    return tuple(names)


STATISTICS_FIELDS: Mapping[str, Shape[object]] = {"statistics": ListOf(OneOf(*NAMES), 1, len(NAMES)).then(_in_order)}


@dataclass(frozen=True)
class Holding:
    """One position: its product's risk grade (1..5) and its value in fen."""

    risk: int
    value_fen: int


@dataclass(frozen=True)
class ClientFacts:
    """What one client contributes. Money is integer fen, not negative."""

    holdings: tuple[Holding, ...]
    debts_fen: int
    assets_fen: int

    @classmethod
    def from_payload(cls, payload: JsonObject) -> ClientFacts:
        """Read `finance` of an INFO_COLLECT payload: `holdings_fen` by risk (R1..R5), `debts_fen`, `assets_fen`.

        Raises:
            InvalidInput: a field is missing, of another type or out of its range.
        """
        finance = Object().read(payload.get("finance"), "finance")
        holdings = Object().read(finance.get("holdings_fen"), "finance.holdings_fen")
        for name in holdings.keys() - _RISK_GRADES.keys():
            raise InvalidInput(
                f"finance.holdings_fen.{name}", "risk-grade", f"must be one of {', '.join(_RISK_GRADES)}"
            )
        return cls(
            tuple(
                Holding(_RISK_GRADES[name], _amount(value, f"finance.holdings_fen.{name}"))
                for name, value in holdings.items()
            ),
            _amount(finance.get("debts_fen"), "finance.debts_fen"),
            _amount(finance.get("assets_fen"), "finance.assets_fen"),
        )


def local_totals(program: Statistics, clients: Iterable[ClientFacts]) -> tuple[int, ...]:
    """Add up the columns of the program over one owner's clients, in its order.

    Raises:
        InvalidInput: a column reaches 2^64.
    """
    sums = {"clients": 0, "risk_value": 0, "value": 0, "debts": 0, "assets": 0}
    for client in clients:
        sums["clients"] += 1
        for holding in client.holdings:
            sums["risk_value"] += holding.risk * holding.value_fen
            sums["value"] += holding.value_fen
        sums["debts"] += client.debts_fen
        sums["assets"] += client.assets_fen
    values = tuple(sums[column] for column in program.columns)
    for column, value in zip(program.columns, values, strict=True):
        if not 0 <= value < VALUE_LIMIT:
            raise InvalidInput(column, "value-range", "a local total must be below 2^64")
    return values


def result_document(spec: TaskSpec[Statistics], transcript: bytes, totals: tuple[int, ...]) -> dict[str, JsonValue]:
    """Return the `bonafides.result/1` document of checked joint totals."""
    by_name = dict(zip(spec.program.columns, totals, strict=True))
    statistics: dict[str, JsonValue] = {}
    if "clients" in spec.program.names:
        statistics["clients"] = by_name["clients"]
    if "holding_risk" in spec.program.names:
        statistics["holding_risk"] = _ratio(by_name["risk_value"], by_name["value"])
    if "leverage" in spec.program.names:
        statistics["leverage"] = _ratio(by_name["debts"], by_name["assets"])
    return {
        "format": RESULT_FORMAT,
        "task_id": spec.task_id.hex(),
        "spec": spec.digest().hex(),
        "transcript": transcript.hex(),
        "contributors": len(spec.owners),
        "totals": {column: str(value) for column, value in by_name.items()},
        "statistics": statistics,
    }


def decimal_text(numerator: int, denominator: int) -> str | None:
    """Return the quotient of two non-negative integers, rounded half up to six decimals; None for denominator 0."""
    if denominator == 0:
        return None
    scale = 10**DECIMAL_PLACES
    scaled = (2 * numerator * scale + denominator) // (2 * denominator)
    return f"{scaled // scale}.{scaled % scale:0{DECIMAL_PLACES}d}"


def _ratio(numerator: int, denominator: int) -> dict[str, JsonValue]:
    return {
        "numerator": str(numerator),
        "denominator": str(denominator),
        "decimal": decimal_text(numerator, denominator),
    }


def _amount(value: object, field: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < VALUE_LIMIT:
        raise InvalidInput(field, "fen", "must be an integer number of fen, at least 0 and below 2^64")
    return value
