"""Evidence of when a credential was issued: its digest in a record, and the record in a batch that was anchored.

Specification: docs/spec/credentials.md, section 4. Nobody's signature counts here: the leaf is the chain's, and whoever
checks takes it from his own index of the chain, not from the witness. That the broker names the anchor as wrong later
changes nothing: the entry was there at the time of its block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evidence import shapes
from evidence.documents.issue_witness import CHECK, DIGEST_FIELD
from evidence.log.tree import MAX_PATH, verify_inclusion
from evidence.version2.log.anchors import FIRST_ANCHOR, AnchorLeaf
from evidence.version2.record import OpenedRecord, SealedRecord, open_redacted, redact
from evidence.version2.shapes import hashes, hashes_text
from primitives.errors import VerificationFailed
from primitives.shapes import Anything, Constant, Fields, Integer

FORMAT = "bonafides.issue-witness/2"
_WITNESS = Fields(
    {
        "format": Constant(FORMAT),
        "record": Anything().then(open_redacted),
        "log_index": shapes.NUMBER,
        "batch": hashes(MAX_PATH),
        "anchor": Fields({"block": shapes.NUMBER, "seq": Integer(FIRST_ANCHOR)}),
    }
)


@dataclass(frozen=True)
class IssueWitness:
    """A witness that was read, its record opened.

    Attributes:
        record: of the issue.
        log_index: its place in the issuer's log.
        path: of its entry in the batch.
        block: where the anchor stands that covers this place.
        seq: the number of that anchor.
    """

    record: OpenedRecord
    log_index: int
    path: tuple[bytes, ...]
    block: int
    seq: int

    def check(self, record_type: str, issuer: str, digest: bytes, leaf: AnchorLeaf) -> None:
        """Check that an anchor covers the record of this credential.

        Args:
            record_type: the type of records that tell of an issue; the domain names it.
            issuer: the DID of the member that issued.
            digest: SHA-256 of the credential (docs/spec/credentials.md, section 2).
            leaf: the issuer's anchor (`block`, `seq`) as the chain made it.

        Raises:
            VerificationFailed: checks `issue-witness` and `inclusion`.
        """
        envelope = self.record.envelope
        if envelope["type"] != record_type or envelope["broker"] != issuer:
            raise VerificationFailed(CHECK, f"the witness is no {record_type} record of {issuer}")
        if self.record.values.get(DIGEST_FIELD) != digest.hex():
            raise VerificationFailed(CHECK, "the witness is of another credential, or does not show its digest")
        if not leaf.size_before <= self.log_index < leaf.size_after:
            raise VerificationFailed(CHECK, f"anchor {leaf.seq} of {issuer} does not cover log index {self.log_index}")
        place = self.log_index - leaf.size_before
        verify_inclusion(self.record.entry, place, leaf.added, self.path, leaf.batch_root)


def build_witness(
    sealed: SealedRecord, *, log_index: int, path: Sequence[bytes], block: int, seq: int
) -> dict[str, Any]:
    """Return the wire form. Of the record it shows the digest's field alone.

    Args:
        sealed: the record of the issue.
        log_index: its place in the log.
        path: of its entry in its batch.
        block: where the anchor stands that covers it.
        seq: the anchor's number.
    """
    return {
        "format": FORMAT,
        "record": redact(sealed, [DIGEST_FIELD]),
        "log_index": log_index,
        "batch": hashes_text(path),
        "anchor": {"block": block, "seq": seq},
    }


def parse_witness(value: object, field: str = "witness") -> IssueWitness:
    """Read a witness.

    Raises:
        InvalidInput: not the shape of one.
        VerificationFailed: check `field-digest`, the record's copy does not open.
        CouldNotCheck: the library of the record's suite is not installed.
    """
    witness = _WITNESS.read(value, field)
    anchor = witness["anchor"]
    return IssueWitness(witness["record"], witness["log_index"], witness["batch"], anchor["block"], anchor["seq"])
