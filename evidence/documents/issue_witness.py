"""Evidence of when a credential was issued: its digest in a record, and the record in an anchored log.

Specification: docs/spec/credentials.md, section 4. Nobody's signature counts here: the anchored root is the chain's,
and whoever checks takes it from his own index of the chain, not from the witness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evidence import shapes
from evidence.documents.record import OpenedRecord, SealedRecord, open_redacted, redact
from evidence.log.tree import MAX_PATH, verify_inclusion
from primitives.errors import VerificationFailed
from primitives.shapes import Anything, Constant, Fields

FORMAT = "bonafides.issue-witness/1"
DIGEST_FIELD = "credential_sha256"
CHECK = "issue-witness"
_WITNESS = Fields(
    {
        "format": Constant(FORMAT),
        "record": Anything().then(open_redacted),
        "log": Fields(
            {"index": shapes.NUMBER, "size": shapes.POSITIVE, "path": shapes.tuple_of(shapes.HASH, MAX_PATH)}
        ),
        "anchor": Fields({"block": shapes.NUMBER, "seq": shapes.POSITIVE}),
    }
)


@dataclass(frozen=True)
class IssueWitness:
    """A witness that was read, its record opened. `block` and `seq` say which of the issuer's anchors to look up."""

    record: OpenedRecord
    index: int
    size: int
    path: tuple[bytes, ...]
    block: int
    seq: int

    def check(self, record_type: str, issuer: str, digest: bytes, root: bytes, size: int) -> None:
        """Check that this anchor covers the record of this credential.

        Args:
            record_type: the type of records that tell of an issue; the domain names it.
            issuer: the DID of the member that issued.
            digest: SHA-256 of the credential (docs/spec/credentials.md, section 2).
            root: the root that the chain holds of the issuer's anchor (`block`, `seq`).
            size: that anchor's size.

        Raises:
            VerificationFailed: checks `issue-witness` and `inclusion`.
        """
        envelope = self.record.envelope
        if envelope["type"] != record_type or envelope["broker"] != issuer:
            raise VerificationFailed(CHECK, f"the witness is no {record_type} record of {issuer}")
        if self.record.values.get(DIGEST_FIELD) != digest.hex():
            raise VerificationFailed(CHECK, "the witness is of another credential, or does not show its digest")
        if size != self.size:
            raise VerificationFailed(CHECK, f"anchor {self.seq} of {issuer} has {size} entries, not {self.size}")
        verify_inclusion(self.record.fingerprint, self.index, size, self.path, root)


def build_witness(
    sealed: SealedRecord, *, index: int, size: int, path: Sequence[bytes], block: int, seq: int
) -> dict[str, Any]:
    """Return the wire form. Of the record it shows the digest's field alone.

    Args:
        sealed: the record of the issue.
        index: its place in the log.
        size: the size of an anchor that covers it.
        path: its inclusion path in the tree of that size.
        block: where that anchor stands.
        seq: the anchor's number.
    """
    return {
        "format": FORMAT,
        "record": redact(sealed, [DIGEST_FIELD]),
        "log": {"index": index, "size": size, "path": [node.hex() for node in path]},
        "anchor": {"block": block, "seq": seq},
    }


def parse_witness(value: object, field: str = "witness") -> IssueWitness:
    """Read a witness.

    Raises:
        InvalidInput: not the shape of one.
        VerificationFailed: check `field-digest`, the record's copy does not open.
    """
    witness = _WITNESS.read(value, field)
    return IssueWitness(witness["record"], **witness["log"], **witness["anchor"])
