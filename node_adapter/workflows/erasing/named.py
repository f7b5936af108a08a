"""Which records may be erased: not before their rule's clock, and nothing that is in force or holds a history together.

The clock runs from the time of the anchor under which a record lies, and is read against the newest indexed block: the
ERASE is anchored later than that, so that a verifier finds the clock over as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from sqlalchemy import Connection

from domain.erasure import CLOCKS, ERASE, ERASES, ERASES_FORMER, MAX_ERASED
from domain.opening import OPENING
from node_adapter.node import Node
from node_adapter.store import anchors, credentials, erasures, records
from node_adapter.store.chain import blocks
from node_adapter.store.records import RecordRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.consent.standing import known_consent
from primitives.errors import Refused
from primitives.timestamp import format_time, format_utc
from replay.succession import SUCCEED, SUCCEEDED
from replay.wire.consent_call import CALLS
from suitability.records.credential import ISSUE, REVOKE

CLIENT = "client"  # the kind of subject whose records can be erased
KEPT = frozenset({OPENING, ERASE, SUCCEED, SUCCEEDED})
"""Types that are never erased: they say what a history is, what of it is gone, and that its identity has ended."""

_MS = 1000


def require_client(subject: SubjectRow) -> None:
    """Refuse (`erase-house`) what the house recorded: what others were told and decided rests on it."""
    if subject.kind != CLIENT:
        raise Refused("erase-house", f"subject: is a {subject.kind}, and decisions about clients rest on its records")


@dataclass(frozen=True)
class Erasable:
    """Says of one subject's records whether they may go now, by one rule."""

    node: Node
    connection: Connection
    subject: SubjectRow
    rule: str

    def first_ones(self) -> list[RecordRow]:
        """Return the first records that may go, as many as one ERASE names."""
        return first_of(records.pages_of(self.connection, self.subject.pid), self.require)

    def require(self, row: RecordRow) -> None:
        """Refuse a record that may not go now.

        Raises:
            Refused: `erase-house`, the history holds what the house recorded, and bundles of others show it whole;
                `erase-again`, it is erased, or about to be; `erase-kept`, it is never erased; `erase-in-force`,
                a consent or a credential that it tells of has not ended; `erase-not-anchored`; `erase-too-early`, with
                the first time at which it may go.
        """
        where = f"record {row.seq}"
        if self._is_of_house:
            raise Refused("erase-house", "subject: holds a rating, and bundles of clients who rely on it show it whole")
        if row.is_stub or row.seq in self._waiting:
            raise Refused("erase-again", f"{where}: an ERASE has named it already")
        if row.seq == 1 or row.house or row.type in KEPT:
            raise Refused("erase-kept", f"{where}: is what other records rest on, and is never erased")
        self._require_over(row, where)
        if self.is_in_force(row):
            raise Refused("erase-in-force", f"{where}: the consent or the credential that it tells of has not ended")

    def _require_over(self, row: RecordRow, where: str) -> None:
        anchor = anchors.first_covering(self.connection, row.log_index)
        if anchor is None:
            raise Refused("erase-not-anchored", f"{where}: no final anchor covers it, and its clock does not run")
        self.require_clock(anchor.block_time, where)

    def require_clock(self, anchored_at: int, where: str) -> None:
        """Refuse (`erase-too-early`) what was anchored at a time (seconds) from which the clock is not over."""
        over = anchored_at * _MS + CLOCKS[self.rule]
        if self.now_ms < over:
            raise Refused("erase-too-early", f"{where}: may go by {self.rule} from {format_time(over)} on")

    @cached_property
    def now_ms(self) -> int:
        """The time of the newest indexed block: by the chain's time and no other a clock is over."""
        return blocks.tip(self.connection).timestamp * _MS

    @cached_property
    def _is_of_house(self) -> bool:
        types = [code for code, entry in self.node.domains.types.items() if entry.of_house]
        return bool(records.of_types(self.connection, self.subject.pid, types))

    @cached_property
    def _waiting(self) -> frozenset[int]:
        waiting = erasures.waiting_of(self.connection, self.subject.pid)
        return frozenset(seq for index in waiting for seq in places_named(records.at(self.connection, index)))

    @cached_property
    def waiting_of_format_1(self) -> frozenset[int]:
        """The places in the history of format 1 that an ERASE names which still waits."""
        waiting = erasures.waiting_of(self.connection, self.subject.pid)
        named = (places_named(records.at(self.connection, index), ERASES_FORMER) for index in waiting)
        return frozenset(seq for places in named for seq in places)

    def is_in_force(self, row: RecordRow) -> bool:
        """Say whether a record tells of a consent or a credential that has not ended."""
        payload = {} if row.payload is None else json.loads(row.payload)
        if row.type in CALLS and "consent_id" in payload:
            known = known_consent(self.node, self.connection, self.subject.pid, payload["consent_id"])
            return known.expires_at is not None and known.expires_at > self.now_ms
        if row.type in (ISSUE, REVOKE) and "credential_id" in payload:
            issued = credentials.find_credential(self.connection, payload["credential_id"])
            if issued is None or issued.body == credentials.LOST_BODY:
                return False
            ended = row.type == ISSUE and issued.revoked_at is not None
            return not ended and json.loads(issued.body)["validUntil"] > format_utc(self.now_ms)
        return False


def first_of(pages: Iterable[Sequence[RecordRow]], require: Callable[[RecordRow], None]) -> list[RecordRow]:
    """Return the first records that are not refused, as many as one ERASE names."""
    found: list[RecordRow] = []
    for row in chain.from_iterable(pages):
        try:
            require(row)
        except Refused as refused:
            if refused.code in ("erase-too-early", "erase-not-anchored"):
                return found  # the records after it were anchored later
            continue
        found.append(row)
        if len(found) == MAX_ERASED:
            return found
    return found


def places_named(erase: RecordRow | None, field: str = ERASES) -> tuple[int, ...]:
    """Return the places of the records that an ERASE names; of one whose content is not at hand, none."""
    return tuple(rules_named(erase, field))


def rules_named(erase: RecordRow | None, field: str = ERASES) -> dict[int, str]:
    """Return by which rule an ERASE erases, by place."""
    payload = {} if erase is None or erase.payload is None else json.loads(erase.payload)
    return {int(entry["seq"]): str(entry["rule"]) for entry in payload.get(field, ())}
