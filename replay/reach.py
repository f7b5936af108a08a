"""How far the answer about a bundle of format 2 reaches, in sentences that a judge reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from evidence.verify.verdict import Reach, VerificationReport, VerifiedRecord
from replay.standing import verification_standing
from replay.verification import Verification


def redacted(report: VerificationReport) -> list[VerifiedRecord]:
    """Return the records of the bundle's own subject that do not show all their fields."""
    own = (record for record in report.records if record.subject == report.subject)
    return [record for record in own if record.envelope["fields"].keys() != record.values.keys()]


OWN_PROMISES = (
    "held promises are asked by those who hold them (`verify --promises`): the broker that made this bundle holds none "
    "against itself"
)


def sentences(verification: Verification, own: Sequence[Mapping[str, str]] | None = None) -> list[str]:
    """Return how far the answer reaches; empty of a bundle of format 1, or where a check failed.

    Args:
        verification: of a bundle.
        own: where the bundle's maker reports on it himself: what he could not check, {"check", "reason"}. A verifier is
            told what he did not ask; of the maker that is no news.
    """
    report, reach = verification.report, verification.report.reach
    if reach is None:
        return []
    block = f"block {report.complete_as_of_block} ({report.complete_as_of_time})"
    asked = verification_standing(verification)["not_checked"] if own is None else own
    return [
        f"complete as of {block}: the broker counted these records of the history by then, and no other",
        *vouched(report),
        verification.rerun.summary,
        f"redacted {_places(record.seq for record in redacted(report))}; erased {_places(reach.erased)}; put back "
        f"after an erasure {_places(reach.put_back)}; pending {report.pending or 'none'}",
        *(f"not checked: {entry['check']}: {entry['reason']}" for entry in asked),
        *([] if own is None else [OWN_PROMISES]),
    ]


def vouched(report: VerificationReport) -> list[str]:
    """Return on whose word the answer rests; empty of a bundle of format 1."""
    reach = report.reach
    if reach is None:
        return []
    signers = ", ".join(reach.trusted_by)
    return [
        f"block {report.complete_as_of_block} stands on the word of {signers}, whose key was pinned",
        _growth(reach),
        *_wrong(reach),
        f"the history was {reach.opened_by}",
        *_earlier(reach),
    ]


def _growth(reach: Reach) -> str:
    count, names = len(reach.witnesses), ", ".join(reach.witnesses)
    if not count:
        return "that the broker's map only grew was checked by nobody: a rollback between two anchors would not show"
    told = f"that the broker's map only grew was checked by {count} of {reach.members} other members: {names}"
    return told if count >= reach.wanted else f"{told}, fewer than the {reach.wanted} that are wanted"


def _wrong(reach: Reach) -> list[str]:
    if not reach.wrong:
        return []
    named = ", ".join(str(seq) for seq in reach.wrong)
    return [f"the broker names as wrong anchor {named}: a record that lies there alone shows in its promise, not here"]


def _earlier(reach: Reach) -> list[str]:
    return [f"it continues the history of subject {subject}, which is not shown" for subject in reach.not_shown]


def _places(seqs: Iterable[int]) -> str:
    named = ", ".join(str(seq) for seq in seqs)
    return f"record {named}" if named else "none"
