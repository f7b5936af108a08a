"""Consents: keep the credential that the client signed, and relay grant and withdrawal to ConsentRegistry.

    grant     {"consent_id", "salt", "credential", "deadline", "signature"}
    withdraw  {"consent_id", "deadline", "signature"}

The acts CONSENT_GIVE and CONSENT_WITHDRAW come as facts of their own. A withdrawal counts here at once, whatever the
chain does: no later task may use the consent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from did.credentials.model import issuer_of
from did.credentials.proofs import as_signed
from did.credentials.types.consent import SALT_BYTES, consent_id, read_consent
from did.credentials.verify import verify_credential
from did.identifiers import parse_did
from node_adapter.chain.abi import encode_call
from node_adapter.node import Node
from node_adapter.request_shapes import DEADLINE, EIP712_SIGNATURE
from node_adapter.store import chain_index, consents, outbox, registry_index, restored, subjects
from node_adapter.store.consents import ConsentRow
from node_adapter.workflows.consent.standing import known_consent
from node_adapter.workflows.identity.dids import require_in_time
from node_adapter.workflows.identity.identities import chain_snapshot, history
from node_adapter.workflows.identity.succession import require_current
from node_adapter.workflows.intake.outcomes import Outcome, each
from primitives import eip712
from primitives.canonical import canonical_json
from primitives.errors import Refused, VerificationFailed
from primitives.shapes import AnyOf, Anything, Bytes, Fields, Named
from primitives.timestamp import format_time

KIND = "consent"
_CONTRACT = "ConsentRegistry"
_WITHDRAW = {"consent_id": Bytes(32), "deadline": DEADLINE, "signature": EIP712_SIGNATURE}
_GRANT = {**_WITHDRAW, "salt": Bytes(SALT_BYTES), "credential": Anything().then(lambda value, _: as_signed(value))}
_BESIDE = "Or the signed act of the wallet, with these members as its `consent`."
_GRANTED = Fields(_GRANT)
_WITHDRAWN = Fields(_WITHDRAW)
CONSENT_GRANT = Named("ConsentGrant", AnyOf(Fields({"consent": _GRANTED}, open=True), _GRANTED).note(_BESIDE))
CONSENT_WITHDRAWAL = Named(
    "ConsentWithdrawal", AnyOf(Fields({"consent": _WITHDRAWN}, open=True), _WITHDRAWN).note(_BESIDE)
)


def grant_consents(node: Node, requests: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Store and relay grants in one transaction; each gets its own outcome, in order."""
    return _each(node, requests, _grant)


def withdraw_consents(node: Node, requests: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Note and relay withdrawals in one transaction; each gets its own outcome, in order."""
    return _each(node, requests, _withdraw)


def consents_of(node: Node, did: str) -> list[dict[str, Any]]:
    """Return a client's consents, each with what the chain says of it."""
    with node.store.read() as connection:
        subject = subjects.find_by_did(connection, did)
        rows = [] if subject is None else consents.of_subject(connection, subject.pid)
        return [_shown(row, registry_index.consent_state(connection, row.consent_id)) for row in rows]


def _each(node: Node, requests: Sequence[Mapping[str, Any]], handle: Any) -> list[Outcome]:
    with node.store.write() as connection:
        restored.require_caught_up(connection)
        chain_index.require_active_member(connection, node.address)
        return each(requests, lambda request: handle(node, connection, request))


def _grant(node: Node, connection: Connection, request: Mapping[str, Any]) -> dict[str, Any]:
    value = _read(request, _GRANTED)
    identifier, salt, credential = value["consent_id"], value["salt"], value["credential"]
    known = consents.find_consent(connection, identifier.hex())
    if known is not None:
        if known.credential != _stored(credential):
            raise Refused("duplicate", "consent_id: another consent has this id")
        return _relay(node, connection, "grant", value, known.pid)
    if consent_id(salt, canonical_json(credential)) != identifier:
        raise VerificationFailed("consent-id", "consent_id: is not the salted hash of this credential")
    chain = chain_snapshot(node, connection, [issuer_of(credential)])
    verified = verify_credential(credential, chain, node.clock.now_ms())
    terms = read_consent(verified.credential)
    subject = subjects.find_by_did(connection, terms.client)
    if subject is None:
        raise Refused("subject-not-found", "credential.issuer: is no client of this broker")
    require_current(node, connection, subject)
    ended = known_consent(node, connection, subject.pid, identifier.hex()).ended(node.clock.now_ms())
    if ended is not None:  # its withdrawal is recorded already: a grant that comes late must not bring it back
        raise Refused(*ended)
    row = ConsentRow(
        consent_id=identifier.hex(),
        pid=subject.pid,
        purpose=terms.purpose,
        receivers=json.dumps(list(terms.receivers)),
        expires_at=terms.expires,
        credential=_stored(credential),
        given_at=node.clock.now_ms(),
        withdrawn_at=None,
        salt=salt,
    )
    answer = _relay(node, connection, "grant", value, subject.pid)  # refuses a wrong signature first
    consents.insert_consent(connection, row)
    return answer


def _withdraw(node: Node, connection: Connection, request: Mapping[str, Any]) -> dict[str, Any]:
    value = _read(request, _WITHDRAWN)
    known = consents.find_consent(connection, value["consent_id"].hex())
    if known is None:
        raise Refused("consent-not-found", "consent_id: this broker has no such consent")
    answer = _relay(node, connection, "withdraw", value, known.pid)
    consents.mark_withdrawn(connection, known.consent_id, node.clock.now_ms())
    return answer


def _relay(node: Node, connection: Connection, call: str, value: Mapping[str, Any], pid: str) -> dict[str, Any]:
    identifier, deadline, signature = value["consent_id"], value["deadline"], value["signature"]
    subject = subjects.find_by_pid(connection, pid)
    if subject is None or subject.did is None:
        raise Refused("subject-not-found", "consent_id: its client is unknown here")
    if call == "grant":
        require_current(node, connection, subject)
    did = parse_did(subject.did)
    contract = registry_index.contract_address(connection, _CONTRACT)
    make = eip712.grant_typed_data if call == "grant" else eip712.withdraw_typed_data
    typed = make(node.settings.chain.chain_id, contract, did.address, identifier, deadline)
    owner = history(node, connection, did.text).owner_at(registry_index.tip_block(connection).number)
    if eip712.recover_typed(typed, signature) != owner:
        raise Refused("consent-signature", f"signature: is not by the owner of {did} over this {call}")
    key = f"{KIND}:{call}:{identifier.hex()}"
    there = outbox.by_key(connection, key)
    if there is None or there.state != outbox.FINAL:
        require_in_time(node, deadline)
    # A second signature over the same call changes nothing, unless the first came too late for the chain.
    data = encode_call(_CONTRACT, call, did.address, identifier, deadline, signature)
    outbox.enqueue_again(connection, KIND, key, contract, data, node.clock.now_ms())
    return {"status": "accepted", "consent_id": identifier.hex(), "subject": pid, "outbox": key}


def _read(request: Mapping[str, Any], shape: Fields) -> dict[str, Any]:
    """Return the consent of a request: the object itself, or what `wallet consent` put beside the signed act."""
    return shape.read(request["consent"], "consent") if "consent" in request else shape.read(request, "")


def _stored(credential: Mapping[str, Any]) -> str:
    return canonical_json(dict(credential)).decode("utf-8")


def _shown(row: ConsentRow, on_chain: str) -> dict[str, Any]:
    return {
        "consent_id": row.consent_id,
        "purpose": row.purpose,
        "receivers": json.loads(row.receivers),
        "given_at": format_time(row.given_at),
        "expires_at": format_time(row.expires_at),
        "withdrawn_at": None if row.withdrawn_at is None else format_time(row.withdrawn_at),
        "on_chain": on_chain,
    }
