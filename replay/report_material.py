"""What a replay report is made of: a verification, and what its maker alone knows.

A broker's node has originals, records that no anchor covers yet, and the reason of the look. Whoever has bundle and
trust file, such as a court's expert, makes the same report of what these show (`material_of`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from domain.domains import Domains
from evidence.verify.verdict import KeyChange, LastAnchor, VerificationReport, VerifiedRecord
from primitives.errors import VerificationFailed
from replay.growth import GROWTH
from replay.installed import INSTALLED
from replay.records import Record, of_verified
from replay.rules import Reexecuted
from replay.verification import Verification

AS_OF_NOW, CONSENTS = "as-of-now", "consent-ends"  # what a maker may be unable to check
DATA_USE = "DATA_USE"


@dataclass(frozen=True)
class Occasion:
    """Why and by whom a report was made; None is what its maker does not know. `order` is a regulator's.

    Attributes:
        case: the case number.
        lang: zh or en.
        made_at: the time of its making.
        reason: why the originals were read.
        order: {"regulator", "id", "ordered_at", "due_at"?}, where one ordered the replay.
        broker_name: what the broker calls itself.
        stored_findings: (record id, code) of what the node found at intake.
        software: name and version of the program that makes the report.
    """

    case: str
    lang: str
    made_at: str
    reason: str | None = None
    order: Mapping[str, str] | None = None
    broker_name: str | None = None
    stored_findings: frozenset[tuple[str, str]] | None = None
    software: str | None = None


@dataclass(frozen=True)
class Anchored:
    """The first anchor that covers a record.

    Attributes:
        seq: its number.
        block: in which it was made.
        time: the block's, in milliseconds.
        batch_root: of the records that it added (hex); None in format 1, whose log is one tree.
        path_hashes: how many hashes lead from the record to that root; None likewise.
    """

    seq: int
    block: int
    time: int
    batch_root: str | None = None
    path_hashes: int | None = None


@dataclass(frozen=True)
class ShownRecord:
    """A record as a report shows it.

    Attributes:
        record: its place, envelope and the values that rules may read.
        values: what a person is shown, with originals that were altered.
        accepted_at: when the broker took it, in milliseconds.
        anchor_by: until when it promised an anchor, or None where it promised nothing yet.
        anchor: None where no anchor covers it yet.
        altered: the fields whose originals are not what was sealed.
        erased: whether its envelope alone is left.
    """

    record: Record
    values: Mapping[str, Any] = field(repr=False)
    accepted_at: int
    anchor_by: int | None
    anchor: Anchored | None
    altered: tuple[str, ...] = ()
    erased: bool = False


@dataclass(frozen=True)
class Material:
    """Everything that a report is made of.

    `records` are the client's own, `references` those that they name; `not_checked` says by name what its maker could
    not check, and why; `domains` know the record types.
    """

    occasion: Occasion
    client: str | None
    subject: str
    records: Sequence[ShownRecord]
    references: Sequence[tuple[str, Sequence[ShownRecord]]]
    pending: int
    last_anchor: LastAnchor
    key_changes: Sequence[KeyChange]
    broker: str
    verified: VerificationReport
    rerun: Reexecuted
    not_checked: Mapping[str, str] = field(default_factory=dict)
    domains: Domains = INSTALLED

    @property
    def anchored(self) -> list[ShownRecord]:
        """The client's records that the last anchor covers."""
        return [shown for shown in self.records if shown.anchor is not None]


def material_of(verification: Verification, occasion: Occasion, domains: Domains = INSTALLED) -> Material:
    """Return what a bundle alone gives to a report.

    Raises:
        VerificationFailed: the bundle does not hold, and so proves no content.
    """
    report = verification.report
    if not report.ok or report.last_anchor is None:
        raise VerificationFailed("report", f"there is nothing to report on: {report.verdict}")
    own = [_shown(record) for record in report.records if record.subject == report.subject]
    others = [record for record in report.records if record.subject != report.subject]
    return Material(
        occasion=occasion,
        client=report.client,
        subject=report.subject,
        records=own,
        references=[
            (subject, [_shown(record) for record in chain])
            for subject, chain in groupby(others, key=lambda record: record.subject)
        ],
        pending=report.pending,
        last_anchor=report.last_anchor,
        key_changes=report.key_changes,
        broker=report.broker,
        verified=report,
        rerun=verification.rerun,
        not_checked={
            **unseen(report.complete_as_of_block, uses=any(shown.record.type == DATA_USE for shown in own)),
            **{name: reason for name, reason in verification.further.items() if name == GROWTH and reason},
        },
        domains=domains,
    )


def unseen(block: int, *, uses: bool) -> dict[str, str]:
    """Return what no bundle shows that ends at this block, with or without uses of the client's data."""
    found = {AS_OF_NOW: f"what the chain says after block {block} is no part of a bundle"}
    if uses:
        found[CONSENTS] = "a consent that was withdrawn on the chain and in no record is no part of a bundle"
    return found


def _shown(record: VerifiedRecord) -> ShownRecord:
    return ShownRecord(
        record=of_verified(record),
        values=record.values,
        accepted_at=record.accepted_at,
        anchor_by=record.anchor_by,
        anchor=Anchored(
            record.anchor_seq, record.anchor_block, record.anchored_at, record.batch_root, record.path_hashes
        ),
        erased=bool(record.envelope["fields"]) and not record.values,
    )
