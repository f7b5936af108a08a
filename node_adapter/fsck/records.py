"""The records in log order, and where each subject's history ends."""

from __future__ import annotations

from sqlalchemy import Connection

from domain.erasure import ERASE
from evidence.documents.record import MAX_ENVELOPE_BYTES
from evidence.version2.envelope import check_envelope
from evidence.version2.links import ZERO_HASH, Link, first_label
from evidence.version2.record import altered_fields
from evidence.version2.salts import envelope_salt
from node_adapter.fsck.difference import StoreDifference, same, unreadable
from node_adapter.fsck.promises import check_promise
from node_adapter.store import former, log_walk, records, subjects
from node_adapter.store.chain import member_registry
from node_adapter.store.records import RecordRow
from node_adapter.workflows.erasing.named import rules_named
from node_adapter.workflows.intake.countersign import signed_once_in
from primitives.canonical import parse_json
from primitives.errors import BonafidesError
from primitives.suites import SUITES

PAGE = 200
MAX_PAYLOAD_BYTES = 16 * 1024 * 1024  # more than any door takes


def check_records(connection: Connection, broker: str, member: str, reached: int | None) -> tuple[int | None, int]:
    """Check the records after a place of the log (None before the first), a page of them.

    Returns:
        The last place that was checked, None where there is none after; and how many records were looked at.

    Raises:
        StoreDifference: the first one.
    """
    before = former.first_index(connection) - 1 if reached is None else reached
    page = log_walk.records_after(connection, before, PAGE)
    known = subjects.by_pids(connection, {row.pid for row in page})
    keys = [held.signing for held in member_registry.key_sets(connection, member).values()]
    erased = {pid: _erased(connection, pid) for pid in {row.pid for row in page if row.is_stub}}
    for row in page:
        if row.log_index != before + 1 and row.log_index != log_walk.place_after_wrong(connection, before + 1):
            raise StoreDifference("log-index", f"log index {before + 1}", before + 1, row.log_index)
        if row.pid not in known:
            raise StoreDifference("subject", _where(row), f"a subject {row.pid}", "none")
        _check_place(connection, broker, row)
        if row.is_stub:
            if row.seq not in erased[row.pid]:
                raise StoreDifference("erasure", _where(row), "an ERASE that names it", "none")
        else:
            try:
                _check_envelope(broker, row)
            except BonafidesError as error:
                raise unreadable("envelope", _where(row), error) from error
        check_promise(row, broker, keys)
        before = row.log_index
    return (before if page else None), len(page)


def check_subjects(connection: Connection, broker: str, reached: str | None) -> tuple[str | None, int]:
    """Check that the head which each subject's row holds is that of its last record; as `check_records`."""
    page = log_walk.subjects_after(connection, reached or "", PAGE)
    for row in page:
        where = f"subject {row.pid}"
        same("subject-count", where, log_walk.last_seq(connection, row.pid), row.count)
        link = records.link(connection, row.pid, row.count) if row.count else None
        same("subject-head", where, link.fingerprint if link else ZERO_HASH, row.head)
        following = link.next if link else first_label(broker, bytes.fromhex(row.pid))
        same("subject-label", where, following, row.label)
    return (page[-1].pid if page else None), len(page)


def _where(row: RecordRow) -> str:
    return f"log index {row.log_index}"


def _erased(connection: Connection, pid: str) -> set[int]:
    """Return the places of a subject's chain that its ERASE records name."""
    return {seq for erase in records.of_types(connection, pid, (ERASE,)) for seq in rules_named(erase)}


def _check_place(connection: Connection, broker: str, row: RecordRow) -> None:
    """Check the links: number, label and entry, which stay of an erased record too."""
    where = _where(row)
    before = records.link(connection, row.pid, row.seq - 1) if row.seq > 1 else None
    if row.seq > 1 and before is None:
        raise StoreDifference("subject-chain", where, f"a record {row.seq - 1} of its subject", "none")
    same("label", where, before.next if before else first_label(broker, bytes.fromhex(row.pid)), row.label)
    prev = before.fingerprint if before else ZERO_HASH
    same("entry", where, Link(row.seq, prev, row.next, row.fingerprint).entry, row.entry)


def _check_envelope(broker: str, row: RecordRow) -> None:
    """Check that envelope and originals give the fingerprint, and that the columns are what the envelope says."""
    where = _where(row)
    parsed = parse_json(row.envelope, field="envelope", max_bytes=MAX_ENVELOPE_BYTES)
    envelope = check_envelope(parsed, "envelope")
    suite, salt = SUITES[envelope["suite"]], row.envelope_salt
    if row.root_salt is not None:
        derived = envelope_salt(suite, row.root_salt)
        if salt is not None and salt != derived:  # a salt is not shown
            raise StoreDifference("envelope-salt", where, "derived of the root salt", "another")
        salt = derived
    if salt is None:
        raise StoreDifference("envelope-salt", where, "a salt beside an envelope", "none")
    same("fingerprint", where, suite.hmac(salt, row.envelope), row.fingerprint)
    columns = {
        "record_id": row.record_id,
        "broker": broker,
        "subject": row.pid,
        "seq": row.seq,
        "type": row.type,
        "next": row.next.hex(),
    }
    for name, value in columns.items():
        same(f"envelope.{name}", where, parsed[name], value)
    same("act-signature", where, signed_once_in(envelope), row.act_signature)
    if row.root_salt is None:
        return  # it came back from copies, which have no salts: the report tells how many
    if row.payload is None:
        raise StoreDifference("payload", where, "a payload beside its salt", "none")
    values = parse_json(row.payload.encode(), field="payload", max_bytes=MAX_PAYLOAD_BYTES)
    if wrong := altered_fields(envelope, values, row.root_salt):
        raise StoreDifference("payload", where, "what the envelope binds", f"others in {', '.join(wrong)}")
