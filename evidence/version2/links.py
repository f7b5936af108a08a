"""How a subject's records are linked, and what log and map hold of each (docs/spec/evidence-2.md, sections 2.1, 2.2).

label(1)   = H(tag || broker || subject)            entry = H(tag || seq || prev || next || fingerprint)
label(n+1) = next of record n

A link opens without its envelope: of an erased record its stub still shows what came before and after. H is SHA-256
whatever the suite.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypedDict

from evidence import shapes
from primitives.digest import tag_bytes
from primitives.errors import VerificationFailed
from primitives.shapes import Fields

ZERO_HASH = bytes(shapes.HASH_BYTES)
CHAIN = "subject-chain"

_LABEL_TAG = "bonafides/label/2"
_ENTRY_TAG = "bonafides/entry/2"


class StubDocument(TypedDict):
    """A link as JSON: what stays of an erased record; hashes are hex."""

    seq: int
    prev: str
    next: str
    fingerprint: str


@dataclass(frozen=True)
class Link:
    """The place of a record in its subject's history.

    Attributes:
        seq: its number, from 1.
        prev: fingerprint of the record before, zeros for the first.
        next: the label under which the record after has to lie, or none may.
        fingerprint: of the record itself.
    """

    seq: int
    prev: bytes
    next: bytes
    fingerprint: bytes

    @property
    def entry(self) -> bytes:
        """What the log holds of the record, and the map under its label."""
        data = tag_bytes(_ENTRY_TAG) + u64(self.seq) + self.prev + self.next + self.fingerprint
        return hashlib.sha256(data).digest()

    def to_json(self) -> StubDocument:
        """Return the stub."""
        return {
            "seq": self.seq,
            "prev": self.prev.hex(),
            "next": self.next.hex(),
            "fingerprint": self.fingerprint.hex(),
        }


def _link(members: dict[str, Any], _: str) -> Link:
    return Link(**members)


STUB = Fields(
    {"seq": shapes.POSITIVE, "prev": shapes.HASH, "next": shapes.HASH, "fingerprint": shapes.HASH},
).then(_link)
"""What is shown of an erased record."""


@dataclass(frozen=True)
class HistoryHead:
    """Where a history ends: what its next record has to name, and where it has to lie.

    Attributes:
        count: number of records.
        fingerprint: of the last one, zeros where there is none.
        label: of record `count` + 1.
    """

    count: int
    fingerprint: bytes
    label: bytes

    def after(self, link: Link) -> HistoryHead:
        """Return the head once this record was added.

        Raises:
            VerificationFailed: check `subject-chain`; it is not the next record.
        """
        if link.seq != self.count + 1:
            raise VerificationFailed(CHAIN, f"record {link.seq} follows record {self.count}")
        if link.prev != self.fingerprint:
            raise VerificationFailed(CHAIN, f"record {link.seq} names another record before it")
        return HistoryHead(link.seq, link.fingerprint, link.next)


def start(broker: str, subject: bytes) -> HistoryHead:
    """Return the head of a history without records."""
    return HistoryHead(0, ZERO_HASH, first_label(broker, subject))


def labels(broker: str, subject: bytes, links: Iterable[Link]) -> tuple[tuple[bytes, ...], HistoryHead]:
    """Follow a whole history from its first record; return the label of each record, and the head.

    Raises:
        VerificationFailed: check `subject-chain`; a gap, or a record that is not the one that follows.
    """
    head = start(broker, subject)
    found = []
    for link in links:
        found.append(head.label)
        head = head.after(link)
    return tuple(found), head


def first_label(broker: str, subject: bytes) -> bytes:
    """Return the label of record 1, which broker and pseudonym give."""
    return hashlib.sha256(tag_bytes(_LABEL_TAG) + broker.encode("utf-8") + subject).digest()


def label_of_secret(secret: bytes) -> bytes:
    """Return the label that a secret of the record before gives."""
    return hashlib.sha256(secret).digest()


def u64(number: int) -> bytes:
    """Return 8 bytes, big-endian."""
    return number.to_bytes(8)
