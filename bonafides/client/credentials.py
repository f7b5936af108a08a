"""Credentials, their status, and zero-knowledge proofs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from bonafides.client.operation import operation
from bonafides.client.transport import Transport, route

if TYPE_CHECKING:  # a wallet that signs need not build them
    from bonafides.client import types


class Credentials(Transport):
    """Credentials and proofs."""

    @operation("get_contexts_credentials_v1")
    def credential_context(self) -> dict[str, object]:
        """Fetch the JSON-LD context of the credentials."""
        return cast("dict[str, object]", self.get("/v1/contexts/credentials-v1"))

    @operation("get_status_lists_list_id")
    def status_list(self, list_id: str) -> types.Credential:
        """Fetch a status list, a credential."""
        return cast("types.Credential", self.get(route("status-lists", list_id)))

    @operation("get_credentials_witnesses_digest")
    def issue_witness(self, digest: str) -> types.IssueWitnessAnswer:
        """Fetch the witness of when a credential was issued, by its SHA-256."""
        return cast("types.IssueWitnessAnswer", self.get(route("credentials", "witnesses", digest)))

    @operation("post_credentials_issue")
    def issue_credentials(self, wanted: Iterable[types.CredentialRequest]) -> types.Answers[types.Credential]:
        """Issue credentials of what the node knows."""
        return cast("types.Answers[types.Credential]", self.post_lines("/v1/credentials/issue", wanted))

    @operation("post_credentials_verify")
    def verify_credentials(
        self, credentials: Iterable[types.CredentialToVerify]
    ) -> types.Answers[types.CredentialVerdict]:
        """Verify credentials of any member."""
        return cast(
            "types.Answers[types.CredentialVerdict]",
            self.post_lines("/v1/credentials/verify", credentials, repeat=True),
        )

    @operation("post_credentials_credential_id_revoke")
    def revoke_credential(
        self, credential_id: str, reason: types.RevocationRequest, *, idempotency_key: str | None = None
    ) -> types.Revocation:
        """Revoke a credential."""
        return cast(
            "types.Revocation",
            self.post(route("credentials", credential_id, "revoke"), reason, idempotency_key=idempotency_key),
        )

    @operation("post_proofs_challenges")
    def challenges(self, wanted: Iterable[types.ChallengeRequest]) -> types.Answers[types.Challenge]:
        """Make challenges that holders answer with proofs."""
        return cast("types.Answers[types.Challenge]", self.post_lines("/v1/proofs/challenges", wanted))

    @operation("post_proofs_verify")
    def verify_proofs(self, proofs: Iterable[types.Proof]) -> types.Answers[types.ProofVerdict]:
        """Check proofs; each is accepted once."""
        return cast("types.Answers[types.ProofVerdict]", self.post_lines("/v1/proofs/verify", proofs))
