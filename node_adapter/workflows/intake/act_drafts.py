"""Drafts of client acts: the fields that will be recorded, and the rendered text that the client is shown.

    {"subject", "type", "lang", "fields": {...}, "values"?: {...}}

Fields that the records already tell (level, opinion, product) are filled in; `values` adds what only the text needs,
such as an amount. Nothing is stored: what the client then signs comes back as a fact.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from domain.words import LANGUAGES
from evidence.documents.act import ACT_FORMAT
from node_adapter.node import Node
from node_adapter.request_shapes import PID
from node_adapter.store import records, subjects
from node_adapter.workflows.intake.fold import state_of
from node_adapter.workflows.intake.outcomes import Outcome, each
from node_adapter.workflows.intake.ratings import ratings_of
from node_adapter.workflows.intake.rulesets import rulebook
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput, Refused
from primitives.shapes import Fields, Named, Object, OneOf
from primitives.text import check_all_legible
from suitability.documents import render, template_for, text_digest
from suitability.records import CLIENT_ACTS, CODE, check_payload
from suitability.subject import Rating, SubjectState

DRAFT_REQUEST = Named(
    "DraftRequest",
    Fields(
        {"subject": PID, "type": CODE},
        {
            "lang": OneOf(*LANGUAGES),
            "fields": Object().note("The payload's fields, as far as the records do not tell them."),
            "values": Object().note("What only the text needs, such as amount_fen."),
        },
    ),
)
_FINGERPRINT_BYTES = 32
_UNKNOWN_ID = "0" * 64
_BY_WALLET = "由您的钱包生成 / made by your wallet"


def draft_acts(node: Node, requests: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Draft acts; each gets its own outcome, in order."""
    with node.store.read() as connection:
        return each(requests, lambda request: _draft(node, connection, request))


def _draft(node: Node, connection: Connection, request: Mapping[str, Any]) -> dict[str, Any]:
    asked = DRAFT_REQUEST.read(request, "")
    type_, lang = asked["type"], asked.get("lang", LANGUAGES[0])
    document = template_for(type_)
    given, extra = asked.get("fields", {}), asked.get("values", {})
    check_all_legible(given, "fields")
    subject = subjects.find_by_pid(connection, asked["subject"])
    if subject is None:
        raise Refused("subject-not-found", "subject: this broker has no such subject")
    now = node.clock.now_ms()
    state = state_of(node, connection, subject)
    fields = {**_known_fields(type_, state, now), **given}
    ratings = ratings_of(node, connection, records.log_size(connection))
    label = rulebook(node, connection).at(now).label
    known = {
        "broker": node.settings.member.name,
        "ruleset": label,
        **_known_values(state, fields, ratings.at(_text(fields.get("product_id")), now)),
        **_disclosed_book(connection, subject.pid, fields.get("disclosure_ref")),
        **{name: _shown(value) for name, value in extra.items()},
        **{name: _shown(value) for name, value in fields.items()},  # last: the text shows what is signed
    }
    body = render(document.name, lang, {name: known[name] for name in document.values if name in known})
    fields |= {"lang": lang, "text_sha256": text_digest(body)}
    _check_fields(type_, fields)
    return {
        "version": ACT_FORMAT,
        "type": type_,
        "broker": node.did,
        "subject": subject.pid,
        "document": document.name,
        "ruleset": label,
        "fields": fields,
        "text": {"lang": lang, "body": body},
    }


def _known_fields(type_: str, state: SubjectState, now: int) -> dict[str, Any]:
    level = state.level_at(now)
    if type_ != "LEVEL_CONFIRM" or level is None:
        return {}
    return {"level_ref": level.ref, "level": level.name}


def _known_values(state: SubjectState, fields: Mapping[str, Any], ratings: Mapping[str, Rating]) -> dict[str, Any]:
    """Return what the records tell about the level, the opinion and the product that the fields name."""
    values: dict[str, Any] = {"consent_id": _BY_WALLET}
    level = state.level(str(fields.get("level_ref")))
    if level is not None:
        values |= {"level": level.name, "total": level.payload["total"], "valid_to": level.payload["valid_to"]}
    for product_id, rating in ratings.items():
        values |= {"product": f"{rating.payload['name']} ({product_id})", "risk": rating.payload["product"]["risk"]}
        opinions = state.track(product_id).opinions
        if opinions:
            payload = opinions[-1].payload
            values |= {"code": payload["code"], "gap": payload["gap"], "level": payload["level"] or "-"}
    consent = state.consents.get(str(fields.get("consent_id")))
    if consent is not None:
        values["purpose"] = consent.purpose
    if "contract_version" in fields:
        values["contract"] = fields["contract_version"]
    return values


def _disclosed_book(connection: Connection, pid: str, reference: object) -> dict[str, Any]:
    if not isinstance(reference, str):
        return {}
    fingerprint = decode_hex(reference, "fields.disclosure_ref", _FINGERPRINT_BYTES)
    row = records.find_by_fingerprint(connection, pid, fingerprint)
    if row is None or row.payload is None or row.type != "RISK_DISCLOSE":
        raise InvalidInput("fields.disclosure_ref", "unknown", "is no risk disclosure of this subject")
    return {"book": json.loads(row.payload)["book"]}


def _check_fields(type_: str, fields: Mapping[str, Any]) -> None:
    """Refuse now what the fact would be refused for; a consent's id is the one thing that the wallet adds."""
    optional = {"consent_id": _UNKNOWN_ID} if type_ == "CONSENT_GIVE" else {}
    if "consent_id" in fields and optional:
        raise InvalidInput("fields.consent_id", "unknown-member", "the client's wallet makes it")
    if type_ in CLIENT_ACTS:  # of a warning, which is the broker's own act, the reading time is known only afterwards
        check_payload(type_, {**fields, **optional})


def _shown(value: Any) -> str | int:
    if isinstance(value, list):
        return ", ".join(str(entry) for entry in value)
    return value if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
