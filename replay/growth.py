"""Who checked that a broker's map only grew between its anchors, and how many the reader wants.

Without a cosignature a broker that rolls its map back between two anchors, and forward again, leaves no trace in a
bundle. A majority of the other active members is wanted by default; fewer is said, and refutes nothing unless the
reader asked for a number.
"""

from __future__ import annotations

from dataclasses import replace

from evidence.verify.verdict import Reach, VerificationReport
from primitives.errors import InvalidInput, VerificationFailed

CHECK = "witnesses"
GROWTH = "growth-between-anchors"


def wanted_of(reach: Reach) -> int:
    """Return how many witnesses are wanted where nobody says: a majority of the other active members."""
    return reach.members // 2 + 1


def watched(report: VerificationReport, least: int | None) -> VerificationReport:
    """Return a report that says how many witnesses were wanted.

    Args:
        report: of a bundle of either format.
        least: how many the reader asks for; None leaves it at a majority, of which fewer fail nothing.

    Raises:
        InvalidInput: witnesses are asked of a bundle of format 1.
        VerificationFailed: check `witnesses`; fewer than asked for checked growth.
    """
    if report.reach is None:
        if least is not None and report.ok:
            raise InvalidInput(CHECK, "unknown", "a bundle of format 1 names no witnesses")
        return report
    count = len(report.reach.witnesses)
    if least is not None and count < least:
        raise VerificationFailed(
            CHECK, f"growth between anchors was checked by {count} of {report.reach.members} other members: {least} "
            "were asked for",
        )  # fmt: skip
    return replace(report, reach=replace(report.reach, wanted=wanted_of(report.reach) if least is None else least))


def unwatched(reach: Reach) -> str:
    """Say why growth counts as not checked; empty where enough members checked it."""
    if len(reach.witnesses) >= reach.wanted:
        return ""
    return (
        f"{len(reach.witnesses)} of {reach.members} other members checked that the broker's map only grew, and "
        f"{reach.wanted} are wanted: whether a record was taken back between two anchors may not show"
    )
