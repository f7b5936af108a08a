"""For which block a replay's word holds, what was checked for it, and what was not.

A replay speaks as of the last anchor that its bundle shows. Of what came later it says nothing, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.comparison import NOT_CHECKED
from evidence.verify.verdict import VerificationReport
from primitives.timestamp import format_time
from replay.report_material import CONSENTS, DATA_USE, Material, unseen
from replay.rules import Reexecuted
from replay.verification import Verification

RULES, RESULTS, LATER = "rules", "re-execution", "later-records"
NOTHING_PROVED = "the evidence does not hold, and so proves no content"
_MS = 1000


def standing_json(material: Material) -> dict[str, Any]:
    """Return {"as_of": {"block", "time"}, "checked": [name], "not_checked": [{"check", "reason"}]} of a report."""
    last, verified = material.last_anchor, material.verified
    shown = [(not shown.erased and not shown.altered) for shown in material.anchored if shown.record.type == DATA_USE]
    later = f"{material.pending} records came after the anchor of block {last.block}: no bundle shows them yet"
    skipped = {**material.not_checked, **({LATER: later} if material.pending else {})}
    as_of = {"block": last.block, "time": format_time(last.time * _MS)}
    if verified.reach is not None:  # of format 2: the trusted block, up to which nothing else was anchored
        as_of = {"block": verified.complete_as_of_block, "time": str(verified.complete_as_of_time)}
    return {"as_of": as_of, **_lists(material.verified, material.rerun, skipped, shown)}


def verification_standing(verification: Verification) -> dict[str, Any]:
    """Return {"checked", "not_checked"}, likewise, of a verification: what was asked of a bundle, and what was not."""
    report, further = verification.report, verification.further
    uses = [record for record in report.records if record.subject == report.subject and record.type == DATA_USE]
    skipped = unseen(report.complete_as_of_block, uses=bool(uses))
    skipped |= {name: reason for name, reason in further.items() if reason}
    if report.pending:
        skipped[LATER] = f"{report.pending} records came later, says the broker: this bundle does not show them"
    shown = [bool(record.values) for record in uses]
    made = [name for name, reason in further.items() if not reason]
    if not report.ok:  # beside what fails nothing is looked at
        skipped |= dict.fromkeys((RULES, RESULTS, *made), NOTHING_PROVED)
        made = []
    return _lists(report, verification.rerun, skipped, shown, made)


def _lists(
    report: VerificationReport,
    rerun: Reexecuted,
    skipped: dict[str, str],
    uses: Sequence[bool],
    further: Sequence[str] = (),
) -> dict[str, Any]:
    """Return both lists: `uses` says of each use of data whether it shows its consent."""
    checked = [check.name for check in report.checks if check.ok]
    if rerun.not_asked:
        skipped[RULES] = f"{rerun.summary}; each other one is named with its reason"
    elif RULES not in skipped:
        checked.append(RULES)
    unmade = sum(item.status == NOT_CHECKED for item in rerun.comparisons)
    if unmade:
        skipped[RESULTS] = f"{unmade} of {len(rerun.comparisons)} results could not be computed again"
    elif RESULTS not in skipped:
        checked.append(RESULTS)
    hidden = uses.count(False)
    if hidden:
        skipped[CONSENTS] = f"{hidden} of {len(uses)} uses of data do not show their consent"
    elif uses and CONSENTS not in skipped:
        checked.append(CONSENTS)
    return {
        "checked": [*checked, *(name for name in further if name not in checked)],
        "not_checked": [{"check": name, "reason": reason} for name, reason in sorted(skipped.items())],
    }
