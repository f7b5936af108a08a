"""Each revocation of a credential is a record of the subject's history, written in the revocation's transaction.

So a copy of the database that was restored gets the revocation back with the record, and the anchored log shows when a
credential was taken back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from did.credentials.status_list import LIST_BITS
from did.credentials.verify import credential_digest
from evidence.documents.issue_witness import DIGEST_FIELD
from node_adapter.store import credentials, records
from node_adapter.store.credentials import LOST_BODY, CredentialRow
from node_adapter.workflows.identity.issue_witness import ISSUE_REFERENCE
from primitives.timestamp import format_time, parse_time
from replay.wire.fact import IntakeFact, read_node_fact
from suitability.records.credential import REVOKE

REVOKE_REFERENCE = "credential-revoke:"
UNKNOWN_TYPE = "-"  # of a credential that was lost with a database, and whose revocation came back without its type


def revocation_fact(broker: str, row: CredentialRow, reason: object, now_ms: int) -> IntakeFact:
    """Return the fact that a credential of this broker was revoked.

    Raises:
        InvalidInput: the reason is no text of this format.
    """
    digest = credential_digest(json.loads(row.body)).hex()
    return read_node_fact(
        {
            "source_ref": REVOKE_REFERENCE + digest,
            "subject": row.pid,
            "type": REVOKE,
            "occurred_at": format_time(now_ms),
            "channel": "api",
            "actor": {"did": broker, "role": "issuer"},
            "payload": {
                DIGEST_FIELD: digest,
                "credential_id": row.id,
                "credential_type": row.type,
                "status_list": 1 + row.status_index // LIST_BITS,
                "status_index": row.status_index % LIST_BITS,
                "reason": reason,
            },
        }
    )


def bring_back(connection: Connection, pid: str, envelope: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Revoke again what a record says was revoked, also a credential that the restored copy does not hold.

    Args:
        connection: inside the caller's write transaction.
        pid: the subject.
        envelope: of the record.
        values: its fields that are shown.

    Returns:
        False when the fields that tell which credential it was are hidden.
    """
    at = parse_time(envelope["occurred_at"], "occurred_at")
    credential_id = values.get("credential_id")
    if credential_id is None:
        return False
    if credentials.find_credential(connection, credential_id) is not None:
        credentials.mark_revoked(connection, credential_id, at)
        return True
    if "status_list" not in values or "status_index" not in values:
        return False
    reference = ISSUE_REFERENCE + str(values.get(DIGEST_FIELD))
    issue = records.by_source_refs(connection, [reference]).get(reference)
    index = (values["status_list"] - 1) * LIST_BITS + values["status_index"]
    issued_at = at if issue is None else issue.accepted_at
    kind = values.get("credential_type", UNKNOWN_TYPE)
    row = CredentialRow(credential_id, pid, kind, LOST_BODY, index, issued_at, revoked_at=at)
    credentials.insert_credentials(connection, [row])
    return True
