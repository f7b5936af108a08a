"""A whole history of one subject, checked as far as it speaks for itself (docs/spec/evidence-2.md, section 13).

What it says of keys, log, map and chain is checked by who has their proofs: here are the links, the openings, the
erasures and what the acts say of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.opening import OPENING
from evidence.version2.act import CLIENT_SIGNATURE, check_known, check_nonces
from evidence.version2.envelope import Envelope
from evidence.version2.erasure import Erasure, erasures_of, require_named
from evidence.version2.links import CHAIN, HistoryHead, Link, labels
from evidence.version2.opening import OpenedBy, check_openings
from evidence.version2.record import OpenedRecord
from primitives.errors import VerificationFailed

Record = OpenedRecord | Link
"""A record as a history shows it: an opened copy, or the link alone of an erased one."""


@dataclass(frozen=True)
class SubjectHistory:
    """A history whose own checks hold.

    Attributes:
        records: in their order.
        labels: of each record.
        head: after the last one; its label is that under which nothing may lie.
        opened: who opened it.
        erasures: its ERASE records.
        put_back: the places of records that are shown although an ERASE names them.
    """

    records: tuple[Record, ...]
    labels: tuple[bytes, ...]
    head: HistoryHead
    opened: OpenedBy
    erasures: tuple[Erasure, ...]
    put_back: tuple[int, ...]

    @property
    def erased(self) -> tuple[int, ...]:
        """The places of the records of which the link alone is left."""
        return tuple(record.seq for record in self.records if isinstance(record, Link))


def link_of(record: Record) -> Link:
    """Return the link of a record that is shown, or erased."""
    return record if isinstance(record, Link) else record.link


def check_history(broker: str, subject: bytes, records: Sequence[Record]) -> SubjectHistory:
    """Check a history from its first record.

    Raises:
        InvalidInput: the fields of an OPENING or an ERASE are malformed.
        VerificationFailed: check `subject-chain`, `opening` or `client-signature`.
    """
    links = [link_of(record) for record in records]
    found, head = labels(broker, subject, links)
    shown = [record.envelope for record in records if isinstance(record, OpenedRecord)]
    _require_of_this(broker, subject, shown)
    erasures = erasures_of(records)
    put_back = require_named(records, erasures)
    opened = check_openings(records)
    prints = [link.fingerprint for link in links]
    for envelope in shown:
        _require_client(envelope, opened)
        check_known(envelope, prints)
    check_nonces(shown)
    return SubjectHistory(tuple(records), found, head, opened, erasures, put_back)


def _require_client(envelope: Envelope, opened: OpenedBy) -> None:
    """Check that nobody signs in a history but the client whose it is: acts elsewhere would be left out unseen."""
    if envelope["type"] == OPENING:
        return  # who signs that is the opening's own check
    for signature in envelope["signatures"]:
        if signature["did"] != opened.client:
            raise VerificationFailed(
                CLIENT_SIGNATURE, f"record {envelope['seq']} is signed by {signature['did']}, whose history this is not"
            )


def _require_of_this(broker: str, subject: bytes, envelopes: Sequence[Envelope]) -> None:
    ids: dict[str, int] = {}
    for envelope in envelopes:
        seq = envelope["seq"]
        if (envelope["broker"], envelope["subject"]) != (broker, subject.hex()):
            raise VerificationFailed(CHAIN, f"record {seq} is of another broker or subject")
        if ids.setdefault(envelope["record_id"], seq) != seq:
            raise VerificationFailed(CHAIN, f"record {seq} has the id of record {ids[envelope['record_id']]}")
