"""The one door of a consent: whatever tells of it keeps its row and enqueues its relay, in one transaction.

A fact brings act and call together: record, row and outbox row are committed together or not at all. A call may also
come alone (`POST /v1/consents/grant`, `/withdraw`): before its act, or signed again after the first came too late for
the chain.

`prepare` only looks, `put` only writes: what refuses a call refuses it before anything of it is stored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from did.credentials.model import issuer_of
from did.credentials.types.consent import ConsentTerms, consent_id, read_consent
from did.credentials.verify import verify_credential
from did.identifiers import parse_did
from node_adapter.chain.abi import encode_call
from node_adapter.node import Node
from node_adapter.store import consents, outbox, subjects
from node_adapter.store.chain import blocks, directory
from node_adapter.store.consents import ConsentRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.consent.call import KIND, key_of
from node_adapter.workflows.consent.standing import known_consent
from node_adapter.workflows.identity.dids import require_in_time
from node_adapter.workflows.identity.identities import chain_snapshot, history
from node_adapter.workflows.identity.succession import require_current
from primitives import eip712
from primitives.canonical import canonical_json
from primitives.errors import Refused, VerificationFailed
from replay.wire.consent_call import ConsentCall

_CONTRACT = "ConsentRegistry"
_TYPED_DATA = {"grant": eip712.grant_typed_data, "withdraw": eip712.withdraw_typed_data}


@dataclass(frozen=True)
class PreparedCall:
    """A call that may be relayed: what `put` writes.

    Attributes:
        call: as its client signed it.
        pid: the client's pseudonym.
        target: the contract's address.
        data: the call data.
        row: of a grant that is new here; None otherwise.
    """

    call: ConsentCall
    pid: str
    target: str
    data: bytes
    row: ConsentRow | None

    def to_json(self) -> dict[str, Any]:
        """Return the answer to a call that came alone."""
        consent = self.call.consent_id.hex()
        return {"status": "accepted", "consent_id": consent, "subject": self.pid, "outbox": key_of(self.call)}


def prepare(node: Node, connection: Connection, call: ConsentCall, owner: SubjectRow | None = None) -> PreparedCall:
    """Look whether a call is its client's and may be relayed now; nothing is written.

    Args:
        node: this node.
        connection: of the transaction that will write it.
        call: what came.
        owner: the client whose act it stands beside; None for a call that came alone.

    Raises:
        Refused: `duplicate`, `consent-not-found`, `subject-not-found`, `identity-ended`, `consent-signature`,
            `deadline-passed`; a grant of what has ended: `consent-withdrawn`, `consent-expired`.
        VerificationFailed: `consent-id`, or a check of the credential.
        CouldNotCheck: `contract-unknown`, `index-empty`.
    """
    kept = consents.find_consent(connection, call.consent_id.hex())
    terms: ConsentTerms | None = None
    if call.function == "withdraw":
        subject = _withdrawer(connection, kept, owner)
    elif kept is None:
        subject, terms = _giver(node, connection, call)
    elif kept.credential == call.stored:
        subject = _subject(connection, kept.pid)
    else:
        raise Refused("duplicate", "consent_id: another consent has this id")
    if owner is not None and subject.pid != owner.pid:
        raise Refused("consent-signature", "consent: is another client's")
    if call.function == "grant":
        require_current(node, connection, subject)
        if kept is None or _will_be_sent(connection, call):
            ended = known_consent(node, connection, subject.pid, call.consent_id.hex()).ended(node.clock.now_ms())
            if ended is not None:  # its withdrawal is recorded already: a grant that comes late must not bring it back
                raise Refused(*ended)
    target, data = _call_data(node, connection, call, subject)
    if _will_be_sent(connection, call):
        require_in_time(node, call.deadline)
    return PreparedCall(
        call, subject.pid, target, data, None if terms is None else _row(node, call, subject.pid, terms)
    )


def put(node: Node, connection: Connection, prepared: PreparedCall) -> None:
    """Keep the consent, or note its end, and enqueue the call; a call that is under way or final stays as it is."""
    call, now = prepared.call, node.clock.now_ms()
    # A second signature over the same call changes nothing, unless the first came too late for the chain.
    outbox.enqueue_again(connection, KIND, key_of(call), prepared.target, prepared.data, now)
    if prepared.row is not None:
        consents.insert_consent(connection, prepared.row)
    if call.function == "withdraw":
        consents.mark_withdrawn(connection, call.consent_id.hex(), now)


def _giver(node: Node, connection: Connection, call: ConsentCall) -> tuple[SubjectRow, ConsentTerms]:
    """Return the client that signed a credential which is new here, and what it says."""
    if consent_id(call.salt, canonical_json(dict(call.credential))) != call.consent_id:
        raise VerificationFailed("consent-id", "consent_id: is not the salted hash of this credential")
    chain = chain_snapshot(node, connection, [issuer_of(call.credential)])
    verified = verify_credential(call.credential, chain, node.clock.now_ms())
    terms = read_consent(verified.credential)
    subject = subjects.find_by_did(connection, terms.client)
    if subject is None:
        raise Refused("subject-not-found", "credential.issuer: is no client of this broker")
    return subject, terms


def _withdrawer(connection: Connection, kept: ConsentRow | None, owner: SubjectRow | None) -> SubjectRow:
    """Return whose consent a withdrawal ends: beside an act the client's, also where its row was lost."""
    if kept is not None:
        return _subject(connection, kept.pid)
    if owner is None:
        raise Refused("consent-not-found", "consent_id: this broker has no such consent")
    return owner


def _subject(connection: Connection, pid: str) -> SubjectRow:
    subject = subjects.find_by_pid(connection, pid)
    if subject is None or subject.did is None:
        raise Refused("subject-not-found", "consent_id: its client is unknown here")
    return subject


def _will_be_sent(connection: Connection, call: ConsentCall) -> bool:
    """Say whether `put` would put this call into the outbox: one that is under way or final is not sent again."""
    there = outbox.by_key(connection, key_of(call))
    return there is None or there.state == outbox.FAILED


def _call_data(node: Node, connection: Connection, call: ConsentCall, subject: SubjectRow) -> tuple[str, bytes]:
    did = parse_did(subject.did)
    contract = directory.contract_address(connection, _CONTRACT)
    signed = (did.address, call.consent_id, call.deadline)
    typed = _TYPED_DATA[call.function](node.settings.chain.chain_id, contract, *signed)
    owner = history(node, connection, did.text).owner_at(blocks.tip(connection).number)
    if eip712.recover_typed(typed, call.signature) != owner:
        raise Refused("consent-signature", f"signature: is not by the owner of {did} over this {call.function}")
    return contract, encode_call(_CONTRACT, call.function, *signed, call.signature)


def _row(node: Node, call: ConsentCall, pid: str, terms: ConsentTerms) -> ConsentRow:
    return ConsentRow(
        consent_id=call.consent_id.hex(),
        pid=pid,
        purpose=terms.purpose,
        receivers=json.dumps(list(terms.receivers)),
        expires_at=terms.expires,
        credential=call.stored,
        given_at=node.clock.now_ms(),
        withdrawn_at=None,
        salt=call.salt,
    )
