"""Record 1 of every subject says what the subject is (docs/spec/evidence-2.md, section 4).

A client's wallet signs it, and it comes in as every act does. Where anything else comes first, the node writes it: of a
client, that nobody signed it; of a product and of a matter of the house, signed by the broker itself. A client whose
history was opened so joins it by the own opening, once; before that the client signs nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from domain.opening import CLIENT, OPENING, UNSIGNED_CLIENT
from node_adapter.node import Node
from node_adapter.store.subjects import SubjectRow
from primitives.errors import InvalidInput, Refused
from primitives.timestamp import format_time
from replay.wire.fact import ClientPart, IntakeFact, read_node_fact

REFERENCE = "opening:"


def opening_fact(node: Node, subject: SubjectRow, now_ms: int) -> IntakeFact:
    """Return the fact that opens the history of a subject without the client's own opening."""
    return read_node_fact(
        {
            "source_ref": REFERENCE + subject.pid,
            "subject": subject.pid,
            "type": OPENING,
            "occurred_at": format_time(now_ms),
            "channel": "api",
            "actor": {"did": node.did, "role": "node"},
            "payload": {
                "kind": UNSIGNED_CLIENT if subject.kind == CLIENT else subject.kind,
                "opens": subject.opens,
                "continues": subject.continues,
            },
        },
        node.domains,
    )


def is_signed_by_broker(subject: SubjectRow) -> bool:
    """Tell whether the broker signs the opening of a subject: nobody does for a client who has not."""
    return subject.kind != CLIENT


def require_place(fact: IntakeFact, act: ClientPart, subject: SubjectRow) -> None:
    """Check that a client's act comes where it may: the opening once, everything else after it.

    Raises:
        InvalidInput: an opening names a text or a rule set.
        Refused: `opened-already`; `opening-foreign`, it opens another DID; `opening-continues`, it leaves out the
            history that came before, or names another; `not-opened`.
    """
    if fact.type == OPENING:
        _require_own(act, fact.payload or {}, subject)
    elif not subject.joined:
        raise Refused(
            "not-opened",
            "subject: the client has not opened this history: have the wallet sign the opening (`bonafides wallet "
            "open`), and hand that in first",
        )


def _require_own(act: ClientPart, payload: Mapping[str, Any], subject: SubjectRow) -> None:
    for name in ("document", "ruleset"):
        if getattr(act, name) is not None:
            raise InvalidInput(f"act.{name}", "constant", f"must be null of an {OPENING}")
    if payload["continues"] != subject.continues:
        wanted = "be null" if subject.continues is None else f"be {json.dumps(subject.continues)}"
        raise Refused("opening-continues", f"payload.continues: must {wanted}: the history that came before")
    if payload["opens"] != subject.did:
        raise Refused("opening-foreign", f"payload.opens: this subject stands for {subject.did}")
    if subject.joined:
        raise Refused("opened-already", "subject: the client has opened this history before")
