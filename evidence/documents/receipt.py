"""What the client's wallet keeps of one record (docs/spec/evidence.md, section 8).

Promise, redacted copy, inclusion in an anchored tree, the checkpoint, the subject's map entry and where the anchor's
event stands. The wallet checks all of it but the event, which needs trusted headers (a bundle brings those proofs).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from evidence import shapes
from evidence.documents.promise import Promise, PromiseDocument, verify_promise
from evidence.documents.record import OpenedRecord, RedactedCopy, open_redacted
from evidence.log.checkpoint import Checkpoint, open_checkpoint
from evidence.log.tree import MAX_PATH, verify_inclusion
from evidence.map.subject_map import MapProof, parse_map_proof, verify_map
from primitives.errors import VerificationFailed
from primitives.shapes import Anything, Constant, Fields, Text

RECEIPT_FORMAT = "bonafides.receipt/1"
_Checked = TypeVar("_Checked")


@dataclass(frozen=True)
class AnchorPlace:
    """Where the anchor's event stands on the chain, and the map root that it carries."""

    chain_id: int
    contract: str
    member: str
    seq: int
    map_root: bytes
    block: int
    block_hash: str
    tx: str
    log_index: int

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "chain_id": self.chain_id,
            "contract": self.contract,
            "member": self.member,
            "seq": self.seq,
            "map_root": self.map_root.hex(),
            "block": self.block,
            "block_hash": self.block_hash,
            "tx": self.tx,
            "log_index": self.log_index,
        }


_HASH_0X = Text(min=0, pattern="0x[0-9a-f]{64}", rule="hash")
_ANCHOR = Fields(
    {
        "chain_id": shapes.POSITIVE,
        "contract": shapes.ADDRESS,
        "member": shapes.ADDRESS,
        "seq": shapes.POSITIVE,
        "map_root": shapes.HASH,
        "block": shapes.NUMBER,
        "block_hash": _HASH_0X,
        "tx": _HASH_0X,
        "log_index": shapes.NUMBER,
    }
).then(lambda anchor, _: AnchorPlace(**anchor))
RECEIPT = Fields(
    {
        "format": Constant(RECEIPT_FORMAT),
        "promise": Anything(),
        "record": Anything(),
        "log": Fields({"index": shapes.NUMBER, "size": shapes.NUMBER, "path": shapes.tuple_of(shapes.HASH, MAX_PATH)}),
        "checkpoint": Text(16_384, controls=True),
        "map": Anything().then(parse_map_proof),
        "anchor": _ANCHOR,
    }
)


@dataclass(frozen=True)
class Receipt:
    """A receipt of which every part agrees with every other."""

    promise: Promise
    record: OpenedRecord
    checkpoint: Checkpoint
    anchor: AnchorPlace
    count: int


def build_receipt(
    *,
    promise: PromiseDocument,
    record: RedactedCopy,
    size: int,
    path: list[bytes],
    checkpoint: str,
    map_proof: MapProof,
    anchor: AnchorPlace,
) -> dict[str, Any]:
    """Put the parts together; `record` is a redacted copy."""
    return {
        "format": RECEIPT_FORMAT,
        "promise": dict(promise),
        "record": dict(record),
        "log": {"index": promise["log_index"], "size": size, "path": [node.hex() for node in path]},
        "checkpoint": checkpoint,
        "map": map_proof.to_json(),
        "anchor": anchor.to_json(),
    }


def verify_receipt(value: object, *public_keys: bytes, field: str = "receipt") -> Receipt:
    """Check a receipt against the member's signing keys.

    A receipt that a member made after it changed its key may bear both: the promise the old one, the checkpoint the
    new one. Which of them was in force at which block is a matter of the chain, and of a bundle.

    Args:
        value: the receipt.
        public_keys: the keys that the reader takes for this member's, at least one.
        field: what to name in errors.

    Raises:
        InvalidInput: not a receipt.
        VerificationFailed: `promise-signature`, `fingerprint`, `field-digest`, `checkpoint-signature`, `inclusion`,
            `subject-map` or `receipt` (two parts speak of different things).
    """
    receipt = RECEIPT.read(value, field)
    promise = _by_any(public_keys, lambda key: verify_promise(receipt["promise"], key, f"{field}.promise"))
    record = open_redacted(receipt["record"], f"{field}.record", fingerprint=promise.fingerprint)
    _same_record(promise, record)
    log, note = receipt["log"], receipt["checkpoint"]
    checkpoint = _by_any(public_keys, lambda key: open_checkpoint(note, promise.broker, key))
    if log["index"] != promise.log_index or log["size"] != checkpoint.size:
        raise VerificationFailed("receipt", "log index or size differ from promise and checkpoint")
    verify_inclusion(promise.fingerprint, promise.log_index, checkpoint.size, log["path"], checkpoint.root)
    anchor = receipt["anchor"]
    if (anchor.chain_id, anchor.member) != shapes.did_parts(promise.broker):
        raise VerificationFailed("receipt", "the anchor is of another member or chain")
    entry = verify_map(promise.subject, receipt["map"], anchor.map_root)
    if entry is None or entry.count < record.envelope["seq"]:
        raise VerificationFailed("subject-map", "the anchored map counts fewer records than this one's place")
    if entry.count == record.envelope["seq"] and entry.head != record.fingerprint:
        raise VerificationFailed("subject-map", "the anchored map holds another record at this one's place")
    return Receipt(promise, record, checkpoint, anchor, entry.count)


def _by_any(keys: Sequence[bytes], check: Callable[[bytes], _Checked]) -> _Checked:
    """Return what the first key that fits gives; when none does, what the last one raised."""
    for key in keys[:-1]:
        try:
            return check(key)
        except VerificationFailed:
            continue
    return check(keys[-1])


def _same_record(promise: Promise, record: OpenedRecord) -> None:
    envelope = record.envelope
    stated = (promise.broker, promise.subject.hex(), promise.record_id)
    if stated != (envelope["broker"], envelope["subject"], envelope["record_id"]):
        raise VerificationFailed("receipt", "promise and record name different things")
