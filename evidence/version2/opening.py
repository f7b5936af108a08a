"""Record 1 of every subject says what the subject is (docs/spec/evidence-2.md, section 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.opening import CLIENT, HOUSE, KIND, OPENING, OPENS, PRODUCT, UNSIGNED_CLIENT
from evidence import shapes
from evidence.documents.product_subject import product_subject
from evidence.log.roster import staff_subject
from evidence.version2.envelope import Envelope
from evidence.version2.links import Link
from evidence.version2.record import OpenedRecord
from primitives.digest import tagged_sha256
from primitives.errors import VerificationFailed
from primitives.shapes import Cases, Fields, Integer, Nullable, Text

CHECK = "opening"

RECORD_VERSION = 2

_HOUSE_TAG = "bonafides/house-subject/2"
_STAFF = "staff"


@dataclass(frozen=True)
class Continued:
    """An earlier subject that an opening continues.

    Attributes:
        format: 1 or 2, of its records.
        subject: its pseudonym.
        count: number of its records.
        head: fingerprint of the last.
    """

    format: int
    subject: bytes
    count: int
    head: bytes


@dataclass(frozen=True)
class SubjectOpening:
    """What a subject is.

    Attributes:
        kind: `client`, `unsigned-client`, `product` or `house`.
        opens: the client's DID, the product's id, what the house subject stands for; None of an unsigned client.
        continues: the earlier subject that it continues.
    """

    kind: str
    opens: str | None
    continues: Continued | None


CONTINUED = Fields(
    {"format": Integer(1, 2), "subject": shapes.HASH, "count": shapes.POSITIVE, "head": shapes.HASH}
).then(lambda members, _: Continued(**members))
FIELDS = Cases(
    Fields(
        {
            "kind": KIND,
            "opens": Nullable(Text(200)),
            "continues": Nullable(CONTINUED),
        }
    ),
    by="kind",
    member="opens",
    cases=OPENS,
).then(lambda members, _: SubjectOpening(**members))
"""The fields of an OPENING."""


def house_subject(broker: str, opens: str) -> str:
    """Return the pseudonym, 64 hex, under which a broker records what concerns a matter of its house.

    It is derived, so that a second history of one matter cannot be left out of a bundle.
    """
    matter, _, name = opens.partition(":")
    if matter == _STAFF:
        return staff_subject(broker, shapes.HASH.read(name, "opens").hex())
    return tagged_sha256(_HOUSE_TAG, broker.encode("utf-8"), opens.encode("utf-8")).hex()


def read_opening(fields: Mapping[str, Any], place: str = "payload") -> SubjectOpening:
    """Read the fields of an OPENING.

    Raises:
        InvalidInput: malformed.
    """
    return FIELDS.read(fields, place)


def check_opening(envelope: Envelope, values: Mapping[str, Any]) -> SubjectOpening:
    """Check all of an OPENING but the signature's value: its fields, where it lies, and who says to have signed.

    Raises:
        InvalidInput: malformed fields.
        VerificationFailed: check `opening`.
    """
    where = f"record {envelope['seq']}"
    if envelope["type"] != OPENING:
        raise VerificationFailed(CHECK, f"{where} is {envelope['type']}, no {OPENING}")
    if values.keys() != envelope["fields"].keys():
        raise VerificationFailed(CHECK, f"{where} does not show what it opens")
    opening = read_opening(values, f"{where}.fields")
    _require_signer(opening, envelope, where)
    _require_place(opening, envelope, where)
    return opening


def signer_of(opening: SubjectOpening, broker: str) -> str | None:
    """Return the DID that signs an opening; None where nobody does."""
    if opening.kind == CLIENT:
        return opening.opens
    return None if opening.kind == UNSIGNED_CLIENT else broker


def _require_signer(opening: SubjectOpening, envelope: Envelope, where: str) -> None:
    signer = signer_of(opening, envelope["broker"])
    signed = [signature["did"] for signature in envelope["signatures"]]
    if signed != ([] if signer is None else [signer]):
        by = "nobody" if signer is None else f"{signer}, and by nobody else"
        raise VerificationFailed(CHECK, f"{where} opens {opening.kind}, which is signed by {by}")
    if opening.kind == CLIENT and signer == envelope["broker"]:
        raise VerificationFailed(CHECK, f"{where}: a broker is no client of itself")
    by_broker = signer == envelope["broker"]
    if by_broker and envelope["signatures"][0]["key"] != shapes.signing_key_id(envelope["broker"]):
        raise VerificationFailed(CHECK, f"{where}: the broker opens by its signing key")


def _require_place(opening: SubjectOpening, envelope: Envelope, where: str) -> None:
    broker, subject = envelope["broker"], envelope["subject"]
    if opening.opens is not None and opening.kind in (PRODUCT, HOUSE):
        derive = product_subject if opening.kind == PRODUCT else house_subject
        if derive(broker, opening.opens) != subject:
            raise VerificationFailed(CHECK, f"{where} opens {opening.opens} elsewhere than under its derived pseudonym")
    continued = opening.continues
    if continued is not None and continued.format == RECORD_VERSION and continued.subject.hex() == subject:
        raise VerificationFailed(CHECK, f"{where} continues itself")


@dataclass(frozen=True)
class OpenedBy:
    """Who opened a history.

    Attributes:
        first: the opening that is record 1.
        later: the one by which the client joined a history that the broker had opened.
        joined_at: the place of that one.
    """

    first: SubjectOpening
    later: SubjectOpening | None = None
    joined_at: int | None = None

    @property
    def client(self) -> str | None:
        """The client whose history it is; None where no client signed."""
        if self.later is not None:
            return self.later.opens
        return self.first.opens if self.first.kind == CLIENT else None

    @property
    def continues(self) -> tuple[Continued, ...]:
        """The earlier subjects that it continues."""
        openings = (self.first, self.later)
        return tuple(one.continues for one in openings if one is not None and one.continues is not None)


def check_openings(records: Sequence[OpenedRecord | Link]) -> OpenedBy:
    """Check the openings of a whole history: record 1, and at most one later, by a client who had not signed.

    Raises:
        InvalidInput: malformed fields.
        VerificationFailed: check `opening`.
    """
    if not records or isinstance(records[0], Link):
        raise VerificationFailed(CHECK, "record 1 is not shown: nobody says what this history is")
    opened = OpenedBy(check_opening(records[0].envelope, records[0].values))
    for record in records[1:]:
        if isinstance(record, OpenedRecord) and record.envelope["type"] == OPENING:
            opened = _joined(opened, check_opening(record.envelope, record.values), record.envelope["seq"])
    return opened


def _joined(opened: OpenedBy, later: SubjectOpening, seq: int) -> OpenedBy:
    if opened.first.kind != UNSIGNED_CLIENT or opened.later is not None or later.kind != CLIENT:
        raise VerificationFailed(CHECK, f"record {seq} opens again what is open")
    return OpenedBy(opened.first, later, seq)
