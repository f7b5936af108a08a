"""Verifying credentials of any member: proof, the issuer's key at that time, period and status.

A status list is read from the issuer's own node, whose address stands in our settings: never from a URL that only the
credential names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from did.credentials import identity, suitability
from did.credentials.consent import TYPE as CONSENT_TYPE
from did.credentials.eddsa import proof_header
from did.credentials.status_list import entry_place, is_set
from did.credentials.verify import VerifiedCredential, verify_credential
from did.identifiers import parse_did
from node_adapter.node import Node
from node_adapter.workflows.credentials import STATUS_PATH, status_list_of
from node_adapter.workflows.identities import key_resolver
from primitives.errors import BonafidesError, CouldNotCheck, VerificationFailed
from primitives.timestamp import format_utc

_KINDS = (suitability.TYPE, identity.TYPE, CONSENT_TYPE)
Lists = dict[str, dict[str, Any]]


def check_credentials(node: Node, documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | BonafidesError]:
    """Verify credentials; each gets its own outcome, in order: what it says, or the failed check."""
    outcomes: list[dict[str, Any] | BonafidesError] = []
    lists: Lists = {}
    for document in documents:
        try:
            verified = verify_one(node, document, lists)
        except BonafidesError as error:
            outcomes.append(error)
        else:
            outcomes.append(_shown(verified))
    return outcomes


def verify_one(node: Node, document: Mapping[str, Any], lists: Lists) -> VerifiedCredential:
    """Verify one credential; `lists` keeps the status lists that were read for this request.

    Raises:
        InvalidInput, VerificationFailed, CouldNotCheck: see `did.credentials.verify`.
    """
    issuer = document.get("issuer")
    created = proof_header(dict(document)).created
    with node.store.read() as connection:
        resolve = key_resolver(node, connection, created)

        def status(entry: dict[str, Any]) -> bool:
            return _is_revoked(node, entry, str(issuer), resolve, lists)

        return verify_credential(dict(document), resolve, node.clock.now_ms(), status)


def _is_revoked(
    node: Node,
    entry: dict[str, Any],
    issuer: str,
    resolve: Callable[[str], bytes],
    lists: Lists,
) -> bool:
    url, _index, _purpose = entry_place(entry)
    if issuer == node.did:
        return is_set(entry, status_list_of(node, url.rpartition("/")[2]), issuer)
    if url not in lists:
        lists[url] = _fetch_list(node, url, issuer, resolve)
    return is_set(entry, lists[url], issuer)


def _fetch_list(node: Node, url: str, issuer: str, resolve: Callable[[str], bytes]) -> dict[str, Any]:
    base = node.settings.peers.get(parse_did(issuer, "issuer").address)
    if base is None or not url.startswith(base + STATUS_PATH):
        raise CouldNotCheck("status-unknown", f"{url} is not at the issuer's node, as our settings name it")
    found = node.fetch(url)
    verified = verify_credential(found, resolve, node.clock.now_ms())
    if verified.issuer != issuer or verified.document.get("id") != url:
        raise VerificationFailed("status-list", "what the issuer's node gave is another list")
    return verified.document


def _shown(verified: VerifiedCredential) -> dict[str, Any]:
    credential = verified.credential
    return {
        "status": "verified",
        "id": credential.id,
        "type": next((kind for kind in _KINDS if kind in credential.types), None),
        "issuer": credential.issuer,
        "subject": verified.subject,
        "valid_until": None if credential.valid_until is None else format_utc(credential.valid_until),
    }
