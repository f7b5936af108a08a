"""A broker's promise to anchor and count a record by a stated time (docs/spec/evidence-2.md, section 7).

The records of one request are promised by one signature, over the root of a tree of the promises' bodies. A promise
names the record's place in the log and in the map, so a record that is logged and never counted breaks it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypedDict

from evidence import shapes
from evidence.documents.promise import MAX_PROMISE_MS
from evidence.log.tree import MAX_PATH, leaf_hash, root_of_path, verify_inclusion
from evidence.version2.batch_tree import BatchTree
from evidence.version2.record import OpenedRecord, SealedRecord
from evidence.version2.shapes import hashes, hashes_text
from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from primitives.errors import InvalidInput, VerificationFailed
from primitives.shapes import Base64Url, Constant, Fields, Moment, Text
from primitives.suite import SIGNATURE_BYTES
from primitives.suites import ALG, SUITE_NAME, SUITES, require_alg
from primitives.timestamp import format_time, parse_time

PROMISE_FORMAT = "bonafides.promise/2"
BATCH_FORMAT = "bonafides.promise-batch/2"
CHECK = "promise"

_BODY = {
    "format": Constant(PROMISE_FORMAT),
    "suite": SUITE_NAME,
    "broker": shapes.ETHR_DID,
    "subject": shapes.HASH,
    "seq": shapes.POSITIVE,
    "label": shapes.HASH,
    "record_id": shapes.RECORD_ID,
    "fingerprint": shapes.HASH,
    "entry": shapes.HASH,
    "log_index": shapes.NUMBER,
    "recorded_at": Moment(),
    "anchor_by": Moment(),
    "block": shapes.NUMBER,
}
_BATCH = Fields({"index": shapes.NUMBER, "count": shapes.POSITIVE, "path": hashes(MAX_PATH)})
_SIGNATURE = Fields({"key": Text(512), "alg": ALG, "value": Base64Url(SIGNATURE_BYTES)})


class BodyDocument(TypedDict):
    """What is promised of one record: `Promise`, with bytes as hex and times as they are spelled."""

    format: str
    suite: str
    broker: str
    subject: str
    seq: int
    label: str
    record_id: str
    fingerprint: str
    entry: str
    log_index: int
    recorded_at: str
    anchor_by: str
    block: int


class PlaceDocument(TypedDict):
    """The place of a promise among those that one signature covers; the path is base64url."""

    index: int
    count: int
    path: str


class PromiseDocument(BodyDocument):
    """A promise as it is given away."""

    batch: PlaceDocument
    signature: shapes.SignatureDocument


@dataclass(frozen=True)
class Promise:
    """A promise whose shape was checked; times in milliseconds."""

    suite: str
    broker: str
    subject: bytes
    seq: int
    label: bytes
    record_id: str
    fingerprint: bytes
    entry: bytes
    log_index: int
    recorded_at: int
    anchor_by: int
    block: int

    def body(self) -> BodyDocument:
        """Return the body that was promised."""
        return {
            "format": PROMISE_FORMAT,
            "suite": self.suite,
            "broker": self.broker,
            "subject": self.subject.hex(),
            "seq": self.seq,
            "label": self.label.hex(),
            "record_id": self.record_id,
            "fingerprint": self.fingerprint.hex(),
            "entry": self.entry.hex(),
            "log_index": self.log_index,
            "recorded_at": format_time(self.recorded_at),
            "anchor_by": format_time(self.anchor_by),
            "block": self.block,
        }

    @property
    def leaf(self) -> bytes:
        """Its leaf hash in the tree that is signed."""
        return leaf_hash(canonical_json(self.body()))


@dataclass(frozen=True)
class SignedBatch:
    """The promises of one request, as they are signed.

    Attributes:
        suite: of the signature.
        broker: DID of the member.
        block: the chain's head at acceptance.
        count: number of promises.
        root: of the RFC 9162 tree over their leaves.
        signature: 64 bytes.
    """

    suite: str
    broker: str
    block: int
    count: int
    root: bytes
    signature: bytes

    def verify(self, public_key: bytes) -> None:
        """Check the signature.

        Raises:
            VerificationFailed: check `promise`.
            CouldNotCheck: the library of its suite is not installed.
        """
        signed = batch_payload(self.suite, self.broker, self.block, self.count, self.root)
        try:
            SUITES[self.suite].verify(public_key, signed, self.signature)
        except VerificationFailed as error:
            raise VerificationFailed(CHECK, error.detail) from error

    def is_signed_by(self, public_key: bytes) -> bool:
        """Say whether a key signed them; one of another algorithm than the suite's did not.

        Raises:
            CouldNotCheck: the library of its suite is not installed.
        """
        try:
            self.verify(public_key)
        except (VerificationFailed, InvalidInput):
            return False
        return True

    def require(self, promise: Promise, index: int, path: Sequence[bytes]) -> None:
        """Check that a promise stands among these.

        Raises:
            VerificationFailed: check `promise`.
        """
        if (promise.suite, promise.broker, promise.block) != (self.suite, self.broker, self.block):
            raise VerificationFailed(CHECK, "the promise is of another suite, broker or block than its signature")
        try:
            verify_inclusion(canonical_json(promise.body()), index, self.count, path, self.root)
        except VerificationFailed as error:
            raise VerificationFailed(CHECK, f"what was signed holds another promise: {error.detail}") from error


def _promise(members: Mapping[str, Any], where: str) -> Promise:
    promise = Promise(**{name: members[name] for name in _BODY if name != "format"})
    if not 0 <= promise.anchor_by - promise.recorded_at <= MAX_PROMISE_MS:
        raise InvalidInput(f"{where}.anchor_by", "promise-times", "must be 0 to 24 hours after recorded_at")
    return promise


def _signed(members: dict[str, Any], where: str) -> tuple[Promise, SignedBatch]:
    promise, place, signature = _promise(members, where), members["batch"], members["signature"]
    shapes.require_signing_key(signature, promise.broker, f"{where}.signature")
    require_alg(SUITES[promise.suite], signature["alg"], f"{where}.signature.alg")
    try:
        root = root_of_path(canonical_json(promise.body()), place["index"], place["count"], place["path"])
    except VerificationFailed as error:
        raise VerificationFailed(CHECK, f"{where}.batch: {error.detail}") from error
    signed = SignedBatch(promise.suite, promise.broker, promise.block, place["count"], root, signature["value"])
    return promise, signed


PROMISE = Fields({**_BODY, "batch": _BATCH, "signature": _SIGNATURE}).then(_signed)
"""A promise, and what its signature covers; the signature is not verified."""


def promise_of(record: SealedRecord | OpenedRecord, *, label: bytes, log_index: int, anchor_by: int) -> Promise:
    """Return the promise of a record: all but its place in the log, its label and its term the record says.

    Args:
        record: the record.
        label: under which it has to lie, the `next` of the record before.
        log_index: its place in the log.
        anchor_by: the time in milliseconds, at most 24 hours after it was recorded.

    Raises:
        InvalidInput: `promise-times`.
    """
    envelope = record.envelope
    members = {
        "suite": envelope["suite"],
        "broker": envelope["broker"],
        "subject": bytes.fromhex(envelope["subject"]),
        "seq": envelope["seq"],
        "label": label,
        "record_id": envelope["record_id"],
        "fingerprint": record.fingerprint,
        "entry": record.entry,
        "log_index": log_index,
        "recorded_at": parse_time(envelope["recorded_at"], "recorded_at"),
        "anchor_by": anchor_by,
        "block": envelope["accepted"]["block"],
    }
    return _promise(members, "promise")


def batch_payload(suite: str, broker: str, block: int, count: int, root: bytes) -> bytes:
    """Return the bytes that are signed for the promises of one request."""
    return canonical_json(
        {"format": BATCH_FORMAT, "suite": suite, "broker": broker, "block": block, "count": count, "root": root.hex()}
    )


def sign_promises(promises: Sequence[Promise], secret: bytes) -> list[PromiseDocument]:
    """Promise the records of one request by one signature; return the promises in their order.

    Raises:
        InvalidInput: none, or not all of one suite, broker and block.
    """
    if len({(promise.suite, promise.broker, promise.block) for promise in promises}) != 1:
        raise InvalidInput("promises", "unique", "must be at least one, and all of one suite, broker and block")
    suite, broker, block = SUITES[promises[0].suite], promises[0].broker, promises[0].block
    bodies = [promise.body() for promise in promises]
    tree = BatchTree([leaf_hash(canonical_json(body)) for body in bodies])
    value = suite.sign(secret, batch_payload(suite.name, broker, block, tree.size, tree.root))
    signature: shapes.SignatureDocument = {
        "key": shapes.signing_key_id(broker),
        "alg": suite.alg,
        "value": encode_base64url(value),
    }
    return [{**body, "batch": _place(tree, index), "signature": signature} for index, body in enumerate(bodies)]


def _place(tree: BatchTree, index: int) -> PlaceDocument:
    return {"index": index, "count": tree.size, "path": hashes_text(tree.path(index))}


def parse_promise(value: object, field: str = "promise") -> tuple[Promise, SignedBatch]:
    """Read a promise, and what its signature covers, without checking the signature.

    Raises:
        InvalidInput: not a promise.
        VerificationFailed: check `promise`; its path is not that of its place.
    """
    return PROMISE.read(value, field)


def verify_promise(value: object, public_key: bytes, field: str = "promise") -> Promise:
    """Check a promise against the member's signing key.

    Raises:
        InvalidInput: not a promise.
        VerificationFailed: check `promise`.
        CouldNotCheck: the library of its suite is not installed.
    """
    promise, signed = parse_promise(value, field)
    signed.verify(public_key)
    return promise


def require_record(promise: Promise, record: SealedRecord | OpenedRecord, label: bytes) -> None:
    """Check that a promise is of this record, which has to lie under this label.

    Raises:
        VerificationFailed: check `promise`.
    """
    expected = promise_of(record, label=label, log_index=promise.log_index, anchor_by=promise.anchor_by)
    if expected != promise:
        names = [name for name, value in vars(expected).items() if vars(promise)[name] != value]
        raise VerificationFailed(CHECK, f"the promise is of another record: {', '.join(names)}")


class PromiseStanding(Enum):
    """How a promise stands; all but the first two are breaches."""

    KEPT = "kept"
    OPEN = "open"
    NOT_IN_TIME = "not in time"
    ANOTHER_ENTRY = "another entry in its place"
    NOT_COUNTED = "not counted"


@dataclass(frozen=True)
class Covering:
    """What was proved of the first anchor that covers the place of a promise in the log.

    Attributes:
        time_ms: of the anchor's block, in milliseconds.
        entry: what its batch holds at that place.
        counted: what its map holds under the promised label; None when nothing, or when a checkpoint of the broker
            names the anchor as wrong: then its map counts nothing.
    """

    time_ms: int
    entry: bytes
    counted: bytes | None
    wrong: bool = False


def standing(promise: Promise, covering: Covering | None, now_ms: int) -> PromiseStanding:
    """Tell how a promise stands.

    Args:
        promise: whose signature was checked.
        covering: the first anchor whose size after is above the promise's `log_index`; None where there is none.
        now_ms: the time of the latest block that the checker trusts, in milliseconds.
    """
    if (now_ms if covering is None else covering.time_ms) > promise.anchor_by:
        return PromiseStanding.NOT_IN_TIME
    if covering is None:
        return PromiseStanding.OPEN
    if covering.entry != promise.entry:
        return PromiseStanding.ANOTHER_ENTRY
    counted = covering.counted == promise.entry and not covering.wrong
    return PromiseStanding.KEPT if counted else PromiseStanding.NOT_COUNTED
