"""For which block a replay's word holds, what was checked for it, and what was not.

A replay speaks as of the last anchor that its bundle shows. Of what came later it says nothing, and says so.
"""

from __future__ import annotations

from typing import Any

from domain.comparison import NOT_CHECKED
from primitives.timestamp import format_time
from replay.report_material import CONSENTS, DATA_USE, Material

RULES, RESULTS, LATER = "rules", "re-execution", "later-records"
_MS = 1000


def standing_json(material: Material) -> dict[str, Any]:
    """Return {"as_of": {"block", "time"}, "checked": [name], "not_checked": [{"check", "reason"}]}."""
    last, rerun = material.last_anchor, material.rerun
    checked = [check.name for check in material.verified.checks if check.ok]
    skipped = dict(material.not_checked)
    if rerun.not_asked:
        skipped[RULES] = f"{rerun.summary}; each other one is named with its reason"
    else:
        checked.append(RULES)
    unmade = sum(item.status == NOT_CHECKED for item in rerun.comparisons)
    if unmade:
        skipped[RESULTS] = f"{unmade} of {len(rerun.comparisons)} results could not be computed again"
    else:
        checked.append(RESULTS)
    uses = [shown for shown in material.anchored if shown.record.type == DATA_USE]
    hidden = sum(shown.erased or bool(shown.altered) for shown in uses)
    if hidden:
        skipped[CONSENTS] = f"{hidden} of {len(uses)} uses of data do not show their consent"
    elif uses and CONSENTS not in skipped:
        checked.append(CONSENTS)
    if material.pending:
        later = f"{material.pending} records came after the anchor of block {last.block}: no bundle shows them yet"
        skipped[LATER] = later
    reasons = [{"check": name, "reason": reason} for name, reason in sorted(skipped.items())]
    return {
        "as_of": {"block": last.block, "time": format_time(last.time * _MS)},
        "checked": checked,
        "not_checked": reasons,
    }
