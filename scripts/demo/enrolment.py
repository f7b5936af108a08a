"""Clients come in: keys and a commitment in the wallet, a pseudonym at the broker, the first key on the chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scripts.demo.consortium import Consortium
from scripts.demo.journey import Relation
from scripts.demo.surface import DemoError

RESIDENT_ID = "resident-id"


def enrol(consortium: Consortium, relations: Sequence[Relation]) -> None:
    """Make each client's pairwise identity, have the broker register it, and tell the wallet its pseudonym."""
    wallet, command = str(consortium.wallet), consortium.command
    rows = [
        {
            "client_ref": relation.client_ref,
            "broker": relation.broker.did,
            "broker_key": relation.broker.signing_key,
            "certificate": {"kind": RESIDENT_ID, "number": relation.account.profile.certificate},
        }
        for relation in relations
    ]
    network = ("--network", str(consortium.network_file))
    made = command.lines("wallet", "new", "--wallet", wallet, *network, rows=rows)
    for broker, own in _by_broker(relations, made).items():
        system = consortium.members[broker].as_role("broker-system")
        answers = system.post_lines("/v1/subjects", [registration for _, registration in own])
        for (relation, _), answer in zip(own, answers, strict=True):
            if answer.get("status") != "accepted":
                raise DemoError(f"{relation.client_ref} was not enrolled: {answer}")
            relation.did, relation.subject = answer["did"], answer["subject"]
    bindings = [{"did": relation.did, "subject": relation.subject} for relation in relations]
    command.lines("wallet", "bind", "--wallet", wallet, rows=bindings)
    listed = {row["did"]: row for row in command.lines("wallet", "list", "--wallet", wallet, rows=[])}
    for relation in relations:
        relation.commitment = listed[relation.did]["commitment"]


def _by_broker(
    relations: Sequence[Relation], made: Sequence[dict[str, Any]]
) -> dict[str, list[tuple[Relation, dict[str, Any]]]]:
    groups: dict[str, list[tuple[Relation, dict[str, Any]]]] = {}
    for relation, registration in zip(relations, made, strict=True):
        groups.setdefault(relation.broker.name, []).append((relation, registration))
    return groups
