"""The record types of this job and their payloads. A payload is flat enough that each field can be shown alone.

`check_payload` is the only door: it refuses what is malformed. Whether a well-formed fact breaks a rule is another
question, which suitability.states answers with findings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from primitives.shapes import (
    MAX_SAFE_INTEGER,
    AnyOf,
    Boolean,
    Fields,
    Hex,
    Integer,
    ListOf,
    MapOf,
    Named,
    Nullable,
    OneOf,
    Shape,
    Text,
    Time,
)
from suitability.second_person import END_REASONS, FIELD, SIGNATURES, STAFF_ACTS, STAFF_ROLES, STAFF_SIGNATURE
from suitability.spanning import SPANNING
from suitability.vocabulary import LANGUAGES, LEVELS, MISMATCHES, OPINION_CODES, PURPOSES, RISKS, TERMS, TYPES

Members = Mapping[str, Shape[Any]]

_DIGEST = Hex(32)
_COMMITMENT = Hex(48)
DOCUMENT_KINDS = (
    "ID_CARD",
    "TEMPORARY_ID_CARD",
    "HOUSEHOLD_REGISTER",
    "PASSPORT",
    "FOREIGN_PERMANENT_RESIDENCE",
    "HK_MACAO_PERMIT",
    "TAIWAN_PERMIT",
    "HMT_RESIDENCE_PERMIT",
    "OFFICER_ID",
    "SOLDIER_ID",
    "ARMED_POLICE_ID",
    "RESIDENCE_PERMIT",
    "OTHER",
)
_NAME = Text(120)
_SCALAR = AnyOf(Boolean(), Integer(-MAX_SAFE_INTEGER), Text(500))  # of a free-form group: no floating-point numbers
_SCORES = MapOf(Text(40), Integer(0, 1000), 1, 40)
_CODE = Text(60, pattern=r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
_DID = Text(200, pattern=r"did:[a-z0-9]+:[A-Za-z0-9.:%_-]+(#[A-Za-z0-9._-]+)?")
_VERSIONED = Text(80, pattern=r"[a-z0-9]+(-[a-z0-9]+)*@[0-9.]+")
_FEN = Integer()
_MILLISECONDS = Integer()
_LEVEL = OneOf(*LEVELS)
_SOURCE = OneOf("client", "broker", "third-party", "synthetic")
_OPINION = OneOf(*OPINION_CODES)
_LETTERS = ListOf(Text(1, pattern="[A-Z]"), 1, 26, unique=True)
_TYPES = ListOf(OneOf(*TYPES), 1, len(TYPES), unique=True)
_LOSS = OneOf("WALLET_LOST", "WALLET_STOLEN", "PASSWORD_LOST")
_BUSINESS = OneOf("OPEN", "BUY", "SELL")

_SHOWN_TEXT: Members = {"lang": OneOf(*LANGUAGES), "text_sha256": _DIGEST}
_LOOSE_GROUP = Fields({"source": _SOURCE, "values": MapOf(Text(40), _SCALAR, 0, 40)})
_PRODUCT = Fields({"id": _CODE, "risk": OneOf(*RISKS), "term": OneOf(*TERMS), "type": OneOf(*TYPES)})
_SCREEN = Fields({"age": Integer(0, 150), "incapacity": Boolean(), "no_loss": Nullable(Boolean())})


_ORDER = Fields(
    {
        **dict.fromkeys(("format", "sender", "receiver", "kind", "nonce", "signature"), Text(200)),
        "sent_at": _MILLISECONDS,
        "body": Fields({"id": Text(200), "did": _DID, "case": Text(120), "ordered_at": Time()}),
    }
)


@dataclass(frozen=True)
class RecordType:
    """A record type: its code, whether it is the client's own signed act, and the shapes of its fields."""

    code: str
    client_act: bool
    fields: Members
    optional: Members

    @cached_property
    def shape(self) -> Fields:
        """The shape of a whole payload, but for what spans several fields."""
        return Fields(self.fields, self.optional)

    @cached_property
    def payload(self) -> Shape[dict[str, Any]]:
        """The shape of a whole payload."""
        name = "".join(part.capitalize() for part in self.code.split("_"))
        return Named(f"{name}Payload", self.shape).then(self._spanning)

    @cached_property
    def details(self) -> Shape[dict[str, Any]]:
        """The shape of what a gate call knows of a payload: any of its fields; an opinion may name its `product_id`."""
        extra = {"product_id": _CODE} if "product" in self.fields else {}
        return Fields({}, {**self.fields, **self.optional, **extra}).then(self._spanning)

    def _spanning(self, payload: dict[str, Any], _: str) -> dict[str, Any]:
        if self.code in SPANNING and self.fields.keys() <= payload.keys():
            SPANNING[self.code](payload)
        return payload


def _define(code: str, required: Members, *, client_act: bool = False, optional: Members | None = None) -> RecordType:
    shown = {**required, **_SHOWN_TEXT} if client_act else required
    signed = {FIELD: SIGNATURES} if code in STAFF_ACTS else {}
    return RecordType(code, client_act, shown, {**(optional or {}), **signed})


_ALL = (
    _define(
        "ID_VERIFY",
        {
            "id_kind": OneOf(*DOCUMENT_KINDS),
            "id_commitment": _COMMITMENT,
            "face_score": Nullable(Integer(0, 100)),
            "liveness": Boolean(),
            "police_check_ref": Nullable(_CODE),
            "valid_to": Nullable(Time()),
        },
    ),
    _define(
        "ID_SUCCEED",  # of a client who comes with a new wallet: the new identity follows an old one
        {"predecessor": _DIGEST, "predecessor_did": _DID, "identity_ref": _DIGEST, "reason": _LOSS},
        client_act=True,
    ),
    _define(
        "ID_SUCCEEDED",  # the same, in the old identity's history
        {
            "successor": _DIGEST,
            "successor_did": _DID,
            "succession_ref": _DIGEST,
            "identity_ref": _DIGEST,
            "reason": _LOSS,
        },
    ),
    _define(
        "INFO_COLLECT",
        {
            "basics": Fields({"source": _SOURCE, "name": _NAME, "age": Integer(0, 150), "synthetic": Boolean()}),
            "finance": Fields(
                {
                    "source": _SOURCE,
                    "assets_fen": _FEN,
                    "debts_fen": _FEN,
                    "income_fen": _FEN,
                    "holdings_fen": Fields(dict.fromkeys(RISKS, _FEN)),
                }
            ),
        },
        optional=dict.fromkeys(
            ("education", "experience", "goals", "preference", "integrity", "control", "other"), _LOOSE_GROUP
        ),
    ),
    _define(
        "DUTY_NOTICE",
        {"documents": ListOf(_VERSIONED, 1, 20, unique=True), "scroll_end": Boolean(), "dwell_ms": _MILLISECONDS},
    ),
    _define(
        "Q_SUBMIT",
        {
            "form": _VERSIONED,
            "answers": MapOf(Text(20, pattern=r"Q[0-9]+"), _LETTERS, 1, 100),
            "screen": _SCREEN,
            "duration_ms": _MILLISECONDS,
            "declaration": Boolean(),
        },
        optional={"order_shown": ListOf(Text(20, pattern=r"Q[0-9]+"), 1, 100, unique=True)},
    ),
    _define(
        "LEVEL_RESULT",
        {
            "form": _VERSIONED,
            "answers_ref": _DIGEST,
            "dims": _SCORES,
            "total": Integer(0, 1000),
            "level": _LEVEL,
            "overrides": ListOf(_CODE, 0, 20, unique=True),
            "checks": ListOf(_CODE, 0, 20, unique=True),
            "horizon": OneOf(*TERMS),
            "types": _TYPES,
            "valid_from": Time(),
            "valid_to": Time(),
            "supersedes": Nullable(_DIGEST),
            "engine_digest": _DIGEST,
        },
    ),
    _define("LEVEL_CONFIRM", {"level_ref": _DIGEST, "level": _LEVEL}, client_act=True),
    _define(
        "PRODUCT_RATE",
        {
            "product": _PRODUCT,
            "name": _NAME,
            "factors": MapOf(Text(40), _SCALAR, 0, 40),
            "method": _CODE,
            "committee": _NAME,
            "effective_from": Time(),
        },
    ),
    _define(
        "MATCH_OPINION",
        {
            "level_ref": Nullable(_DIGEST),
            "rating_ref": _DIGEST,
            "level": Nullable(_LEVEL),
            "level_valid_to": Nullable(Time()),
            "horizon": Nullable(OneOf(*TERMS)),
            "types": Nullable(_TYPES),
            "product": _PRODUCT,
            "admitted": Boolean(),
            "parts": Fields(dict.fromkeys(("admission", "risk", "term", "type"), _OPINION)),
            "gap": Integer(0, 10),
            "special_care": Boolean(),
            "code": _OPINION,
            "engine_digest": _DIGEST,
        },
    ),
    _define(
        "MISMATCH_WARN",
        {
            "product_id": _CODE,
            "opinion_ref": _DIGEST,
            "code": OneOf(*MISMATCHES),
            "gap": Integer(0, 10),
            "client_initiated": Boolean(),
            "read_ms": _MILLISECONDS,
            **_SHOWN_TEXT,
        },
    ),
    _define(
        "MISMATCH_INSIST",
        {"product_id": _CODE, "opinion_ref": _DIGEST, "warning_ref": _DIGEST, "second_confirm": Boolean()},
        client_act=True,
    ),
    _define(
        "RISK_DISCLOSE",
        {
            "product_id": _CODE,
            "book": _VERSIONED,
            "book_sha256": _DIGEST,
            "pages": Integer(1, 10_000),
            "dwell_ms": _MILLISECONDS,
        },
    ),
    _define(
        "RISK_CONFIRM",
        {"product_id": _CODE, "disclosure_ref": _DIGEST, "items": ListOf(_CODE, 1, 50, unique=True)},
        client_act=True,
    ),
    _define(
        "BIZ_APPLY",
        {"application_id": _CODE, "kind": _BUSINESS, "product_id": Nullable(_CODE), "amount_fen": _FEN},
    ),
    _define(
        "BIZ_DECIDE",
        {
            "application_id": _CODE,
            "kind": _BUSINESS,
            "product_id": Nullable(_CODE),
            "decision": OneOf("APPROVED", "REFUSED", "STOPPED"),
            "checks": ListOf(_CODE, 0, 50, unique=True),
            "reviewer": _NAME,
            "reason": Nullable(Text(500)),
        },
    ),
    _define(
        "AGREEMENT_SIGN",
        {
            "application_id": _CODE,
            "product_id": Nullable(_CODE),
            "contract_id": _CODE,
            "contract_version": _VERSIONED,
            "file_sha256": _DIGEST,
            "signers": ListOf(_DID, 1, 10, unique=True),
            "sign_mode": OneOf("wallet", "paper", "seal"),
        },
        client_act=True,
    ),
    _define(
        "CONSENT_GIVE",
        {
            "consent_id": _DIGEST,
            "purpose": OneOf(*PURPOSES),
            "receivers": ListOf(_DID, 1, 100, unique=True),
            "contact": Text(300),
            "method": Text(300),
            "data_kinds": ListOf(_CODE, 1, 50, unique=True),
            "expires_at": Time(),
            "separate": Boolean(),
        },
        client_act=True,
    ),
    _define(
        "CONSENT_WITHDRAW",
        {"consent_id": _DIGEST, "scope": OneOf("ALL"), "effective_at": Time()},
        client_act=True,
    ),
    _define(
        "DATA_USE",
        {
            "task_id": _DIGEST,
            "purpose": OneOf(*PURPOSES),
            "consent_id": _DIGEST,
            "parties": ListOf(_DID, 1, 100, unique=True),
            "input_commitment": _COMMITMENT,
            "output_kind": _CODE,
            "result_hash": _DIGEST,
            "started_at": Time(),
        },
    ),
    _define(
        "ACCESS_LOG",
        {
            "reader": _DID,
            "role": OneOf("compliance", "regulator", "operator"),
            "case": Text(120),
            "reason": Text(300),
            "fields": ListOf(_CODE, 1, 100, unique=True),
            "approved_by": Nullable(_NAME),
        },
        optional={"order": _ORDER},  # in place of a second person: what a regulator signed
    ),
    _define(
        "CREDENTIAL_ISSUE",
        {"credential_sha256": _DIGEST, "credential_id": _CODE, "credential_type": _CODE},
    ),
    _define(
        "CREDENTIAL_REVOKE",
        {
            "credential_sha256": _DIGEST,
            "credential_id": _CODE,
            "credential_type": _CODE,
            "status_list": Integer(1),
            "status_index": Integer(0),
            "reason": Nullable(Text(500)),
        },
    ),
    _define(
        "STAFF_ENROL",  # on the subject of one person of the broker's staff
        {
            "name": _NAME,
            "role": OneOf(*STAFF_ROLES),
            "key": _DIGEST,
            "expires_at": Time(),
            "proof": STAFF_SIGNATURE,
        },
    ),
    _define("STAFF_END", {"key": _DIGEST, "enrolment_ref": _DIGEST, "reason": OneOf(*END_REASONS)}),
)

PRODUCT_ID = _CODE
"""The shape of a product's id, as every record writes it."""

RECORD_TYPES: Mapping[str, RecordType] = {entry.code: entry for entry in _ALL}
"""Every record type of this job by its code."""

NODE_TYPES = frozenset({"CREDENTIAL_ISSUE", "CREDENTIAL_REVOKE", "ID_SUCCEEDED", "STAFF_ENROL", "STAFF_END"})
"""The types that the broker's node alone writes: a caller who could would give evidence of what never happened."""

CLIENT_ACTS = frozenset(entry.code for entry in _ALL if entry.client_act)
"""The types that owe the client's signature."""


CODE = OneOf(*RECORD_TYPES, rule="record-type")
"""The code of a record type of this version."""


def check_type(code: object, field: str = "type") -> RecordType:
    """Return the record type of this code.

    Raises:
        InvalidInput: rule `record-type`: no such type.
    """
    return RECORD_TYPES[CODE.read(code, field)]


def check_payload(code: str, payload: object) -> dict[str, Any]:
    """Check a payload and return a copy of it, with its fields as they were spelled.

    Raises:
        InvalidInput: unknown record type, or the dotted field of the payload and the rule that it breaks.
    """
    return check_type(code).payload.read(payload, "payload")


def check_details(code: str, details: object) -> dict[str, Any]:
    """Check what a gate call knows of a payload.

    Raises:
        InvalidInput: unknown record type or field, or a field that is malformed.
    """
    return check_type(code, "act").details.read(details, "details")
