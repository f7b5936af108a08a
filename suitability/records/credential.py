"""A credential that the broker issued or revoked (docs/spec/credentials.md)."""

from __future__ import annotations

from domain.record_type import RecordType
from domain.words import Words
from primitives.shapes import Integer, Nullable, Text
from suitability.act import Act
from suitability.rules.identity import not_ended
from suitability.shapes import CODE, DIGEST
from suitability.subject import SubjectState

ISSUE, REVOKE = "CREDENTIAL_ISSUE", "CREDENTIAL_REVOKE"
_CREDENTIAL = {"credential_sha256": DIGEST, "credential_id": CODE, "credential_type": CODE}

TYPES: tuple[RecordType[SubjectState, Act], ...] = (
    RecordType(
        ISSUE,
        Words("签发凭证", "Credential issued"),
        "credential_sha256 hex32, credential_id, credential_type; written by the node alone "
        "([credentials.md](credentials.md))",
        _CREDENTIAL,
        signer="node",
        rules=(not_ended,),
    ),
    RecordType(
        REVOKE,
        Words("撤销凭证", "Credential revoked"),
        "credential_sha256 hex32, credential_id, credential_type, status_list (from 1), status_index (in that list), "
        "reason?; written by the node alone",
        {
            **_CREDENTIAL,
            "status_list": Integer(1),
            "status_index": Integer(0),
            "reason": Nullable(Text(500)),
        },
        signer="node",
    ),
)
