"""The wire form of a fact, checked member by member before anything is stored.

{"source_ref", "subject", "type", "occurred_at", "channel", "actor": {"did", "role"},
"payload": {...} | "compute": {...}, "attachments"?: [...],
"act"?: {"root_salt", "key", "signature", "document", "ruleset", "known": {"count", "fingerprint", "nonce"}},
"root_salt"?: with payload.countersigned,
"consent"?: with CONSENT_GIVE and CONSENT_WITHDRAW, the client's call of ConsentRegistry}

The call is no part of the fact: its deadline passes, and the same fact comes again with a new one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from domain.domains import Domains
from domain.fact import CHANNELS
from domain.opening import CLIENT, OPENING
from domain.second_person import FIELD
from evidence.documents.envelope import ATTACHMENT, MAX_ATTACHMENTS
from evidence.version2.envelope import KNOWN, RULESET, KnownBefore
from evidence.version2.salts import ROOT_SALT_BYTES
from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256
from primitives.encoding import encode_base64url
from primitives.errors import InvalidInput, Refused
from primitives.shapes import (
    Base64Url,
    Bytes,
    Cases,
    Fields,
    Line,
    ListOf,
    Named,
    Nullable,
    Object,
    OneOf,
    Shape,
)
from primitives.suite import SIGNATURE_BYTES
from primitives.text import check_all_legible
from primitives.timestamp import parse_time
from replay.installed import INSTALLED
from replay.wire.consent_call import CALL, CONSENT_CALL, ConsentCall, call_of_fact
from replay.wire.shapes import PID, TIME

# Whoever took such a reference first would keep the node from recording an opening, a revocation, a use of data, or
# that a report was given out.
_NODE_REFERENCE = re.compile(r"credential-(?:issue|revoke):|opening:|report-issue:|task:[0-9a-f]{64}:")
_REQUEST_TAG = "bonafides/fact/1"


@dataclass(frozen=True)
class ClientPart:
    """The client's own part of a fact."""

    root_salt: bytes = field(repr=False)
    key: str
    signature: str
    document: str | None
    ruleset: str | None
    known: KnownBefore


@dataclass(frozen=True)
class IntakeFact:
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
    act: ClientPart | None
    digest: bytes
    root_salt: bytes | None = field(repr=False)  # of what the broker's staff signed
    consent: ConsentCall | None = field(default=None, repr=False)


ACT = Named(
    "Act",
    Fields(
        {
            "root_salt": Bytes(ROOT_SALT_BYTES).note("The wallet's root salt, which becomes the record's."),
            "key": Line(300).note("Verification method, <did>#delegate-N."),
            "signature": Base64Url(SIGNATURE_BYTES).then(lambda data, _: encode_base64url(data)),
            "document": Nullable(Line(300)),
            "ruleset": Nullable(RULESET).note("`name@version:` and the whole digest."),
            "known": Named("Known", KNOWN).note("The last record that the wallet knows, and 16 random bytes."),
        }
    ).note("The client's signature over the act (docs/spec/evidence-2.md, section 3)."),
).then(lambda members, _: ClientPart(**members))


@cache
def fact_shape(domains: Domains) -> Shape[dict[str, Any]]:
    """Return the shape of a fact of any type that these domains know."""
    return Named(
        "Fact",
        Cases(
            Fields(
                {
                    "source_ref": Line(300).note("The caller's own id: a fact is stored once."),
                    "subject": PID,
                    "type": domains.code,
                    "occurred_at": TIME,
                    "channel": OneOf(*CHANNELS),
                    "actor": Fields({"did": Line(300), "role": Line(300)}),
                },
                {
                    "payload": Object(),
                    "compute": Object().note("Instead of payload: the node's engine states it."),
                    "attachments": ListOf(ATTACHMENT, 0, MAX_ATTACHMENTS),
                    "act": Nullable(ACT),
                    "root_salt": Bytes(ROOT_SALT_BYTES).note(f"Given exactly where payload.{FIELD} is."),
                    CALL: CONSENT_CALL,
                },
            ),
            "type",
            "payload",
            {code: entry.payload for code, entry in domains.types.items()},
        ),
    )


FACT = fact_shape(INSTALLED)


def read_fact(value: Mapping[str, Any], domains: Domains = INSTALLED) -> IntakeFact:
    """Check the shape of a caller's fact.

    Raises:
        InvalidInput: the dotted field, and the rule that it breaks.
        Refused: `act-unsigned`, the client's own act comes without the client's signature.
    """
    if isinstance(value.get("type"), str) and value["type"] in domains.node_types and not _opens_as_client(value):
        raise InvalidInput("type", "node-record", f"{value['type']} is written by the node itself")
    reference = value.get("source_ref")
    if isinstance(reference, str) and _NODE_REFERENCE.match(reference):
        raise InvalidInput("source_ref", "node-reference", "the node itself names its records so")
    return read_node_fact(value, domains)


def _opens_as_client(value: Mapping[str, Any]) -> bool:
    """Tell whether a fact is the one of the node's types that a caller hands in: a client's own, signed opening."""
    payload = value.get("payload")
    stated = payload.get("kind") if isinstance(payload, dict) else None
    return value["type"] == OPENING and value.get("act") is not None and stated == CLIENT


def read_node_fact(value: Mapping[str, Any], domains: Domains = INSTALLED) -> IntakeFact:
    """Check the shape of a fact of any type, also of those that only the node writes; raises as `read_fact`."""
    check_all_legible(value, "")
    stated = value.get("type")
    if value.get("act") is None and isinstance(stated, str) and stated in domains.client_acts:
        raise Refused("act-unsigned", f"act: {stated} is the client's own act and owes the client's signature")
    call = call_of_fact(str(stated), value)
    fact = fact_shape(domains).read(value, "")
    type_, act = fact["type"], fact.get("act")
    if ("payload" in fact) == ("compute" in fact):
        raise InvalidInput("payload", "one-of", "give either payload or compute")
    if act is not None and "compute" in fact:
        raise InvalidInput("compute", "act", "the client signs a payload that is stated, not one to be computed")
    if act is not None and type_ in domains.staff_acts and type_ not in domains.client_acts:
        # What staff signed is recorded once: under a client's signature it would be taken for something else.
        raise InvalidInput("act", "act", f"{type_} is signed by the broker's staff, and by no client")
    return IntakeFact(
        source_ref=fact["source_ref"],
        subject=fact["subject"],
        type=type_,
        occurred_at=fact["occurred_at"],
        occurred_ms=parse_time(fact["occurred_at"], "occurred_at"),
        channel=fact["channel"],
        actor=fact["actor"],
        payload=fact.get("payload"),
        compute=_read_compute(type_, fact["compute"], domains) if "compute" in fact else None,
        attachments=fact.get("attachments", []),
        act=act,
        digest=tagged_sha256(_REQUEST_TAG, canonical_json({name: value[name] for name in value if name != CALL})),
        root_salt=_read_salt(fact),
        consent=call,
    )


def _read_salt(value: Mapping[str, Any]) -> bytes | None:
    payload = value.get("payload")
    if ("root_salt" in value) != (isinstance(payload, dict) and FIELD in payload):
        raise InvalidInput("root_salt", "together", f"is given exactly where payload.{FIELD} is")
    return value.get("root_salt")


def _read_compute(type_: str, value: object, domains: Domains) -> dict[str, Any]:
    if type_ not in domains.computes:
        raise InvalidInput("compute", "record-type", f"only {' and '.join(domains.computes)} can be computed")
    return domains.computes[type_].read(value, "compute")
