"""Which rules let a record go, and how long each keeps it from its anchor (docs/spec/evidence-2.md, section 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ERASE = "ERASE"
ERASES, ERASES_FORMER = "erases", "erases_former"  # the fields that name records: of the history, of the one before it
MAX_ERASED = 1000  # by one record
SIGNERS = 2  # of the staff: no rule set asks for fewer
ROLE = "compliance"
_DAY_MS = 24 * 3600 * 1000

CLOCKS: Mapping[str, int] = MappingProxyType({"retention-20-years": 7_305 * _DAY_MS})
"""By rule, for how many milliseconds a record is kept. 7,305 days are never less than twenty years."""
