"""A client who comes with a new wallet: the recorded succession of one identity by another.

1. The broker enrols the new DID under the client's reference, naming the old pseudonym (`enrol_subject`, `succeeds`).
2. It verifies the person at the counter: an ID_VERIFY of the new subject.
3. The client signs ID_SUCCEED with the new DID's key; it names the old pseudonym and that ID_VERIFY.
4. With it, in one transaction, ID_SUCCEEDED is recorded in the old subject's history; the consents and the credentials
   of the old identity end. Each history names the other, and a replay shows both.

The old key signs nothing here: it is lost. That both are one person is the broker's word, given by its records and its
signature over both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from node_adapter.node import Node
from node_adapter.store import consents, credentials, records, subjects, tokens
from node_adapter.store.records import RecordRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.intake.fold import state_of
from primitives.errors import Refused
from primitives.timestamp import format_time
from replay.succession import SUCCEED, SUCCEEDED

PREDECESSOR, SUCCESSOR = "predecessor", "successor"
REVOKED_BECAUSE = "another identity of this client took over"
_IDENTITY = "ID_VERIFY"
_MOST_IDENTITIES = 100  # of one client, as far as they are followed
_KEPT = 119  # of a longer one, before a digest of the whole
_MAX_OLD = 160  # what is kept of a reference that passes to a new identity; the time is added


@dataclass(frozen=True)
class Related:
    """Another identity of the same client: which relation, and its pseudonym."""

    relation: str
    subject: str


def former_reference(reference: str, enrolled_ms: int) -> str:
    """Return what an old identity is called once its reference passed to one that was enrolled at that time.

    It is the only trace of `succeeds`: by it `require_predecessor` knows whom an enrolment named.
    """
    if len(reference) > _MAX_OLD:  # two that begin alike must not pass for one
        reference = reference[:_KEPT] + "~" + hashlib.sha256(reference.encode()).hexdigest()[: _MAX_OLD - _KEPT - 1]
    return f"{reference} until {format_time(enrolled_ms)}"


def recovered_reference(pid: str) -> str:
    """Return what a subject is called whose records came back after a restore, and whose enrolment did not."""
    return f"recovered {pid[:16]}"


def require_predecessor(
    connection: Connection, subject: SubjectRow, payload: Mapping[str, Any], fresh: Iterable[RecordRow]
) -> SubjectRow:
    """Return the subject that an ID_SUCCEED names, after its ties were checked.

    Args:
        connection: of the transaction that stores the fact.
        subject: the new identity.
        payload: of the ID_SUCCEED.
        fresh: records that this transaction has not written yet.

    Raises:
        Refused: `succession-predecessor`, it names no other client's identity of this broker under that DID, or
            one that the enrolment of the new identity did not name;
            `succession-identity`, no verification of the new identity has that fingerprint.
    """
    old = subjects.find_by_pid(connection, payload["predecessor"])
    if old is None or old.did is None or old.pid == subject.pid or old.did != payload["predecessor_did"]:
        raise Refused(
            "succession-predecessor", "payload.predecessor: with payload.predecessor_did it names no other client here"
        )
    if old.pid not in (row.pid for row in _named_before(connection, subject)):
        raise Refused(
            "succession-predecessor",
            "payload.predecessor: no enrolment named it; where a restore has lost that, enrol this client again, under "
            "the reference and with `succeeds`",
        )
    wanted = bytes.fromhex(payload["identity_ref"])
    rows = [row for row in fresh if row.pid == subject.pid and row.fingerprint == wanted]
    found = rows[0] if rows else records.find_by_fingerprint(connection, subject.pid, wanted)
    if found is None or found.type != _IDENTITY:
        raise Refused("succession-identity", "payload.identity_ref: is no identity verification of this subject")
    return old


def require_oldest_first(
    old: SubjectRow, earlier: Iterable[SubjectRow], is_ended: Callable[[SubjectRow], bool]
) -> None:
    """Refuse a tie that would leave an identity before `old` as it is: its key would go on, and limits forget it.

    Args:
        old: the identity that is taken over from.
        earlier: the identities that the enrolments named before it.
        is_ended: says whether another identity took over from one.

    Raises:
        Refused: `succession-predecessor`; an earlier one has records, and nobody took over from it.
    """
    left = [row.pid for row in earlier if row.count and not is_ended(row)]
    if left:
        raise Refused(
            "succession-predecessor",
            f"payload.predecessor: before {old.pid} came {left[-1]}, from which no identity took over: name it first",
        )


def named_before(connection: Connection, subject: SubjectRow, old: SubjectRow) -> list[SubjectRow]:
    """Return the identities that the enrolments named before an old one, from that one back."""
    found = {row.pid: row for row in _named_before(connection, subject)}  # of one instant, one is found again
    pids = list(found)
    return [found[pid] for pid in pids[pids.index(old.pid) + 1 :]]


def _named_before(connection: Connection, subject: SubjectRow) -> Iterator[SubjectRow]:
    """Yield the identities that the enrolments named, from this identity back.

    An identity in between may never have signed: then this one takes over from those before it, too.
    """
    newer = subject
    for _ in range(_MOST_IDENTITIES):
        older = subjects.find_by_client_ref(connection, former_reference(subject.client_ref, newer.created_at))
        if older is None:
            return
        yield older
        newer = older


def require_not_succeeded(ended: bool) -> None:
    """Refuse a second successor.

    Raises:
        Refused: `succession-predecessor`.
    """
    if ended:
        raise Refused("succession-predecessor", "payload.predecessor: another identity succeeded it before")


def require_current(node: Node, connection: Connection, subject: SubjectRow) -> None:
    """Refuse what only the client's present identity may do.

    Raises:
        Refused: `identity-ended`.
    """
    if state_of(node, connection, subject).succeeded:
        raise ended_identity()


def ended_identity() -> Refused:
    """Return the refusal of an identity that another one succeeded."""
    return Refused("identity-ended", "subject: another identity of this client took over")


def ending(fact: Mapping[str, Any], old: SubjectRow, new: SubjectRow, record_id: str, ref: str) -> dict[str, Any]:
    """Return the fact that ends the old identity: what `read_node_fact` takes.

    Args:
        fact: payload, occurred_at, channel and the broker's DID of the ID_SUCCEED.
        old: the old identity.
        new: the new one.
        record_id: of the ID_SUCCEED.
        ref: its fingerprint, hex.
    """
    payload = fact["payload"]
    return {
        "source_ref": f"succession:{record_id}",
        "subject": old.pid,
        "type": SUCCEEDED,
        "occurred_at": fact["occurred_at"],
        "channel": fact["channel"],
        "actor": {"did": fact["broker"], "role": "system"},
        "payload": {
            "successor": new.pid,
            "successor_did": new.did,
            "succession_ref": ref,
            "identity_ref": payload["identity_ref"],
            "reason": payload["reason"],
        },
    }


def end_rights(connection: Connection, pid: str, at_ms: int) -> None:
    """End what the old identity consented to and its sessions, and revoke what was attested of it, as of an instant."""
    consents.end_all(connection, pid, at_ms)
    credentials.revoke_all(connection, pid, at_ms)
    subject = subjects.find_by_pid(connection, pid)
    if subject is not None and subject.did is not None:
        tokens.end_sessions(connection, subject.did)


def related(rows: Iterable[RecordRow]) -> list[Related]:
    """Return the identities that stored records name: predecessors and successors, each once.

    A record whose payload is gone names nobody.
    """
    named = {SUCCEED: (PREDECESSOR, "predecessor"), SUCCEEDED: (SUCCESSOR, "successor")}
    found = []
    for row in rows:
        if row.type in named and row.payload is not None:
            relation, name = named[row.type]
            found.append(Related(relation, str(json.loads(row.payload)[name])))
    return list(dict.fromkeys(found))
