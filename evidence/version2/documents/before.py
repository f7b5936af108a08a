"""Which anchors a bundle has to show beside those of its records (docs/spec/evidence-2.md, sections 12 and 13).

No later time is proved of a record's acceptance than that of the anchor before its own, and a promise may be signed by
the key of that anchor's leaf. So the anchor before is shown where it makes a difference: where other keys of the broker
stand in it, or where a key that may have signed the record ended between the two. Where a key ended before that one,
and it was on its way at the acceptance, the one before it is shown, too. To show more makes a bundle larger and no
check fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from domain.second_person import FIELD
from evidence.version2.documents.assemble import SubjectMaterial
from evidence.version2.log.anchors import FIRST_ANCHOR, AnchorLeaf
from evidence.version2.state.did_changes import DidChange, KeyHistory
from primitives.suites import SUITES
from primitives.timestamp import parse_time

_MS = 1000


def anchors_before(
    histories: Iterable[SubjectMaterial],
    *,
    covering: Callable[[int], AnchorLeaf],
    anchor: Callable[[int], AnchorLeaf],
    did: Sequence[DidChange],
    enrols: str,
) -> list[int]:
    """Return the numbers of the anchors to show, ascending.

    Args:
        histories: all that the bundle shows.
        covering: gives the anchor under which a place of the log lies.
        anchor: gives the anchor of a number.
        did: the changes of the client's DID.
        enrols: the record type that enrols a key of the staff.
    """
    records = [(covering(record.log_index), record.shown) for history in histories for record in history.records]
    ends = _Ends(did, _expiries((shown for _, shown in records), enrols))
    found: set[int] = set()
    for leaf, shown in records:
        if leaf.seq == FIRST_ANCHOR or "envelope" not in shown:
            continue
        before, ended = anchor(leaf.seq - 1), ends.of(shown)
        if before.keys_digest != leaf.keys_digest or any(before.time < end <= leaf.time for end in ended):
            found.add(before.seq)
        if before.seq == FIRST_ANCHOR or before.block <= shown["envelope"]["accepted"]["block"]:
            continue
        if any(end <= before.time for end in ended):  # it was on its way at the acceptance
            found |= {before.seq, before.seq - 1}
    return sorted(found)


class _Ends:
    """When the keys end that may have signed a record: the client's, and those of the staff, in seconds."""

    def __init__(self, did: Sequence[DidChange], expiries: Mapping[str, int]) -> None:
        self._did = did
        self._expiries = expiries
        self._histories: dict[int, KeyHistory] = {}

    def of(self, shown: Mapping[str, Any]) -> list[int]:
        envelope = shown["envelope"]
        found = []
        if envelope["known"] is not None:  # an act of the client
            block, algorithm = envelope["accepted"]["block"], SUITES[envelope["suite"]].algorithm
            if algorithm not in self._histories:
                self._histories[algorithm] = KeyHistory(self._did, algorithm)
            found += [key.end for key in self._histories[algorithm].at(block)]
        signed = shown["fields"].get(FIELD)
        if signed is not None:
            keys = [entry["key"] for entry in signed["value"]]
            found += [self._expiries[key] for key in keys if key in self._expiries]
        return found


def _expiries(shown: Iterable[Mapping[str, Any]], enrols: str) -> dict[str, int]:
    """Return when each enrolled key of the staff expires, in seconds, rounded up: it has ended by then."""
    found = {}
    for copy in shown:
        if "envelope" in copy and copy["envelope"]["type"] == enrols and {"key", "expires_at"} <= copy["fields"].keys():
            values = copy["fields"]
            found[values["key"]["value"]] = -(-parse_time(values["expires_at"]["value"], "expires_at") // _MS)
    return found
