"""What was erased of a history of format 1, as the history that continues it says (docs/spec/evidence-2.md, 2.3).

A record of format 1 without its fields opens all the same, and its bundle alone cannot tell an erased record from a
redacted one. Shown beside the history that continues it, it can: an ERASE there names the record and the rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from domain.erasure import CLOCKS, ERASE, ERASES_FORMER
from evidence.verify.verdict import VerifiedRecord
from evidence.version2.erasure import CHECK, Erased, Erasure, check_clocks, read_former_erasure
from primitives.errors import InvalidInput, VerificationFailed
from replay.succession import Shown, continued_by

_FORMAT = 1


def told_of_erased_before(own: Shown, others: Sequence[Shown]) -> list[str]:
    """Check what the ERASE records of a history name of the one of format 1 that it continues.

    Returns:
        A sentence on each named record; on those that show no field although none is named; and on what is named of a
        history that is not shown.

    Raises:
        VerificationFailed: check `erasure`; a named record is not what the earlier history holds, one that is not shown
            was erased before its clock was over, or what an ERASE names cannot be read.
    """
    erases = [record for record in _own(own) if record.type == ERASE and ERASES_FORMER in record.values]
    erasures = [(record, _read(record)) for record in erases]
    for named in continued_by(own.records, own.report.subject):
        if named.format == _FORMAT:
            old = next((other for other in others if other.place == named.place), None)
            if old is not None:
                return list(_told({record.seq: record for record in _own(old)}, erasures))
    return [
        f"{_label(record)} erases {len(erasure.erases)} records of the history before it, which is not shown"
        for record, erasure in erasures
    ]


def _told(before: dict[int, VerifiedRecord], erasures: Sequence[tuple[VerifiedRecord, Erasure]]) -> Iterator[str]:
    named = set()
    for erase, erasure in erasures:
        for entry in erasure.erases:
            record = before.get(entry.seq)
            if record is None or record.fingerprint != entry.fingerprint.hex():
                raise VerificationFailed(CHECK, f"{_label(erase)} erases what is not record {entry.seq} of format 1")
            named.add(entry.seq)
            yield _one(erase, record, entry)
    for record in before.values():
        if _is_hidden(record) and record.seq not in named:
            yield f"{_label(record)} of format 1 shows no field, and no {ERASE} names it"


def _one(erase: VerifiedRecord, record: VerifiedRecord, entry: Erased) -> str:
    if not _is_hidden(record):
        return f"{_label(record)} of format 1 is shown, although {_label(erase)} erases it: it was put back"
    alone = Erasure(-erase.seq, (entry,))  # the two histories count their records apart
    anchored = {alone.seq: erase.anchored_at, record.seq: record.anchored_at}
    try:
        check_clocks([record.seq], [alone], anchored, CLOCKS)
    except VerificationFailed as error:
        raise VerificationFailed(CHECK, f"format 1: {error.detail}") from error
    return f"{_label(record)} of format 1 was erased by {entry.rule}, as {_label(erase)} says"


def _read(record: VerifiedRecord) -> Erasure:
    try:
        return read_former_erasure(record.values, record.seq, _label(record))
    except InvalidInput as error:
        raise VerificationFailed(CHECK, f"{_label(record)} erases nothing that can be read: {error}") from error


def _own(one: Shown) -> Iterable[VerifiedRecord]:
    return (record for record in one.report.records if record.subject == one.report.subject)


def _is_hidden(record: VerifiedRecord) -> bool:
    return bool(record.envelope["fields"]) and not record.values


def _label(record: VerifiedRecord) -> str:
    return f"record {record.seq} ({record.type})"
