"""What a replay gave is handed out: each document is recorded before it is (docs/spec/report.md, section 7).

The record lies in a history of the house that stands for the reports about one client, and not in the client's own: a
report would else change, by being read, the history that it shows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from domain.issue import FULL, ISSUE
from node_adapter.node import Node
from node_adapter.store import records, replays
from node_adapter.workflows.intake.facts import record_facts
from node_adapter.workflows.intake.house_subjects import open_house
from node_adapter.workflows.replay.reading import ReadDocument, read_document
from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256
from primitives.timestamp import format_time
from replay.claims import NOT_PROVABLE, PROVEN, REFUTED
from replay.reports import reports_matter
from replay.wire.fact import IntakeFact, read_node_fact

_TAG = "bonafides/report-issue/1"
_ROLE = "compliance"
_RESULTS = {"proven": PROVEN, "refuted": REFUTED, "not_provable": NOT_PROVABLE}


def issue_document(
    node: Node,
    replay_id: str,
    kind: str,
    *,
    to: str,
    number: int = 0,
    lang: str | None = None,
    form: str = FULL,
) -> bytes:
    """Return a document of a replay, recorded as given to somebody: once, however often the same bytes are asked for.

    Args:
        node: of the broker.
        replay_id: the replay.
        kind: one of `domain.issue.DOCUMENTS`.
        to: who gets it, by the name of the token.
        number: of the identity of the client; 0 is the one that was asked for.
        lang: of a page or PDF; None for the one in which the replay was asked for.
        form: of a page or PDF.

    Raises:
        BonafidesError: as `read_document`; or why nothing can be recorded now: then nothing is given out.
    """
    document = read_document(node, replay_id, kind, number=number, lang=lang, form=form)
    payload = _payload(replay_id, number, document, to)
    reference = replays.issue_reference(replay_id) + tagged_sha256(_TAG, canonical_json(payload)).hex()
    with node.store.read() as connection:
        known = _is_recorded(connection, reference)
    if not known:
        with node.store.write() as connection:
            if not _is_recorded(connection, reference):  # a second reader may have been quicker
                _record(node, connection, reference, payload)
    return document.data


def _is_recorded(connection: Connection, reference: str) -> bool:
    return reference in records.by_source_refs(connection, [reference])


def _record(node: Node, connection: Connection, reference: str, payload: Mapping[str, Any]) -> None:
    now = node.clock.now_ms()
    subject = open_house(node, connection, reports_matter(payload["subject"]), now)
    record_facts(node, connection, [_fact(node, reference, subject.pid, payload, now)])


def _fact(node: Node, reference: str, pid: str, payload: Mapping[str, Any], now_ms: int) -> IntakeFact:
    return read_node_fact(
        {
            "source_ref": reference,
            "subject": pid,
            "type": ISSUE,
            "occurred_at": format_time(now_ms),
            "channel": "api",
            "actor": {"did": node.did, "role": _ROLE},
            "payload": dict(payload),
        },
        node.domains,
    )


def _payload(replay_id: str, number: int, document: ReadDocument, to: str) -> dict[str, Any]:
    content = document.content
    cover, concluded = content["cover"], content["conclusion"]
    return {
        "subject": cover["subject"],
        "replay": replay_id,
        "identity": number,
        "case": cover["case"],
        "order_id": None if cover["order"] is None else cover["order"]["id"],
        "document": document.kind,
        "report_form": document.form,
        "language": document.lang,
        "sha256": hashlib.sha256(document.data).hexdigest(),
        "bytes": len(document.data),
        "block": content["as_of"]["block"],
        "holds": concluded["ok"],
        **{
            name: [item["claim"] for item in concluded["claims"] if item["result"] == result]
            for name, result in _RESULTS.items()
        },
        "issued_to": to,
    }
