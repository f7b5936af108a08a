"""Credentials that this member issues about its clients; what each type attests, `did.credentials.types` says.

A credential of what is already attested is handed out again, so that a request sent twice issues once. Each issue is
recorded in the transaction that stores it: once its key has ended, only that record proves that it came before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from did.credentials import status_list
from did.credentials.credential_type import CredentialType, LevelInForce, RecordedFact
from did.credentials.proofs import add_proof, verify_proof
from did.credentials.registry import ON_REQUEST, TYPES
from node_adapter.node import Node
from node_adapter.store import credentials, records, restored, subjects
from node_adapter.store.chain import member_registry
from node_adapter.store.credentials import CredentialRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.identity.issue_witness import issue_fact
from node_adapter.workflows.identity.keys_in_force import keys_in_force, require_no_rotation
from node_adapter.workflows.identity.revocation import revocation_fact
from node_adapter.workflows.identity.succession import require_current
from node_adapter.workflows.intake.facts import record_facts
from node_adapter.workflows.intake.fold import state_of
from node_adapter.workflows.intake.outcomes import Outcome, each
from primitives.errors import Refused, VerificationFailed
from primitives.shapes import Fields, Named, Nullable, OneOf, Text
from primitives.timestamp import format_utc, parse_time
from primitives.uuid7 import ENTROPY_BYTES, uuid7
from replay.wire.fact import IntakeFact
from replay.wire.shapes import PID

LIST_VALID_MS = 24 * 3_600_000
LIST_RENEWED_MS = 3_600_000
_MS = 1000
_LIST_ENTROPY = 8
_FIRST_FRESH = 1_000_000  # earlier versions counted their lists up from 1
CREDENTIAL_REQUEST = Named("CredentialRequest", Fields({"subject": PID}, {"type": OneOf(*ON_REQUEST)}))
REVOCATION_REQUEST = Named("RevocationRequest", Fields({}, {"reason": Nullable(Text(500))}))


def issue_credentials(node: Node, requests: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Issue credentials ({"subject", "type"?}) in one transaction; each gets its own outcome, in order."""
    with node.store.write() as connection:
        member_registry.require_active_member(connection, node.address)
        restored.require_caught_up(connection)
        require_no_rotation(connection)  # a reader takes the key that the registry held at the time in the proof
        issued: list[IntakeFact] = []
        outcomes = each(requests, lambda request: _issue(node, connection, request, issued))
        record_facts(node, connection, issued)
        return outcomes


def revoke_credential(node: Node, credential_id: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Revoke a credential, for a `reason` if one is given, and record it; doing it again changes nothing.

    A suspended member, whose log takes no records, revokes nothing: its credentials do not verify.

    Raises:
        InvalidInput: another member than `reason`.
        Refused: `credential-not-found`; `member-suspended`, this member may not record.
        CouldNotCheck: `node-restored`, the copy has not yet read the chain.
    """
    reason = REVOCATION_REQUEST.read(request, "").get("reason")
    with node.store.write() as connection:
        row = credentials.find_credential(connection, credential_id)
        if row is None:
            raise Refused("credential-not-found", "id: this member issued no such credential")
        if row.revoked_at is None:
            now = node.clock.now_ms()
            record_facts(node, connection, [revocation_fact(node.did, row, reason, now)])
            credentials.mark_revoked(connection, row.id, now)
            row = credentials.find_credential(connection, credential_id)
    if row is None or row.revoked_at is None:
        raise Refused("credential-not-found", "id: this member issued no such credential")
    return {"status": "revoked", "id": row.id, "revoked_at": format_utc(row.revoked_at)}


def status_list_of(node: Node, list_id: str) -> dict[str, Any]:
    """Return the signed status list credential.

    Raises:
        Refused: `status-list-not-found`.
    """
    with node.store.read() as connection:
        revision = credentials.revision(connection)
        signing = keys_in_force(node, connection).checkpoint_public
        number = status_list.read_number(list_id)
        if number is None or not credentials.list_exists(connection, number, status_list.LIST_BITS):
            raise Refused("status-list-not-found", "no credential of this member has a place in such a list")
        make = partial(_make_list, node, connection, number)
        hour = node.clock.now_ms() // LIST_RENEWED_MS
        return node.views.get(connection, "status-list", list_id, (revision, signing, hour), make)


def _issue(node: Node, connection: Connection, request: Mapping[str, Any], issued: list[IntakeFact]) -> dict[str, Any]:
    asked = CREDENTIAL_REQUEST.read(request, "")
    type_ = TYPES[asked.get("type", next(iter(ON_REQUEST)))]
    subject = subjects.find_by_pid(connection, asked["subject"])
    if subject is None or subject.did is None:
        raise Refused("subject-not-found", "subject: this broker has no such client")
    require_current(node, connection, subject)
    index = credentials.next_status_index(
        connection, status_list.LIST_BITS, lambda: fresh_list(node.entropy(_LIST_ENTROPY))
    )
    now = node.clock.now_ms()
    credential_id = f"urn:uuid:{uuid7(now, node.entropy(ENTROPY_BYTES))}"
    document = _unsecured(type_, _Client(node, connection, subject, now), credential_id, index)
    for known in credentials.of_subject(connection, subject.pid, type_.name):
        body: dict[str, Any] = json.loads(known.body)
        if _says(body, document, type_) and _by_key_in_force(node, connection, body):
            return body
    signed = _sign(node, connection, document, now)
    row = CredentialRow(document["id"], subject.pid, type_.name, json.dumps(signed), index, now, None)
    credentials.insert_credentials(connection, [row])
    issued.append(issue_fact(node, subject.pid, signed, type_.name, now))
    return signed


@dataclass(frozen=True)
class _Client:
    """A client of this broker as a credential type asks about it."""

    node: Node
    connection: Connection
    subject: SubjectRow
    now_ms: int

    def level(self) -> LevelInForce | None:
        return state_of(self.node, self.connection, self.subject).level_at(self.now_ms)

    def recorded(self, code: str) -> list[RecordedFact]:
        rows = records.of_subject(self.connection, self.subject.pid)
        return [
            RecordedFact(json.loads(row.payload), parse_time(json.loads(row.envelope)["occurred_at"], "occurred_at"))
            for row in rows
            if row.type == code and row.payload
        ]


def _unsecured(type_: CredentialType[Any], client: _Client, credential_id: str, index: int) -> dict[str, Any]:
    """Return the credential of what the type attests of the client, with the place `index` among all status bits."""
    number, place = divmod(index, status_list.LIST_BITS)
    return type_.unsecured(
        ON_REQUEST[type_.name].attest(client),
        credential_id=credential_id,
        issuer=client.node.did,
        subject=str(client.subject.did),
        valid_from=client.now_ms,
        status=status_list.status_entry(status_list.list_url(client.node.did, 1 + number), place),
    )


def fresh_list(entropy: bytes) -> int:
    """Return the number of a list that no earlier copy of this database can have used, but by an incredible chance.

    Args:
        entropy: 8 random bytes.
    """
    spread = status_list.MOST_LISTS - _FIRST_FRESH + 1
    return _FIRST_FRESH + int.from_bytes(entropy) % spread


def _by_key_in_force(node: Node, connection: Connection, credential: dict[str, Any]) -> bool:
    """Say whether a credential is by the key of now: one by an earlier key needs its witness, a new one does not."""
    try:
        verify_proof(credential, keys_in_force(node, connection).checkpoint_public)
    except VerificationFailed:
        return False
    return True


def _says(known: Mapping[str, Any], document: Mapping[str, Any], type_: CredentialType[Any]) -> bool:
    """Say whether a credential that was issued before attests what is asked for now."""
    if any(known[name] != document[name] for name in ("@context", "credentialSubject")):
        return False
    if not ON_REQUEST[type_.name].lasts_from_issue:
        return bool(known["validUntil"] == document["validUntil"])
    # so long from today is later each day; the one spelling of our times sorts as they do
    return bool(document["validFrom"] < known["validUntil"] <= document["validUntil"])


def _make_list(node: Node, connection: Connection, number: int) -> dict[str, Any]:
    revoked = credentials.revoked_places(connection, number, status_list.LIST_BITS)
    now = node.clock.now_ms()
    unsigned = status_list.status_list_credential(
        number=number,
        issuer=node.did,
        bits=status_list.list_with(revoked),
        valid_from=now,
        valid_until=now + LIST_VALID_MS,
    )
    return _sign(node, connection, unsigned, now)


def _sign(node: Node, connection: Connection, document: dict[str, Any], now: int) -> dict[str, Any]:
    registered = member_registry.registered_keys(connection, node.address)
    since = registered[-1].timestamp * _MS if registered else 0
    return add_proof(
        document,
        seed=keys_in_force(node, connection).checkpoint_seed,
        verification_method=node.ed25519_key_id,
        created=format_utc(max(now, since)),  # a clock behind the chain's must not date it before the key
    )
