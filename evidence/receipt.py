"""What the client's wallet keeps of one record (docs/spec/evidence.md, section 8).

Promise, redacted copy, inclusion in an anchored tree, the checkpoint, the subject's map entry and where the anchor's
event stands. The wallet checks all of it but the event, which needs trusted headers (a bundle brings those proofs).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from evidence import shapes
from evidence.checkpoint import Checkpoint, open_checkpoint
from evidence.log import MAX_PATH, verify_inclusion
from evidence.promise import Promise, verify_promise
from evidence.record import OpenedRecord, open_redacted
from evidence.subject_map import MapProof, parse_map_proof, verify_map
from primitives.errors import InvalidInput, VerificationFailed

RECEIPT_FORMAT = "bonafides.receipt/1"
_RECEIPT = frozenset(["format", "promise", "record", "log", "checkpoint", "map", "anchor"])
_LOG = frozenset({"index", "size", "path"})
_ANCHOR = frozenset(["chain_id", "contract", "member", "seq", "map_root", "block", "block_hash", "tx", "log_index"])
_Checked = TypeVar("_Checked")
_HASH_0X = re.compile(r"0x[0-9a-f]{64}")


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
    promise: Mapping[str, Any],
    record: Mapping[str, Any],
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
    receipt = shapes.members(value, field, _RECEIPT)
    shapes.constant(receipt["format"], f"{field}.format", RECEIPT_FORMAT)
    promise = _by_any(public_keys, lambda key: verify_promise(receipt["promise"], key, f"{field}.promise"))
    record = open_redacted(receipt["record"], f"{field}.record", fingerprint=promise.fingerprint)
    _same_record(promise, record)
    log = shapes.members(receipt["log"], f"{field}.log", _LOG)
    note = shapes.text(receipt["checkpoint"], f"{field}.checkpoint", maximum=16_384)
    checkpoint = _by_any(public_keys, lambda key: open_checkpoint(note, promise.broker, key))
    if log["index"] != promise.log_index or log["size"] != checkpoint.size:
        raise VerificationFailed("receipt", "log index or size differ from promise and checkpoint")
    path = shapes.path(log["path"], f"{field}.log.path", maximum=MAX_PATH)
    verify_inclusion(promise.fingerprint, promise.log_index, checkpoint.size, path, checkpoint.root)
    anchor = _parse_anchor(receipt["anchor"], f"{field}.anchor")
    if (anchor.chain_id, anchor.member) != shapes.did_parts(promise.broker):
        raise VerificationFailed("receipt", "the anchor is of another member or chain")
    entry = verify_map(promise.subject, parse_map_proof(receipt["map"], f"{field}.map"), anchor.map_root)
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


def _parse_anchor(value: object, field: str) -> AnchorPlace:
    anchor = shapes.members(value, field, _ANCHOR)
    for name in ("block_hash", "tx"):
        if not isinstance(anchor[name], str) or _HASH_0X.fullmatch(anchor[name]) is None:
            raise InvalidInput(f"{field}.{name}", "hash", "must be 0x and 64 lower-case hex digits")
    return AnchorPlace(
        chain_id=shapes.integer(anchor["chain_id"], f"{field}.chain_id", minimum=1),
        contract=shapes.address(anchor["contract"], f"{field}.contract"),
        member=shapes.address(anchor["member"], f"{field}.member"),
        seq=shapes.integer(anchor["seq"], f"{field}.seq", minimum=1),
        map_root=shapes.hash32(anchor["map_root"], f"{field}.map_root"),
        block=shapes.integer(anchor["block"], f"{field}.block"),
        block_hash=anchor["block_hash"],
        tx=anchor["tx"],
        log_index=shapes.integer(anchor["log_index"], f"{field}.log_index"),
    )
