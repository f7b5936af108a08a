"""What was signed about the log beside checkpoints: the promise of each record, and what other members cosigned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from did.identifiers import member_did, parse_did
from evidence.log.note import split_note
from evidence.version2.log.cosignature import with_cosignatures, witness_name
from evidence.version2.promise import SignedBatch, parse_promise
from evidence.version2.state.member_keys import MemberKeySet
from node_adapter.fsck.difference import StoreDifference, same, unreadable
from node_adapter.store import anchors, log_walk
from node_adapter.store.chain import member_registry
from node_adapter.store.records import RecordRow
from primitives.canonical import parse_json
from primitives.errors import BonafidesError, VerificationFailed

PAGE = 20  # checkpoints, each with a line of every other member
MAX_PROMISE_BYTES = 64 * 1024


def check_promise(row: RecordRow, broker: str, keys: Iterable[bytes]) -> None:
    """Check that a record's promise is of this record at this place, under a signing key that its broker ever held.

    Raises:
        StoreDifference: it is not; of a promise that is owed nothing is asked.
    """
    if row.promise is None:
        return
    where = f"log index {row.log_index}"
    try:
        value = parse_json(row.promise.encode(), field="promise", max_bytes=MAX_PROMISE_BYTES)
        promise, signed = parse_promise(value)
    except BonafidesError as error:
        raise unreadable("promise", where, error) from error
    columns = {
        "broker": (broker, promise.broker),
        "subject": (row.pid, promise.subject.hex()),
        "seq": (row.seq, promise.seq),
        "label": (row.label, promise.label),
        "record_id": (row.record_id, promise.record_id),
        "fingerprint": (row.fingerprint, promise.fingerprint),
        "entry": (row.entry, promise.entry),
        "log_index": (row.log_index, promise.log_index),
        "anchor_by": (row.anchor_by, promise.anchor_by),
    }
    for name, (ours, promised) in columns.items():
        same(f"promise.{name}", where, ours, promised)
    if not any(_holds(signed, key) for key in keys):
        raise StoreDifference("promise-signature", where, "by a signing key of the broker", "by none")


def check_cosignatures(connection: Connection, chain_id: int, reached: int | None) -> tuple[int | None, int]:
    """Check the lines that other members signed under checkpoints after a number, a page of them.

    Returns:
        The last number that was checked, None where there is none after; and how many lines were looked at.

    Raises:
        StoreDifference: the first one.
    """
    page = log_walk.cosigned_after(connection, reached or 0, PAGE)
    known: dict[str, list[MemberKeySet]] = {}
    looked = 0
    for seq in page:
        row = anchors.by_seq(connection, seq)
        note = None if row is None else row.checkpoint
        for witness, lines in log_walk.cosignatures_of(connection, seq).items():
            where = f"checkpoint {seq}, witness {witness}"
            if not note:
                raise StoreDifference("cosignature", where, "a checkpoint above it", "none")
            if witness not in known:
                known[witness] = list(member_registry.key_sets(connection, witness).values())
            name = witness_name(member_did(chain_id, witness))
            if not any(_is_cosigned(note, lines, {name: keys.checkpoint}, where) for keys in known[witness]):
                raise StoreDifference("cosignature", where, "by a checkpoint key of that member", "by none")
            looked += 1
    return (page[-1] if page else None), looked


def chain_id_of(broker: str) -> int:
    """Return the chain that a member's DID names."""
    return parse_did(broker).chain_id


def _is_cosigned(note: str, lines: str, witnesses: Mapping[str, bytes], where: str) -> bool:
    try:
        cosigned = with_cosignatures(note, lines, witnesses)
    except BonafidesError as error:
        raise unreadable("cosignature", where, error) from error
    return len(split_note(cosigned)[1]) > len(split_note(note)[1])


def _holds(signed: SignedBatch, key: bytes) -> bool:
    try:
        signed.verify(key)
    except VerificationFailed:
        return False
    return True
