"""The closed lists of names that rule sets, records and engines share. Names only: every number is in a rule set."""

from __future__ import annotations

LEVELS = ("C1-min", "C1", "C2", "C3", "C4", "C5")
"""Client levels, from the most to the least protected."""

MIN_LEVEL = LEVELS[0]

RISKS = ("R1", "R2", "R3", "R4", "R5")
"""Product risk levels, from low to high."""

TERMS = ("1Y", "5Y", "ANY")
"""Holding periods of a product and horizons of a client, from short to long."""

TYPES = ("T1", "T2", "T3", "T4")
"""Nested kinds of product: fixed income, equity and financing, margin and futures and options, structured and OTC."""

PURPOSES = (
    "SUITABILITY_ASSESS",
    "QUALIFIED_CHECK",
    "AML_JOINT",
    "BLACKLIST_QUERY",
    "MARKET_RISK",
    "REGULATOR_STAT",
)
"""The closed list of purposes of a joint use. A marketing purpose does not exist."""

OPINION_CODES = (
    "MATCH",
    "TERM_MISMATCH",
    "TYPE_MISMATCH",
    "RISK_MISMATCH",
    "NOT_ADMITTED",
    "FORBIDDEN_MIN",
    "EXPIRED",
    "NO_ASSESSMENT",
)
"""Results of matching, from best to worst."""

MISMATCHES = ("TERM_MISMATCH", "TYPE_MISMATCH", "RISK_MISMATCH")
"""Results that a client may insist on after a warning."""
