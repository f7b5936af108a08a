"""Records that were erased, and the ERASE records that say so (docs/spec/evidence-2.md, section 2.2).

A rule's clock runs from the time of the anchor under which the erased record lies, never from a time that a record
states: both times that are compared are the chain's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.erasure import ERASE, ERASES_FORMER, MAX_ERASED
from evidence import shapes
from evidence.version2.links import CHAIN, Link
from evidence.version2.record import OpenedRecord
from primitives.errors import VerificationFailed
from primitives.shapes import Fields, ListOf, Text

CHECK = "erasure"

RULE = Text(60, pattern="[a-z0-9]+(?:-[a-z0-9]+)*", rule="code")


@dataclass(frozen=True)
class Erased:
    """A record that an ERASE names, and the rule that lets it go."""

    seq: int
    fingerprint: bytes
    rule: str


ERASES = ListOf(
    Fields({"seq": shapes.POSITIVE, "fingerprint": shapes.HASH, "rule": RULE}).then(lambda m, _: Erased(**m)),
    1,
    MAX_ERASED,
)
"""The field `erases`."""

_FIELDS = Fields({"erases": ERASES}, open=True)
_FORMER = Fields({ERASES_FORMER: ERASES}, open=True)


@dataclass(frozen=True)
class Erasure:
    """An ERASE of a history: its own place, and what it names."""

    seq: int
    erases: tuple[Erased, ...]


def read_erasure(fields: Mapping[str, Any], seq: int, place: str = "payload") -> Erasure:
    """Read the fields of the ERASE that is record `seq`.

    Raises:
        InvalidInput: malformed.
    """
    return Erasure(seq, tuple(_FIELDS.read(fields, place)["erases"]))


def read_former_erasure(fields: Mapping[str, Any], seq: int, place: str = "payload") -> Erasure:
    """Read what the ERASE that is record `seq` names of the history of format 1 which its own continues.

    Raises:
        InvalidInput: malformed.
    """
    return Erasure(seq, tuple(_FORMER.read(fields, place)[ERASES_FORMER]))


def erasures_of(records: Iterable[OpenedRecord | Link]) -> tuple[Erasure, ...]:
    """Return the ERASE records of a history that show what they name.

    Raises:
        InvalidInput: one is malformed.
    """
    return tuple(
        read_erasure(record.values, record.envelope["seq"], f"record {record.envelope['seq']}")
        for record in records
        if isinstance(record, OpenedRecord) and record.envelope["type"] == ERASE and "erases" in record.values
    )


def require_named(records: Sequence[OpenedRecord | Link], erasures: Iterable[Erasure]) -> tuple[int, ...]:
    """Check that every stub is named by an ERASE after it, and that each names records of this history.

    Args:
        records: the whole history in its order.
        erasures: its ERASE records.

    Returns:
        The places of records that are shown although an ERASE names them: what was erased was put back.

    Raises:
        VerificationFailed: check `subject-chain`.
    """
    prints = [record.fingerprint for record in records]
    named: set[int] = set()
    for erasure in erasures:
        for entry in erasure.erases:
            if entry.seq >= erasure.seq or prints[entry.seq - 1] != entry.fingerprint:
                raise VerificationFailed(CHAIN, f"record {erasure.seq} erases what is not record {entry.seq} before it")
            named.add(entry.seq)
    for record in records:
        if isinstance(record, Link) and record.seq not in named:
            raise VerificationFailed(CHAIN, f"record {record.seq} is not shown, and no {ERASE} names it")
    return tuple(sorted(seq for seq in named if isinstance(records[seq - 1], OpenedRecord)))


def check_clocks(
    stubs: Iterable[int], erasures: Iterable[Erasure], anchored_ms: Mapping[int, int], clocks: Mapping[str, int]
) -> None:
    """Check that no clock was running when a record was erased. A record that is shown all the same lost nothing.

    Args:
        stubs: the places of the records that are erased.
        erasures: the ERASE records of the history.
        anchored_ms: by place, the time of the first anchor of a record, in milliseconds.
        clocks: by rule, how long a record is kept from its anchor, in milliseconds (`domain.erasure.CLOCKS`).

    Raises:
        VerificationFailed: check `erasure`; a clock was not over at the anchor of the ERASE, or its rule has none.
    """
    gone = frozenset(stubs)
    for erasure in erasures:
        for entry in erasure.erases:
            if entry.seq in gone:
                _require_over(entry, erasure.seq, anchored_ms, clocks)


def _require_over(entry: Erased, by: int, anchored_ms: Mapping[int, int], clocks: Mapping[str, int]) -> None:
    clock = clocks.get(entry.rule)
    if clock is None:
        raise VerificationFailed(CHECK, f"record {entry.seq} was erased by {entry.rule}, which is no rule with a clock")
    kept = anchored_ms[by] - anchored_ms[entry.seq]
    if kept < clock:
        raise VerificationFailed(
            CHECK, f"record {entry.seq} was erased {clock - kept} ms before the clock of {entry.rule} was over"
        )
