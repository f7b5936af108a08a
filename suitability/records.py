"""The record types of this job and their payloads. A payload is flat enough that each field can be shown alone.

`check_payload` is the only door: it refuses what is malformed. Whether a well-formed fact breaks a rule is another
question, which suitability.states answers with findings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from primitives.errors import InvalidInput
from suitability import fields as f
from suitability.second_person import END_REASONS, FIELD, SIGNATURES, STAFF_ACTS, STAFF_ROLES, STAFF_SIGNATURE
from suitability.spanning import SPANNING
from suitability.vocabulary import LANGUAGES, LEVELS, MISMATCHES, OPINION_CODES, PURPOSES, RISKS, TERMS, TYPES

_DIGEST = f.hex_bytes(32)
_COMMITMENT = f.hex_bytes(48)
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
_NAME = f.text(120)
_CODE = f.text(60, r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
_DID = f.text(200, r"did:[a-z0-9]+:[A-Za-z0-9.:%_-]+(#[A-Za-z0-9._-]+)?")
_VERSIONED = f.text(80, r"[a-z0-9]+(-[a-z0-9]+)*@[0-9.]+")
_FEN = f.integer()
_MILLISECONDS = f.integer()
_LEVEL = f.one_of(*LEVELS)
_SOURCE = f.one_of("client", "broker", "third-party", "synthetic")
_OPINION = f.one_of(*OPINION_CODES)
_LETTERS = f.list_of(f.text(1, "[A-Z]"), 1, 26, unique=True)
_TYPES = f.list_of(f.one_of(*TYPES), 1, len(TYPES), unique=True)
_LOSS = f.one_of("WALLET_LOST", "WALLET_STOLEN", "PASSWORD_LOST")
_BUSINESS = f.one_of("OPEN", "BUY", "SELL")

_SHOWN_TEXT: dict[str, f.Check] = {"lang": f.one_of(*LANGUAGES), "text_sha256": _DIGEST}
_LOOSE_GROUP = f.fields({"source": _SOURCE, "values": f.mapping(f.text(40), f.scalar, 0, 40)})
_PRODUCT = f.fields({"id": _CODE, "risk": f.one_of(*RISKS), "term": f.one_of(*TERMS), "type": f.one_of(*TYPES)})
_SCREEN = f.fields({"age": f.integer(0, 150), "incapacity": f.boolean, "no_loss": f.nullable(f.boolean)})


_ORDER = f.fields(
    {
        **dict.fromkeys(("format", "sender", "receiver", "kind", "nonce", "signature"), f.text(200)),
        "sent_at": _MILLISECONDS,
        "body": f.fields({"id": f.text(), "did": _DID, "case": f.text(120), "ordered_at": f.time}),
    }
)


@dataclass(frozen=True)
class RecordType:
    """A record type: its code, whether it is the client's own signed act, and the checks of its fields."""

    code: str
    client_act: bool
    fields: Mapping[str, f.Check]
    optional: Mapping[str, f.Check]

    @property
    def check(self) -> f.Check:
        """Return the check of a whole payload, but for what spans several fields."""
        return f.fields(self.fields, self.optional)


def _define(
    code: str, required: dict[str, f.Check], *, client_act: bool = False, optional: dict[str, f.Check] | None = None
) -> RecordType:
    shown = {**required, **_SHOWN_TEXT} if client_act else required
    signed = {FIELD: SIGNATURES} if code in STAFF_ACTS else {}
    return RecordType(code, client_act, shown, {**(optional or {}), **signed})


_ALL = (
    _define(
        "ID_VERIFY",
        {
            "id_kind": f.one_of(*DOCUMENT_KINDS),
            "id_commitment": _COMMITMENT,
            "face_score": f.nullable(f.integer(0, 100)),
            "liveness": f.boolean,
            "police_check_ref": f.nullable(_CODE),
            "valid_to": f.nullable(f.time),
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
            "basics": f.fields({"source": _SOURCE, "name": _NAME, "age": f.integer(0, 150), "synthetic": f.boolean}),
            "finance": f.fields(
                {
                    "source": _SOURCE,
                    "assets_fen": _FEN,
                    "debts_fen": _FEN,
                    "income_fen": _FEN,
                    "holdings_fen": f.fields(dict.fromkeys(RISKS, _FEN)),
                }
            ),
        },
        optional=dict.fromkeys(
            ("education", "experience", "goals", "preference", "integrity", "control", "other"), _LOOSE_GROUP
        ),
    ),
    _define(
        "DUTY_NOTICE",
        {"documents": f.list_of(_VERSIONED, 1, 20, unique=True), "scroll_end": f.boolean, "dwell_ms": _MILLISECONDS},
    ),
    _define(
        "Q_SUBMIT",
        {
            "form": _VERSIONED,
            "answers": f.mapping(f.text(20, r"Q[0-9]+"), _LETTERS, 1, 100),
            "screen": _SCREEN,
            "duration_ms": _MILLISECONDS,
            "declaration": f.boolean,
        },
        optional={"order_shown": f.list_of(f.text(20, r"Q[0-9]+"), 1, 100, unique=True)},
    ),
    _define(
        "LEVEL_RESULT",
        {
            "form": _VERSIONED,
            "answers_ref": _DIGEST,
            "dims": f.scores,
            "total": f.integer(0, 1000),
            "level": _LEVEL,
            "overrides": f.list_of(_CODE, 0, 20, unique=True),
            "checks": f.list_of(_CODE, 0, 20, unique=True),
            "horizon": f.one_of(*TERMS),
            "types": _TYPES,
            "valid_from": f.time,
            "valid_to": f.time,
            "supersedes": f.nullable(_DIGEST),
            "engine_digest": _DIGEST,
        },
    ),
    _define("LEVEL_CONFIRM", {"level_ref": _DIGEST, "level": _LEVEL}, client_act=True),
    _define(
        "PRODUCT_RATE",
        {
            "product": _PRODUCT,
            "name": _NAME,
            "factors": f.mapping(f.text(40), f.scalar, 0, 40),
            "method": _CODE,
            "committee": _NAME,
            "effective_from": f.time,
        },
    ),
    _define(
        "MATCH_OPINION",
        {
            "level_ref": f.nullable(_DIGEST),
            "rating_ref": _DIGEST,
            "level": f.nullable(_LEVEL),
            "level_valid_to": f.nullable(f.time),
            "horizon": f.nullable(f.one_of(*TERMS)),
            "types": f.nullable(_TYPES),
            "product": _PRODUCT,
            "admitted": f.boolean,
            "parts": f.fields(dict.fromkeys(("admission", "risk", "term", "type"), _OPINION)),
            "gap": f.integer(0, 10),
            "special_care": f.boolean,
            "code": _OPINION,
            "engine_digest": _DIGEST,
        },
    ),
    _define(
        "MISMATCH_WARN",
        {
            "product_id": _CODE,
            "opinion_ref": _DIGEST,
            "code": f.one_of(*MISMATCHES),
            "gap": f.integer(0, 10),
            "client_initiated": f.boolean,
            "read_ms": _MILLISECONDS,
            **_SHOWN_TEXT,
        },
    ),
    _define(
        "MISMATCH_INSIST",
        {"product_id": _CODE, "opinion_ref": _DIGEST, "warning_ref": _DIGEST, "second_confirm": f.boolean},
        client_act=True,
    ),
    _define(
        "RISK_DISCLOSE",
        {
            "product_id": _CODE,
            "book": _VERSIONED,
            "book_sha256": _DIGEST,
            "pages": f.integer(1, 10_000),
            "dwell_ms": _MILLISECONDS,
        },
    ),
    _define(
        "RISK_CONFIRM",
        {"product_id": _CODE, "disclosure_ref": _DIGEST, "items": f.list_of(_CODE, 1, 50, unique=True)},
        client_act=True,
    ),
    _define(
        "BIZ_APPLY",
        {"application_id": _CODE, "kind": _BUSINESS, "product_id": f.nullable(_CODE), "amount_fen": _FEN},
    ),
    _define(
        "BIZ_DECIDE",
        {
            "application_id": _CODE,
            "kind": _BUSINESS,
            "product_id": f.nullable(_CODE),
            "decision": f.one_of("APPROVED", "REFUSED", "STOPPED"),
            "checks": f.list_of(_CODE, 0, 50, unique=True),
            "reviewer": _NAME,
            "reason": f.nullable(f.text(500)),
        },
    ),
    _define(
        "AGREEMENT_SIGN",
        {
            "application_id": _CODE,
            "product_id": f.nullable(_CODE),
            "contract_id": _CODE,
            "contract_version": _VERSIONED,
            "file_sha256": _DIGEST,
            "signers": f.list_of(_DID, 1, 10, unique=True),
            "sign_mode": f.one_of("wallet", "paper", "seal"),
        },
        client_act=True,
    ),
    _define(
        "CONSENT_GIVE",
        {
            "consent_id": _DIGEST,
            "purpose": f.one_of(*PURPOSES),
            "receivers": f.list_of(_DID, 1, 100, unique=True),
            "contact": f.text(300),
            "method": f.text(300),
            "data_kinds": f.list_of(_CODE, 1, 50, unique=True),
            "expires_at": f.time,
            "separate": f.boolean,
        },
        client_act=True,
    ),
    _define(
        "CONSENT_WITHDRAW",
        {"consent_id": _DIGEST, "scope": f.one_of("ALL"), "effective_at": f.time},
        client_act=True,
    ),
    _define(
        "DATA_USE",
        {
            "task_id": _DIGEST,
            "purpose": f.one_of(*PURPOSES),
            "consent_id": _DIGEST,
            "parties": f.list_of(_DID, 1, 100, unique=True),
            "input_commitment": _COMMITMENT,
            "output_kind": _CODE,
            "result_hash": _DIGEST,
            "started_at": f.time,
        },
    ),
    _define(
        "ACCESS_LOG",
        {
            "reader": _DID,
            "role": f.one_of("compliance", "regulator", "operator"),
            "case": f.text(120),
            "reason": f.text(300),
            "fields": f.list_of(_CODE, 1, 100, unique=True),
            "approved_by": f.nullable(_NAME),
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
            "status_list": f.integer(1),
            "status_index": f.integer(0),
            "reason": f.nullable(f.text(500)),
        },
    ),
    _define(
        "STAFF_ENROL",  # on the subject of one person of the broker's staff
        {
            "name": _NAME,
            "role": f.one_of(*STAFF_ROLES),
            "key": _DIGEST,
            "expires_at": f.time,
            "proof": STAFF_SIGNATURE,
        },
    ),
    _define("STAFF_END", {"key": _DIGEST, "enrolment_ref": _DIGEST, "reason": f.one_of(*END_REASONS)}),
)

check_product_id: f.Check = _CODE
"""The check of a product's id, as every record writes it."""

RECORD_TYPES: Mapping[str, RecordType] = {entry.code: entry for entry in _ALL}
"""Every record type of this job by its code."""

NODE_TYPES = frozenset({"CREDENTIAL_ISSUE", "CREDENTIAL_REVOKE", "ID_SUCCEEDED", "STAFF_ENROL", "STAFF_END"})
"""The types that the broker's node alone writes: a caller who could would give evidence of what never happened."""

CLIENT_ACTS = frozenset(entry.code for entry in _ALL if entry.client_act)
"""The types that owe the client's signature."""


def check_type(code: object, field: str = "type") -> RecordType:
    """Return the record type of this code.

    Raises:
        InvalidInput: rule `record-type`: no such type.
    """
    if not isinstance(code, str) or code not in RECORD_TYPES:
        raise InvalidInput(field, "record-type", "is not a record type of this version")
    return RECORD_TYPES[code]


def check_payload(code: str, payload: object) -> dict[str, Any]:
    """Check a payload and return a copy of it, with its fields as they were spelled.

    Raises:
        InvalidInput: unknown record type, or the dotted field of the payload and the rule that it breaks.
    """
    entry = check_type(code)
    checked: dict[str, Any] = entry.check(payload, "payload")
    if code in SPANNING:
        SPANNING[code](checked)
    return checked


def check_details(code: str, details: object) -> dict[str, Any]:
    """Check what a gate call knows of a payload: any of its fields; an opinion may name just its `product_id`.

    Raises:
        InvalidInput: unknown record type or field, or a field that is malformed.
    """
    entry = check_type(code, "act")
    extra = {"product_id": _CODE} if "product" in entry.fields else {}
    known = {**entry.fields, **entry.optional, **extra}
    checked: dict[str, Any] = f.fields({}, known)(details, "details")
    if code in SPANNING and all(name in checked for name in entry.fields):
        SPANNING[code](checked)
    return checked
