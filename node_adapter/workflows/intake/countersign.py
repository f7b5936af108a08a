"""Signatures of the broker's staff at the door: what is there must hold (docs/spec/staff.md, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from did.registry_log import IdentityHistory
from domain.second_person import FIELD
from evidence.documents.staff_signature import ALWAYS, Demand, act_digest, check_countersigned
from evidence.log.roster import Roster
from evidence.version2.record import SealedRecord
from evidence.version2.salts import field_digests
from node_adapter.node import Node
from node_adapter.store.chain import member_registry
from node_adapter.store.chain.blocks import Block
from primitives.errors import Refused
from primitives.suite import SigningSuite
from replay.wire.fact import IntakeFact
from suitability.records.staff import END, ENROL

_MS = 1000


def signed_once(broker: str, suite: SigningSuite, fact: IntakeFact) -> str | None:
    """Return what stands for the content that somebody signed: one such content is recorded once. None: nobody did.

    It is the client's signature, or the digest that the staff signed.
    """
    if fact.act is not None:
        return fact.act.signature
    if fact.root_salt is None:
        return None
    stated = {
        "broker": broker,
        "subject": fact.subject,
        "type": fact.type,
        "occurred_at": fact.occurred_at,
        "channel": fact.channel,
        "actor": dict(fact.actor),
        "attachments": fact.attachments,
    }
    return act_digest(stated, field_digests(suite, fact.payload or {}, fact.root_salt)).hex()


def signed_once_in(envelope: Mapping[str, Any]) -> str | None:
    """Return the same of a sealed record."""
    if envelope["known"] is not None:
        return str(envelope["signatures"][0]["value"])
    return act_digest(envelope, envelope["fields"]).hex() if FIELD in envelope["fields"] else None


def require_no_staff_subject(roster: Roster, fact: IntakeFact) -> None:
    """Refuse (`staff-subject`) a fact about a subject that stands for a key, but for those of the node itself."""
    if fact.subject in roster.by_subject and fact.type not in (ENROL, END):
        raise Refused("staff-subject", "subject: stands for a key of the staff, about which only the node records")


def keys_of_others(node: Node, connection: Connection, client: IdentityHistory | None) -> dict[str, int]:
    """Return the keys (hex) that this member and a client ever had, with the block since which each is no colleague's.

    The member's own never are, whenever it took them.
    """
    held = member_registry.registered_keys(connection, node.address)
    own = dict.fromkeys((key for keys in held for key in (keys.signing, keys.checkpoint)), ALWAYS)
    theirs = {} if client is None else client.ed25519_keys_ever()
    return {key.hex(): since for key, since in {**theirs, **own}.items()}


def require_countersigned(
    sealed: SealedRecord,
    roster: Roster,
    block: Block,
    no_colleagues: Mapping[str, int],
    demands: Mapping[str, Demand],
) -> None:
    """Check the staff signatures of a record that is about to be logged, where it bears any.

    Raises:
        VerificationFailed: see `evidence.documents.staff_signature.check_countersigned`.
        Refused: `staff-not-shown`; an enrolment came back from others without its fields.
    """
    if FIELD not in sealed.values:
        return
    demand = demands[sealed.envelope["type"]]
    signers = check_countersigned(sealed.envelope, sealed.values, roster, block.timestamp * _MS, demand, no_colleagues)
    if not signers.whole:
        raise Refused("staff-not-shown", f"payload.{FIELD}: the enrolment of a key came back without its fields")
