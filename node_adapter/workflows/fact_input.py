"""The wire form of a fact, checked member by member before anything is stored.

{"source_ref", "subject", "type", "occurred_at", "channel", "actor": {"did", "role"},
"payload": {...} | "compute": {...}, "attachments"?: [...],
"act"?: {"root_salt", "key", "signature", "document", "ruleset"}, "root_salt"?: with payload.countersigned}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evidence.act import ROOT_SALT_BYTES
from evidence.record import CHANNELS
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256
from primitives.encoding import decode_base64url, decode_hex
from primitives.errors import InvalidInput, Refused
from primitives.text import check_all_legible
from primitives.timestamp import parse_time
from suitability.records import CLIENT_ACTS, NODE_TYPES, check_payload, check_type
from suitability.second_person import FIELD

COMPUTED_TYPES = ("LEVEL_RESULT", "MATCH_OPINION")  # what the node's own engine can state
# Whoever took such a reference first would keep the node from recording a revocation, or the use of a client's data.
_NODE_REFERENCE = re.compile(r"credential-(?:issue|revoke):|task:[0-9a-f]{64}:")
_REQUIRED = ("source_ref", "subject", "type", "occurred_at", "channel", "actor")
_OPTIONAL = ("payload", "compute", "attachments", "act", "root_salt")
_ACT = ("root_salt", "key", "signature", "document", "ruleset")
_REQUEST_TAG = "bonafides/fact/1"
_MAX_TEXT = 300
_PID_BYTES = 32


@dataclass(frozen=True)
class Act:
    """The client's own part of a fact."""

    root_salt: bytes = field(repr=False)
    key: str
    signature: str
    document: str | None
    ruleset: str | None


@dataclass(frozen=True)
class Fact:
    """A well-formed fact. Exactly one of `payload` and `compute` is set."""

    source_ref: str
    subject: str
    type: str
    occurred_at: str
    occurred_ms: int
    channel: str
    actor: Mapping[str, str]
    payload: Mapping[str, Any] | None = field(repr=False)
    compute: Mapping[str, Any] | None
    attachments: list[Any]
    act: Act | None
    digest: bytes
    root_salt: bytes | None = field(repr=False)  # of what the broker's staff signed


def read_fact(value: Mapping[str, Any]) -> Fact:
    """Check the shape of a caller's fact.

    Raises:
        InvalidInput: the dotted field, and the rule that it breaks.
        Refused: `act-unsigned`, the client's own act comes without the client's signature.
    """
    if isinstance(value.get("type"), str) and value["type"] in NODE_TYPES:
        raise InvalidInput("type", "node-record", f"{value['type']} is written by the node itself")
    reference = value.get("source_ref")
    if isinstance(reference, str) and _NODE_REFERENCE.match(reference):
        raise InvalidInput("source_ref", "node-reference", "the node itself names its records so")
    return read_node_fact(value)


def read_node_fact(value: Mapping[str, Any]) -> Fact:
    """Check the shape of a fact of any type, also of those that only the node writes; raises as `read_fact`."""
    _no_unknown(value, "", _REQUIRED + _OPTIONAL)
    check_all_legible(value, "")
    for name in _REQUIRED:
        if name not in value:
            raise InvalidInput(name, "required", "is missing")
    type_ = check_type(value["type"]).code
    act = None if value.get("act") is None else _read_act(value["act"])
    if act is None and type_ in CLIENT_ACTS:
        raise Refused("act-unsigned", f"act: {type_} is the client's own act and owes the client's signature")
    if ("payload" in value) == ("compute" in value):
        raise InvalidInput("payload", "one-of", "give either payload or compute")
    if act is not None and "compute" in value:
        raise InvalidInput("compute", "act", "the client signs a payload that is stated, not one to be computed")
    attachments = value.get("attachments", [])
    if not isinstance(attachments, list):
        raise InvalidInput("attachments", "list", "must be a list")
    decode_hex(value["subject"], "subject", _PID_BYTES)
    return Fact(
        source_ref=_text(value["source_ref"], "source_ref"),
        subject=value["subject"],
        type=type_,
        occurred_at=value["occurred_at"],
        occurred_ms=parse_time(value["occurred_at"], "occurred_at"),
        channel=_channel(value["channel"]),
        actor=_actor(value["actor"]),
        payload=check_payload(type_, value["payload"]) if "payload" in value else None,
        compute=_read_compute(type_, value["compute"]) if "compute" in value else None,
        attachments=attachments,
        act=act,
        digest=tagged_sha256(_REQUEST_TAG, canonical_json(dict(value))),
        root_salt=_read_salt(value),
    )


def _read_salt(value: Mapping[str, Any]) -> bytes | None:
    payload = value.get("payload")
    if ("root_salt" in value) != (isinstance(payload, dict) and FIELD in payload):
        raise InvalidInput("root_salt", "together", f"is given exactly where payload.{FIELD} is")
    return decode_hex(value["root_salt"], "root_salt", ROOT_SALT_BYTES) if "root_salt" in value else None


def _read_act(value: object) -> Act:
    if not isinstance(value, dict):
        raise InvalidInput("act", "object", "must be an object")
    _no_unknown(value, "act.", _ACT)
    for name in _ACT:
        if name not in value:
            raise InvalidInput(f"act.{name}", "required", "is missing")
    decode_base64url(value["signature"], "act.signature", ed25519.SIGNATURE_BYTES)
    return Act(
        root_salt=decode_hex(value["root_salt"], "act.root_salt", ROOT_SALT_BYTES),
        key=_text(value["key"], "act.key"),
        signature=value["signature"],
        document=_optional_text(value["document"], "act.document"),
        ruleset=_optional_text(value["ruleset"], "act.ruleset"),
    )


def _read_compute(type_: str, value: object) -> dict[str, Any]:
    if type_ not in COMPUTED_TYPES:
        raise InvalidInput("compute", "record-type", f"only {' and '.join(COMPUTED_TYPES)} can be computed")
    if not isinstance(value, dict):
        raise InvalidInput("compute", "object", "must be an object")
    allowed = ("product_id", "admitted") if type_ == "MATCH_OPINION" else ()
    _no_unknown(value, "compute.", allowed)
    if type_ == "MATCH_OPINION":
        _text(value.get("product_id"), "compute.product_id")
        if not isinstance(value.get("admitted", True), bool):
            raise InvalidInput("compute.admitted", "boolean", "must be true or false")
    return value


def _channel(value: object) -> str:
    if not isinstance(value, str) or value not in CHANNELS:
        raise InvalidInput("channel", "channel", f"must be one of {', '.join(sorted(CHANNELS))}")
    return value


def _actor(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict) or set(value) != {"did", "role"}:
        raise InvalidInput("actor", "object", "must be an object of did and role")
    return {"did": _text(value["did"], "actor.did"), "role": _text(value["role"], "actor.role")}


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
        raise InvalidInput(name, "text", f"must be text of 1 to {_MAX_TEXT} characters")
    return value


def _optional_text(value: object, name: str) -> str | None:
    return None if value is None else _text(value, name)


def _no_unknown(value: Mapping[str, Any], prefix: str, known: tuple[str, ...]) -> None:
    for name in value:
        if name not in known:
            raise InvalidInput(f"{prefix}{name}"[:_MAX_TEXT], "unknown-member", "is not a member of this format")
