"""Verifying credentials of any member: proof, the issuer's right and key, period and status, decided from one block.

Everything that the index and our own store say is read first, in one read transaction; then the issuers' nodes are
asked for their status lists. A list is read where the member itself has said on the chain that its node is, else where
our settings say, never from a URL that only the credential names; it counts only while its own issuer may publish it.

Whose client somebody is, only that broker's own list of clients says. So a credential that bears our own name must be
one that we issued, and another broker's credential about a client of ours is refused: a pairwise DID has one broker.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from did.credentials import issuers
from did.credentials.credential_type import Basis, Ending
from did.credentials.issuers import ChainSnapshot
from did.credentials.model import issuer_of, subjects_of
from did.credentials.proofs import proof_header
from did.credentials.status_list import LIST_CREDENTIAL_TYPE, LIST_PATH, entry_place, is_set, list_number, list_url
from did.credentials.verify import VerifiedCredential, credential_digest, verify_credential
from did.identifiers import parse_did
from evidence.version2.log.anchors import NO_CONTRACT
from node_adapter.node import Node
from node_adapter.store import credentials, former, restored, subjects
from node_adapter.store.chain.log_leaves import LogLeaves
from node_adapter.store.credentials import LOST_BODY
from node_adapter.workflows.consent.standing import Standing, standing_of
from node_adapter.workflows.identity.credentials import LIST_VALID_MS
from node_adapter.workflows.identity.identities import chain_snapshot
from node_adapter.workflows.identity.issue_witness import (
    fetch_witness,
    was_issued,
    witness_in,
    witness_of,
    witnessed_block,
)
from node_adapter.workflows.identity.verdicts import verdict_json
from node_adapter.workflows.intake.outcomes import Outcome, outcome_of
from node_adapter.workflows.operation.endpoints import node_endpoints
from node_adapter.workflows.replay.as_of import as_of
from primitives.errors import CouldNotCheck, VerificationFailed
from primitives.shapes import AnyOf, Anything, Fields, Named, Object
from primitives.timestamp import CLOCK_LEEWAY_MS

_MS = 1000
_OF_ITS_TIME = (issuers.CHECK, "signature")  # what fails where a key of that time is not known


def check_credentials(node: Node, requests: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Verify credentials; each gets its own outcome, in order: what it says and by what right, or the failed check.

    A request is a credential, or {"credential", "witness"?, "salt"?}: a holder may bring along the witness of its
    issue, and the salt of a consent, by which the chain is asked about it.
    """
    shown = [outcome_of(_read, request) for request in requests]
    with node.store.read() as connection:
        verifier = CredentialVerifier(node, connection, [one.credential for one in shown if isinstance(one, _Shown)])

    def check(one: _Shown) -> dict[str, Any]:
        verified = verifier.verify(one.credential, one.witness)
        return verdict_json(verified, verifier.standing(verified, one.salt), node.did, verifier.moment)

    return [outcome_of(check, one) if isinstance(one, _Shown) else one for one in shown]


@dataclass(frozen=True)
class _Shown:
    """A credential as it was presented, with what the holder brought along."""

    credential: Mapping[str, Any]
    witness: object
    salt: object


SHOWN_CREDENTIAL = Fields({"credential": Object()}, {"witness": Anything(), "salt": Anything()})


CREDENTIAL_TO_VERIFY = Named("CredentialToVerify", AnyOf(SHOWN_CREDENTIAL, Object().note("The credential itself.")))


def _read(request: Mapping[str, Any]) -> _Shown:
    if "credential" not in request or "@context" in request:
        return _Shown(request, None, None)
    shown = SHOWN_CREDENTIAL.read(request, "")
    return _Shown(shown["credential"], shown.get("witness"), shown.get("salt"))


def _continuing(connection: Connection, chain: ChainSnapshot, issuers_named: Iterable[object]) -> frozenset[str]:
    """Return the issuers whose logs go on from one of format 1, where this node never read that registry."""
    if former.find_log(connection) is not None:
        return frozenset()
    found = set()
    for issuer in {str(named) for named in issuers_named}:
        address = issuer.rpartition(":")[2]
        if address in chain.members:
            opening = LogLeaves.of(connection, address, chain.block).opening
            if opening is not None and opening.former != NO_CONTRACT:
                found.add(issuer)
    return frozenset(found)


class CredentialVerifier:
    """Verifies the credentials of one request, all of them from one snapshot of the index and of our own store."""

    def __init__(
        self,
        node: Node,
        connection: Connection,
        documents: Sequence[Mapping[str, Any]],
        clients: Sequence[str] = (),
    ) -> None:
        """Read what the credentials, and proofs of these clients, may need; the connection is not used afterwards.

        Raises:
            CouldNotCheck: `node-restored`, who is a client and what was revoked, an older copy does not know.
        """
        restored.require_caught_up(connection)
        self._node = node
        self._now = node.clock.now_ms()
        self.moment = as_of(node, connection)
        self._chain = chain_snapshot(node, connection, [*map(issuer_of, documents), *clients])
        self._continuing = _continuing(connection, self._chain, map(issuer_of, documents))
        named = [did for document in documents for did in subjects_of(document)]
        self._clients = set(subjects.by_dids(connection, named))
        ids = [document.get("id") for document in documents if issuer_of(document) == node.did]
        self._issued = credentials.by_ids(connection, [one for one in ids if isinstance(one, str)])
        self._lists: dict[tuple[str, int], dict[str, Any]] = {}
        self._endpoints = node_endpoints(node, connection, self._chain)

    def verify(self, document: Mapping[str, Any], witness: object = None) -> VerifiedCredential:
        """Verify one credential.

        Args:
            document: the credential.
            witness: the witness of its issue, when the holder brought one; else the issuer's node is asked, if need be.

        Raises:
            InvalidInput, VerificationFailed, CouldNotCheck: see `did.credentials.verify`; check `issuer-right` also for
                a credential of ours that we did not issue, and for another broker's about a client of ours;
                `issuer-right-unknown`, it is of a time of which this node has not read the registry.
        """
        ours = issuer_of(document) == self._node.did

        def status(entry: dict[str, Any]) -> bool:
            return self._is_revoked_here(document) if ours else self._is_revoked(entry, str(issuer_of(document)))

        def witnessed(digest: bytes) -> int:
            return self._witnessed(str(issuer_of(document)), digest, witness)

        try:
            verified = verify_credential(dict(document), self._chain, self._now, status=status, witness=witnessed)
        except VerificationFailed as error:
            self._require_read(document, error)
            raise
        if ours:
            self._require_issued(verified)
        elif verified.type.basis is Basis.BROKER_OF_CLIENT and verified.subject["id"] in self._clients:
            raise VerificationFailed(
                issuers.CHECK, f"{verified.subject['id']} is a client of this broker, not of {verified.issuer}"
            )
        return verified

    def _require_read(self, document: Mapping[str, Any], failed: VerificationFailed) -> None:
        """Do not refute what another registry would tell: this member joined the network that continues an older one.

        Raises:
            CouldNotCheck: `issuer-right-unknown`.
        """
        issuer = str(issuer_of(document))
        if failed.check not in _OF_ITS_TIME or issuer not in self._continuing:
            return
        begun = self._chain.members[parse_did(issuer, "issuer").address].terms[0].first_time
        if proof_header(document).created < begun * _MS:
            detail = f"{issuer} may have issued it in the network that this one continues, which this node has not read"
            raise CouldNotCheck("issuer-right-unknown", detail)

    def standing(self, verified: VerifiedCredential, salt: object) -> Standing:
        """Return what else was asked of a credential that verified: of a consent, whether it was withdrawn.

        Raises:
            InvalidInput, VerificationFailed: see `consent_standing.standing_of`.
        """
        if verified.type.ending is not Ending.CONSENT:
            return Standing((), {})
        with self._node.store.read() as connection:
            return standing_of(self._node, connection, verified.document, verified.issuer, salt)

    def client_key(self, method: str) -> bytes:
        """Return the key of a client that was named at the start, in force at the snapshot's block.

        Raises:
            VerificationFailed: check `key`.
        """
        found = self._chain.client_keys.get(method.partition("#")[0], {}).get(method)
        if found is None:
            raise VerificationFailed("key", f"{method} is no valid key of the holder at block {self._chain.block}")
        return found

    def _require_issued(self, verified: VerifiedCredential) -> None:
        if verified.type.basis is not Basis.BROKER_OF_CLIENT:
            return
        digest = credential_digest(verified.document)
        row = self._issued.get(verified.credential.id or "")
        if row is not None and row.body != LOST_BODY:
            issued = credential_digest(json.loads(row.body)) == digest
        else:
            with self._node.store.read() as connection:
                issued = was_issued(connection, digest)
        if not issued:
            raise VerificationFailed(issuers.CHECK, "it bears this broker's name, and this broker did not issue it")

    def _witnessed(self, issuer: str, digest: bytes, brought: object) -> int:
        node = self._node
        if issuer == node.did:
            with node.store.read() as connection:
                brought = witness_in(witness_of(node, connection, digest))
        elif brought is None:
            brought = fetch_witness(node, self._peer(issuer), digest)
        with node.store.read() as connection:  # what is final up to the snapshot's block does not change after it
            return witnessed_block(node, connection, brought, issuer, digest, self._chain.block)

    def _peer(self, issuer: str) -> str | None:
        address = parse_did(issuer, "issuer").address
        return self._endpoints.get(address) or self._node.settings.peers.get(address)

    def _is_revoked_here(self, document: Mapping[str, Any]) -> bool:
        row = self._issued.get(str(document.get("id")))
        return row is not None and row.revoked_at is not None

    def _is_revoked(self, entry: dict[str, Any], issuer: str) -> bool:
        url, _index, _purpose = entry_place(entry)
        number = list_number(url, issuer)
        if (issuer, number) not in self._lists:
            self._lists[issuer, number] = self._fetch_list(number, issuer)
        return is_set(entry, self._lists[issuer, number], issuer)

    def _fetch_list(self, number: int, issuer: str) -> dict[str, Any]:
        """Read a status list and verify it as every credential is: signed by the issuer, which may publish it now."""
        base = self._peer(issuer)
        if base is None:
            raise CouldNotCheck("status-unknown", f"where the node of {issuer} is, neither chain nor settings say")
        verified = verify_credential(self._node.fetch(f"{base}{LIST_PATH}{number}"), self._chain, self._now)
        wanted = (LIST_CREDENTIAL_TYPE, issuer, list_url(issuer, number))
        if (verified.right.kind, verified.issuer, verified.document.get("id")) != wanted:
            raise VerificationFailed("status-list", "what the issuer's node gave is another list")
        until = verified.credential.valid_until
        if until is None or until > self._now + LIST_VALID_MS + CLOCK_LEEWAY_MS:
            raise VerificationFailed("status-list", "the list does not end within a day: it may be relied on no longer")
        return verified.document
