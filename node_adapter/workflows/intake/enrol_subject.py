"""Enrolling subjects: a pseudonym for each, and for a client the first key of the pairwise DID on the chain.

A pseudonym is random, but for products: theirs is derived from the id, so that everybody finds all their ratings. A
history has no record yet: a client's wallet opens it once its key is on the chain, or the node with what comes first.

{"client_ref", "did", "registration": {"signing_key", "validity", "deadline", "signature"}}     a client
{"client_ref", "did", "registration", "act_registration"}    a client of a broker whose acts are of another suite
{"client_ref", "did", "registration", "succeeds": pseudonym}    the same client with a new wallet (`succession`)
{"client_ref", "product_id"}                                                                    a product
{"client_ref"}                                                                                  neither of them
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from domain.opening import CLIENT, PRODUCT
from evidence.documents.product_subject import product_subject
from evidence.version2.links import first_label
from node_adapter.node import Node
from node_adapter.store import outbox, restored, subjects
from node_adapter.store.chain import member_registry
from node_adapter.store.outbox import OutboxRow
from node_adapter.store.subjects import EMPTY_HEAD, SubjectRow
from node_adapter.workflows.identity.dids import SponsoredCall, enqueue_call, enqueue_registration, set_attribute_call
from node_adapter.workflows.identity.succession import former_reference, recovered_reference
from node_adapter.workflows.intake.fold import EMPTY_STATE
from node_adapter.workflows.intake.outcomes import Outcome, each
from primitives import ed25519
from primitives.errors import InvalidInput, Refused
from primitives.shapes import Anything, Bytes, Fields, Integer, Named, OneOf
from primitives.suite import SigningSuite
from primitives.suites import DEFAULT, SUITES
from replay.wire.shapes import DEADLINE, EIP712_SIGNATURE, PARSED_DID, REFERENCE
from suitability.shapes import CODE as PRODUCT_ID

PID_BYTES = 32
OTHER_SUITES = [name for name, suite in SUITES.items() if suite is not DEFAULT]

_REGISTRATION = {"validity": Integer().note("Seconds."), "deadline": DEADLINE, "signature": EIP712_SIGNATURE}
REGISTRATION = Named(
    "Registration",
    Fields({"signing_key": Bytes(ed25519.PUBLIC_KEY_BYTES).note("Ed25519 public key."), **_REGISTRATION}).note(
        "DidRegistry.SetAttribute with nonce 0, signed by the controller."
    ),
)
ACT_REGISTRATION = Named(
    "ActRegistration",
    Fields(
        {"suite": OneOf(*OTHER_SUITES), "signing_key": Bytes().note("Public key of the suite."), **_REGISTRATION}
    ).note("The same of a key that signs acts of a broker of another suite than the default, with nonce 1."),
)
SUBJECT_REQUEST = Named(
    "SubjectRequest",
    Fields(
        {"client_ref": REFERENCE},
        {
            "did": PARSED_DID,
            "registration": REGISTRATION,
            "act_registration": ACT_REGISTRATION,
            "succeeds": Anything(),
            "product_id": PRODUCT_ID,
        },
    ).note(
        "A client has did and registration, and act_registration where the broker's suite is not the default one; a "
        "product has product_id, and lies under the pseudonym that anybody derives from it. `succeeds` is the old "
        "pseudonym of the same client, who has a new wallet."
    ),
)


@dataclass(frozen=True)
class _Registration:
    """The calls that set a client's first keys, in the order of their nonces, each with its suite and the key."""

    calls: tuple[tuple[SponsoredCall, SigningSuite, bytes], ...]
    did: str


def enrol_subjects(node: Node, requests: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Enrol subjects in one transaction; each gets its own outcome.

    The same request again changes nothing; one that is signed anew makes up for a registration that came too late.
    """
    with node.store.write() as connection:
        restored.require_caught_up(connection)  # whoever was enrolled since the copy would get a second pseudonym
        member_registry.require_active_member(connection, node.address)
        return each(requests, lambda request: _enrol(node, connection, request))


def find_subject(node: Node, client_ref: str) -> dict[str, Any]:
    """Return a subject by the caller's own reference.

    Raises:
        Refused: `subject-not-found`.
    """
    with node.store.read() as connection:
        row = subjects.find_by_client_ref(connection, client_ref)
    if row is None:
        raise Refused("subject-not-found", "client_ref: no subject has this reference")
    return {
        "client_ref": row.client_ref,
        "subject": row.pid,
        "did": row.did,
        "count": row.count,
        "head": row.head.hex(),
        "opened": row.joined,
        "continues": row.continues,
    }


def _enrol(node: Node, connection: Connection, request: Mapping[str, Any]) -> dict[str, Any]:
    request = _read(request)
    reference = request["client_ref"]
    call = _registration(node, request) if "did" in request else None
    did = None if call is None else call.did
    product = _product(node, request)
    known = subjects.find_by_client_ref(connection, reference)
    if product is not None:
        _require_free(connection, product, known)
        subjects.name_product(connection, product, request["product_id"])  # enrolled in format 1, and never rated
    if known is not None and known.did == did:
        return _answer(known, None if call is None else _relay_again(node, connection, call))
    if known is not None and not (did and known.did and request.get("succeeds") == known.pid):
        raise Refused(
            "duplicate",
            "client_ref: another subject has this reference; where it is the same person with a new wallet, `succeeds` "
            "names the old pseudonym",
        )
    if known is None and "succeeds" in request:
        raise Refused("succession-predecessor", "succeeds: is not the pseudonym that has this reference")
    holder = None if did is None else subjects.find_by_did(connection, did)
    if holder is not None and holder.client_ref != recovered_reference(holder.pid):
        raise Refused("duplicate", "did: another subject has this DID")
    pid = product or node.entropy(PID_BYTES).hex()
    row = holder or SubjectRow(
        pid=pid,
        client_ref=reference,
        did=did,
        created_at=_moment(node, connection, reference),
        count=0,
        head=EMPTY_HEAD,
        state=EMPTY_STATE,
        label=first_label(node.did, bytes.fromhex(pid)),
        kind=CLIENT if product is None else PRODUCT,
        opens=request.get("product_id"),
    )
    written = None
    if call is not None:
        written = _relay(node, connection, call) if holder is None else _relay_again(node, connection, call)
    if known is not None:
        subjects.rename(connection, known.pid, former_reference(reference, row.created_at))
    if holder is None:
        subjects.insert_subjects(connection, [row])
    else:  # its records came back after a restore, its enrolment did not
        subjects.rename(connection, holder.pid, reference)
        row = replace(holder, client_ref=reference)
    return _answer(row, written)


def _moment(node: Node, connection: Connection, reference: str) -> int:
    """Return the time of an enrolment, of which a reference has no two: by it the identity before is found."""
    now = node.clock.now_ms()
    while subjects.find_by_client_ref(connection, former_reference(reference, now)) is not None:
        now += 1
    return now


def _product(node: Node, request: Mapping[str, Any]) -> str | None:
    """Return the pseudonym of the product that is to be enrolled; None when it is none."""
    if "product_id" not in request:
        return None
    if "did" in request or "succeeds" in request:
        raise InvalidInput("product_id", "one-of", "a product has no DID, and succeeds nobody")
    return product_subject(node.did, str(request["product_id"]))


def _require_free(connection: Connection, product: str, known: SubjectRow | None) -> None:
    """Refuse a reference of something else, and a second reference of the same product."""
    if known is not None and known.pid != product:
        raise Refused("duplicate", "client_ref: another subject has this reference; give the product one of its own")
    there = subjects.find_by_pid(connection, product)
    if known is None and there is not None:
        raise Refused("duplicate", f"product_id: is enrolled under the reference {there.client_ref}")


def _relay(node: Node, connection: Connection, registration: _Registration) -> OutboxRow | None:
    """Relay the first calls of a new client; return the last one, which comes into force after the others."""
    keys = [enqueue_call(node, connection, call) for call, _, _ in registration.calls]  # refuses a wrong signature
    return outbox.by_key(connection, keys[-1])


def _relay_again(node: Node, connection: Connection, registration: _Registration) -> OutboxRow | None:
    """Relay what was signed anew, as far as it is missing; return the last write that anybody waits for."""
    written = None
    for nonce, (call, suite, key) in enumerate(registration.calls):
        row = enqueue_registration(node, connection, call, suite, key, nonce)
        written = written if row is None else outbox.by_key(connection, row)
    return written


def _answer(row: SubjectRow, written: OutboxRow | None) -> dict[str, Any]:
    return {
        "status": "accepted",
        "client_ref": row.client_ref,
        "subject": row.pid,
        "did": row.did,
        "outbox": None if written is None else written.key,
        "outbox_state": None if written is None else written.state,
    }


def _read(request: Mapping[str, Any]) -> dict[str, Any]:
    asked = SUBJECT_REQUEST.read(request, "")
    if ("did" in asked) != ("registration" in asked):
        raise InvalidInput("registration", "required", "a DID comes with its registration, and only with it")
    if "act_registration" in asked and "did" not in asked:
        raise InvalidInput("act_registration", "one-of", "only a client's DID has keys")
    return asked


def _registration(node: Node, request: Mapping[str, Any]) -> _Registration:
    """Read a client's first keys: one is Ed25519, and where this member's suite is another, one is of it.

    Raises:
        InvalidInput: the key is none of the suite.
        Refused: `client-suite`, the wallet has no key, or one too many, for acts of this member's suite.
    """
    given, wanted = request.get("act_registration"), node.suite
    if given is None and wanted is not DEFAULT:
        told = f"act_registration: acts here are of {wanted.name}: make the identity by `wallet new --suite`"
        raise Refused("client-suite", told)
    if given is not None and given["suite"] != wanted.name:
        raise Refused("client-suite", f"act_registration.suite: acts here are of {wanted.name}")
    if given is not None:
        wanted.check_public_key(given["signing_key"], "act_registration.signing_key")
    stated = [(DEFAULT, request["registration"]), *([] if given is None else [(wanted, given)])]
    calls = [
        (
            set_attribute_call(
                request["did"],
                suite.attribute,
                value["signing_key"],
                value["validity"],
                value["deadline"],
                value["signature"],
            ),
            suite,
            value["signing_key"],
        )
        for suite, value in stated
    ]
    return _Registration(tuple(calls), request["did"].text)
