"""When a credential was issued: the record of its digest, the witness that a node gives of it, and its check.

Whoever stole a signing key that has ended writes any time into a proof. So each issue is a record of the issuer's log,
written in the transaction that stores the credential, on the subject's own chain; its anchor bounds its time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from did.credentials.verify import UNWITNESSED, credential_digest
from did.identifiers import parse_did
from evidence.documents import issue_witness as version1
from evidence.documents.issue_witness import DIGEST_FIELD
from evidence.log.tree import inclusion_path
from evidence.version2.documents.issue_witness import IssueWitness, build_witness, parse_witness
from evidence.version2.log.anchors import AnchorLeaf
from evidence.version2.record import restore
from node_adapter.node import Node
from node_adapter.store import former, records, restored
from node_adapter.store.chain.log_leaves import LogLeaves
from node_adapter.store.records import RecordRow
from node_adapter.workflows.anchoring.log_material import newest_material
from node_adapter.workflows.former.issued import former_anchors, former_witness
from primitives.encoding import decode_hex
from primitives.errors import CouldNotCheck, VerificationFailed
from primitives.timestamp import format_time
from replay.wire.fact import IntakeFact, read_node_fact
from suitability.records.credential import ISSUE

PATH = "/v1/credentials/witnesses/"
ANCHORED, PENDING, ERASED, NONE = "anchored", "pending", "erased", "none"
_DIGEST_BYTES = 32
ISSUE_REFERENCE = "credential-issue:"


def issue_fact(node: Node, subject: str, credential: dict[str, Any], kind: str, now_ms: int) -> IntakeFact:
    """Return the fact that a credential was issued to a subject of this broker."""
    digest = credential_digest(credential).hex()
    return read_node_fact(
        {
            "source_ref": ISSUE_REFERENCE + digest,
            "subject": subject,
            "type": ISSUE,
            "occurred_at": format_time(now_ms),
            "channel": "api",
            "actor": {"did": node.did, "role": "issuer"},
            "payload": {DIGEST_FIELD: digest, "credential_id": credential["id"], "credential_type": kind},
        }
    )


def published_witness(node: Node, digest: str) -> dict[str, Any]:
    """Return what this node's log says of a credential, by its digest (64 hex): {"state", "witness" or null}.

    Raises:
        InvalidInput: not a digest.
        CouldNotCheck: `node-restored`, what an older copy does not hold may have been issued all the same;
            `witness-unknown`, it was issued in format 1, and that database is not there.
    """
    wanted = decode_hex(digest, "digest", _DIGEST_BYTES)
    with node.store.read() as connection:
        return witness_of(node, connection, wanted)


def witness_of(node: Node, connection: Connection, digest: bytes) -> dict[str, Any]:
    """Return what `published_witness` shows: the proof stands on the anchor under which the record lies."""
    row = _issue(connection, digest)
    if row is None:
        restored.require_caught_up(connection)
        if _issued_in_format_1(connection, digest):
            return {DIGEST_FIELD: digest.hex(), **former_witness(node, ISSUE_REFERENCE + digest.hex())}
        return {DIGEST_FIELD: digest.hex(), "state": NONE, "witness": None}
    log = newest_material(node, connection)
    if log is None or row.log_index >= log.anchor(log.seq).size_after:
        return {DIGEST_FIELD: digest.hex(), "state": PENDING, "witness": None}
    if row.payload is None or row.root_salt is None:
        return {DIGEST_FIELD: digest.hex(), "state": ERASED, "witness": None}
    leaf = log.covering(row.log_index)
    witness = build_witness(
        restore(row.envelope, json.loads(row.payload), row.root_salt),
        log_index=row.log_index,
        path=inclusion_path(row.log_index - leaf.size_before, leaf.added, log.batch_node(leaf)),
        block=leaf.block,
        seq=leaf.seq,
    )
    return {DIGEST_FIELD: digest.hex(), "state": ANCHORED, "witness": witness}


def was_issued(connection: Connection, digest: bytes) -> bool:
    """Say whether this node recorded that it issued a credential, also one that was lost with a database."""
    return _issue(connection, digest) is not None or _issued_in_format_1(connection, digest)


def _issued_in_format_1(connection: Connection, digest: bytes) -> bool:
    return bool(former.known_references(connection, [ISSUE_REFERENCE + digest.hex()]))


def _issue(connection: Connection, digest: bytes) -> RecordRow | None:
    """Return the record of an issue; of an erased one the link is left, and nobody knows its type any more."""
    reference = ISSUE_REFERENCE + digest.hex()
    row = records.by_source_refs(connection, [reference]).get(reference)
    return row if row is not None and (row.is_stub or row.type == ISSUE) else None


def fetch_witness(node: Node, base: str | None, digest: bytes) -> object:
    """Ask the issuer's node for a witness.

    Args:
        node: the node.
        base: the address of the issuer's node; None when it is not known.
        digest: SHA-256 of the credential.

    Raises:
        VerificationFailed: check `issue-unwitnessed`, the issuer's own log holds no such issue.
        CouldNotCheck: `witness-unknown`; peer errors.
    """
    if base is None:
        raise CouldNotCheck("witness-unknown", "the key that signed has ended, and the issuer's node is not known here")
    answer = node.fetch(f"{base}{PATH}{digest.hex()}")
    return witness_in(answer)


def witness_in(answer: object) -> object:
    """Return the witness of an answer of `published_witness`.

    Raises:
        VerificationFailed: check `issue-unwitnessed`.
        CouldNotCheck: `witness-unknown`, it is not anchored yet, or this is no such answer.
    """
    state = answer.get("state") if isinstance(answer, Mapping) else None
    if isinstance(answer, Mapping) and state == ANCHORED:
        return answer.get("witness")
    if state in (NONE, ERASED):
        raise VerificationFailed(UNWITNESSED, "the key that signed has ended, and the issuer's log shows no such issue")
    waits = "it is not anchored yet" if state == PENDING else "its answer is none"
    raise CouldNotCheck("witness-unknown", f"the issuer's node gave no witness: {waits}")


def witnessed_block(
    node: Node, connection: Connection, value: object, issuer: str, digest: bytes, up_to_block: int
) -> int:
    """Check a witness of either format against our own index of the chain, and return the block of its anchor.

    Raises:
        InvalidInput: not a witness.
        VerificationFailed: checks `issue-witness`, `inclusion`, `field-digest`.
        CouldNotCheck: the library of the record's suite is not installed; `witness-unknown`, it is of format 1, and
            this node has not read the anchors of that time.
    """
    address = parse_did(issuer, "issuer").address
    if isinstance(value, Mapping) and value.get("format") == version1.FORMAT:
        return _witnessed_in_version_1(node, value, issuer, address, digest, up_to_block)
    witness = parse_witness(value)
    _require_indexed(witness.block, up_to_block)
    witness.check(ISSUE, issuer, digest, _leaf(connection, witness, issuer, address))
    return witness.block


def _leaf(connection: Connection, witness: IssueWitness, issuer: str, address: str) -> AnchorLeaf:
    of_block = LogLeaves.of(connection, address, witness.block).leaves(witness.block - 1, witness.block)
    for leaf in of_block:
        if isinstance(leaf, AnchorLeaf) and leaf.seq == witness.seq:
            return leaf
    raise _no_anchor(witness.block, witness.seq, issuer)


def _witnessed_in_version_1(
    node: Node, value: object, issuer: str, address: str, digest: bytes, up_to_block: int
) -> int:
    witness = version1.parse_witness(value)
    _require_indexed(witness.block, up_to_block)
    block = witness.block
    found = former_anchors(node, address, block)
    anchor = next((made for made in found if made.seq == witness.seq), None)
    if anchor is None:
        raise _no_anchor(block, witness.seq, issuer)
    witness.check(ISSUE, issuer, digest, anchor.root, anchor.size)
    return block


def _require_indexed(block: int, up_to_block: int) -> None:
    if block > up_to_block:
        raise VerificationFailed(version1.CHECK, f"block {block} is later than {up_to_block}, the last indexed")


def _no_anchor(block: int, seq: int, issuer: str) -> VerificationFailed:
    return VerificationFailed(version1.CHECK, f"block {block} holds no anchor {seq} of {issuer}")
