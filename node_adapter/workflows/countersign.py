"""Signatures of the broker's staff at the door: what is there must hold (docs/spec/staff.md, section 3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from evidence.act import field_digests
from evidence.roster import Roster
from evidence.staff import FIELD, act_digest, check_countersigned
from node_adapter.store.registry_index import TipBlock
from node_adapter.workflows.fact_input import Fact
from primitives.errors import Refused
from suitability.second_person import STAFF_ACTS

_MS = 1000


def signed_once(broker: str, fact: Fact) -> str | None:
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
    return act_digest(stated, field_digests(fact.payload or {}, fact.root_salt)).hex()


def signed_once_in(envelope: Mapping[str, Any]) -> str | None:
    """Return the same of a sealed record."""
    if envelope["signatures"]:
        return str(envelope["signatures"][0]["value"])
    return act_digest(envelope, envelope["fields"]).hex() if FIELD in envelope["fields"] else None


def require_countersigned(
    envelope: Mapping[str, Any],
    values: Mapping[str, Any],
    roster: Roster,
    block: TipBlock,
    no_colleagues: Collection[str],
) -> None:
    """Check the staff signatures of a record that is about to be logged, where it bears any.

    Raises:
        VerificationFailed: see `evidence.staff.check_countersigned`.
        Refused: `staff-not-shown`; an enrolment came back from others without its fields.
    """
    if FIELD not in values:
        return
    demand = STAFF_ACTS[envelope["type"]]
    signers = check_countersigned(envelope, values, roster, block.timestamp * _MS, demand, no_colleagues)
    if not signers.whole:
        raise Refused("staff-not-shown", f"payload.{FIELD}: the enrolment of a key came back without its fields")
