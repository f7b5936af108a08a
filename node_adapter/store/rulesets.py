"""Rule sets as installed at this node; a rule set is never changed or removed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from node_adapter.store.schema import ruleset

_COUNT = select(func.count()).select_from(ruleset)  # every request asks: it is built once


@dataclass(frozen=True)
class RuleSetRow:
    """An installed rule set. `effective_from` is milliseconds; `body` its bytes as installed."""

    label: str
    effective_from: int
    body: bytes


def insert_ruleset(connection: Connection, row: RuleSetRow) -> None:
    """Store a rule set; the caller has checked that the label is free."""
    connection.execute(insert(ruleset).values(**vars(row)))


def all_rulesets(connection: Connection) -> list[RuleSetRow]:
    """Return every installed rule set, the earliest first."""
    statement = select(ruleset).order_by(ruleset.c.effective_from, ruleset.c.label)
    return [RuleSetRow(**row) for row in connection.execute(statement).mappings()]


def count(connection: Connection) -> int:
    """Return how many rule sets are installed."""
    return int(connection.execute(_COUNT).scalar_one())
