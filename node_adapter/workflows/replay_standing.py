"""For which block a replay's word holds, what was checked for it, and what was not.

A replay speaks as of the last anchor that its bundle shows. Of what came later it says nothing, and says so.
"""

from __future__ import annotations

from typing import Any

from evidence.verdict import VerificationReport
from node_adapter.workflows.as_of import AsOf
from node_adapter.workflows.consent_standing import DATA_USE
from node_adapter.workflows.replay_bundle import Collected
from node_adapter.workflows.verdicts import reasons_json
from primitives.timestamp import format_time
from replay.rules import Reexecuted
from suitability.replay import NOT_CHECKED

RULES, RESULTS, CONSENTS, LATER = "rules", "re-execution", "consent-ends", "later-records"
_MS = 1000


def standing_json(
    verified: VerificationReport, rerun: Reexecuted, collected: Collected, moment: AsOf
) -> dict[str, Any]:
    """Return {"as_of": {"block", "time"}, "checked": [name], "not_checked": [{"check", "reason"}]}.

    Args:
        verified: the bundle, as a stranger would verify it: every check that holds is named.
        rerun: what the engines and rules say.
        collected: what was read.
        moment: the block that the index had reached.
    """
    last = collected.anchors[-1]
    checked = [check.name for check in verified.checks if check.ok]
    skipped = dict(moment.not_checked)
    if rerun.not_asked:
        skipped[RULES] = f"{rerun.summary}; each other one is named with its reason"
    else:
        checked.append(RULES)
    unmade = sum(item.status == NOT_CHECKED for item in rerun.comparisons)
    if unmade:
        skipped[RESULTS] = f"{unmade} of {len(rerun.comparisons)} results could not be computed again"
    else:
        checked.append(RESULTS)
    uses = [record for record in collected.anchored if record.row.type == DATA_USE]
    hidden = sum(record.row.erased or bool(record.altered) for record in uses)
    if hidden:
        skipped[CONSENTS] = f"{hidden} of {len(uses)} uses of data do not show their consent"
    elif uses:
        checked.append(CONSENTS)
    pending = len(collected.records) - len(collected.anchored)
    if pending:
        skipped[LATER] = f"{pending} records came after the anchor of block {last.block}: no bundle shows them yet"
    time = format_time(collected.anchor_times[last.seq] * _MS)
    return {"as_of": {"block": last.block, "time": time}, "checked": checked, "not_checked": reasons_json(skipped)}
