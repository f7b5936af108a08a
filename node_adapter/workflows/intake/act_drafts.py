"""Drafts of client acts: the fields that will be recorded, and the rendered text that the client is shown.

    {"subject", "type", "lang", "fields": {...}, "values"?: {...}}

Fields that the records already tell (level, opinion, product) are filled in; `values` adds what only the text needs,
such as an amount. Nothing is stored: what the client then signs comes back as a fact.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection

from domain.domains import Domains
from domain.texts import text_digest
from domain.words import LANGUAGES
from evidence.version2.act import ACT_FORMAT
from node_adapter.node import Node
from node_adapter.store import records, subjects
from node_adapter.workflows.intake.fold import states_of
from node_adapter.workflows.intake.house import house_of
from node_adapter.workflows.intake.outcomes import Outcome, each
from node_adapter.workflows.intake.rulesets import rulebook
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput, Refused
from primitives.shapes import Fields, Named, Object, OneOf, Shape
from primitives.text import check_all_legible
from replay.installed import INSTALLED
from replay.wire.shapes import PID


@cache
def draft_request(domains: Domains) -> Shape[dict[str, Any]]:
    """Return the shape of a request to draft any act that these domains know."""
    return Named(
        "DraftRequest",
        Fields(
            {"subject": PID, "type": domains.code},
            {
                "lang": OneOf(*LANGUAGES),
                "fields": Object().note("The payload's fields, as far as the records do not tell them."),
                "values": Object().note("What only the text needs, such as amount_fen."),
            },
        ),
    )


DRAFT_REQUEST = draft_request(INSTALLED)
_FINGERPRINT_BYTES = 32
_UNKNOWN_ID = "0" * 64
_BY_WALLET = "由您的钱包生成 / made by your wallet"


def draft_acts(node: Node, requests: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Draft acts; each gets its own outcome, in order."""
    with node.store.read() as connection:
        return each(requests, lambda request: _draft(node, connection, request))


def _draft(node: Node, connection: Connection, request: Mapping[str, Any]) -> dict[str, Any]:
    asked = draft_request(node.domains).read(request, "")
    type_, lang = asked["type"], asked.get("lang", LANGUAGES[0])
    document = node.domains.document_for(type_)
    given, extra = asked.get("fields", {}), asked.get("values", {})
    check_all_legible(given, "fields")
    subject = subjects.find_by_pid(connection, asked["subject"])
    if subject is None:
        raise Refused("subject-not-found", "subject: this broker has no such subject")
    now = node.clock.now_ms()
    domain, state = node.domains.state(states_of(node, connection, subject), type_)
    fields = {**domain.known_fields(type_, state, now), **given}
    house = house_of(node, connection, domain, records.log_size(connection))
    rulesets = rulebook(node, connection).of(domain)
    label = rulesets.whole_label(rulesets.at(now))
    known = {
        "broker": node.settings.member.name,
        "ruleset": label,
        "consent_id": _BY_WALLET,
        **domain.known_values(state, fields, house, now),
        **_referred(connection, subject.pid, node.domains.types[type_].text_values, fields),
        **{name: _shown(value) for name, value in extra.items()},
        **{name: _shown(value) for name, value in fields.items()},  # last: the text shows what is signed
    }
    body = document.render(lang, {name: known[name] for name in document.values if name in known})
    fields |= {"lang": lang, "text_sha256": text_digest(body)}
    _check_fields(node.domains, type_, fields)
    return {
        "version": ACT_FORMAT,
        "suite": node.suite.name,
        "type": type_,
        "broker": node.did,
        "subject": subject.pid,
        "document": document.name,
        "ruleset": label,
        "fields": fields,
        "text": {"lang": lang, "body": body},
    }


def _referred(
    connection: Connection, pid: str, wanted: Mapping[str, tuple[str, str]], fields: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the text needs of the subject's records that the fields refer to."""
    found = {}
    for name, (type_, value) in wanted.items():
        if isinstance(fields.get(name), str):
            fingerprint = decode_hex(fields[name], f"fields.{name}", _FINGERPRINT_BYTES)
            row = records.find_by_fingerprint(connection, pid, fingerprint)
            if row is None or row.payload is None or row.type != type_:
                raise InvalidInput(f"fields.{name}", "unknown", f"is no {type_} of this subject")
            found[value] = json.loads(row.payload)[value]
    return found


def _check_fields(domains: Domains, type_: str, fields: Mapping[str, Any]) -> None:
    """Refuse now what the fact would be refused for; a consent's id is the one thing that the wallet adds."""
    optional = {"consent_id": _UNKNOWN_ID} if type_ == "CONSENT_GIVE" else {}
    if "consent_id" in fields and optional:
        raise InvalidInput("fields.consent_id", "unknown-member", "the client's wallet makes it")
    # Of a warning, which is the broker's own act, the reading time is known only afterwards.
    if type_ in domains.client_acts:
        domains.check_payload(type_, {**fields, **optional})


def _shown(value: object) -> str | int:
    if isinstance(value, list):
        return ", ".join(str(entry) for entry in value)
    return value if isinstance(value, int) and not isinstance(value, bool) else str(value)
