"""The check list of a report: each duty of the domains, kept or broken, with the records that say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.domains import Domains
from replay.report_material import ShownRecord
from replay.rules import Reexecuted

BROKEN, KEPT, IN_PART, NO_OCCASION = "broken", "kept", "in-part", "no-occasion"


def compliance(rerun: Reexecuted, records: Sequence[ShownRecord], domains: Domains) -> list[dict[str, Any]]:
    """Return of each duty {"rule", "result", "asked": at how many records, "records": the places that broke it}.

    It is kept where its rule was asked of every record that it concerns and broken by none, `in-part` where it could
    not be asked of all of them, and had no occasion where there is no such record.
    """
    unasked = {entry.seq for entry in rerun.not_asked}
    found = []
    for rule, duty in domains.vocabulary.duties.items():
        concerned = [shown.record.seq for shown in records if not duty.types or shown.record.type in duty.types]
        asked = [seq for seq in concerned if seq not in unasked]
        broken = list(dict.fromkeys(finding.seq for finding in rerun.findings if finding.rule == rule))
        found.append(
            {"rule": rule, "result": _result(concerned, asked, broken), "asked": len(asked), "records": broken}
        )
    return found


def _result(concerned: Sequence[int], asked: Sequence[int], broken: Sequence[int]) -> str:
    if broken:
        return BROKEN
    if not concerned:
        return NO_OCCASION
    return KEPT if len(asked) == len(concerned) else IN_PART
