"""Identity in the demo: a proof shown to another broker, a key rotated, credentials issued and revoked."""

from __future__ import annotations

from typing import Any

from scripts.demo.consortium import Consortium, Member
from scripts.demo.journey import Relation
from scripts.demo.surface import DemoError


class Identities:
    """What clients and brokers do with DIDs, commitments and credentials."""

    def __init__(self, consortium: Consortium) -> None:
        """Keep the wallet's directory and the command."""
        self._command = consortium.command
        self._wallet = ("--wallet", str(consortium.wallet))

    def prove_to(self, verifier: Member, relation: Relation) -> str:
        """Prove the opening of a client's commitment to another broker; the same proof again must be refused."""
        node = ("--node", str(verifier.home))
        request = {"subject": relation.subject, "type": "IdentityCredential"}
        credential = _good(self._command.lines("credential", "issue", *_node(relation.broker), rows=[request]))[0]
        asked = {"holder": relation.did, "purpose": "ACCOUNT_OPENING"}
        challenge = _good(self._command.lines("check", "--challenge", *node, rows=[asked]))
        proof = _good(self._command.lines("prove", *self._wallet, rows=challenge))[0]
        shown = {"proof": proof, "credential": credential}
        verdict = _good(self._command.lines("check", *node, rows=[shown]))[0]
        if verdict["commitment"] != relation.commitment:
            raise DemoError(f"the proof opened another commitment: {verdict}")
        again = verifier.as_role("broker-system").post_lines("/v1/proofs/verify", [shown])[0]
        code = again.get("problem", {}).get("code")
        if code != "proof-replayed":
            raise DemoError(f"a replayed proof was answered with {again}")
        return str(code)

    def rotate(self, relation: Relation) -> None:
        """Give a client a new signing key; the broker relays the calls."""
        rotated = _good(self._command.lines("wallet", "rotate", *self._wallet, rows=[{"did": relation.did}]))[0]
        _good(relation.broker.as_role("broker-system").post_lines("/v1/dids/sponsored", rotated["calls"]))

    def learn_rotation(self, relation: Relation) -> None:
        """Let the wallet see on the chain that the new key is in force."""
        client = ("--broker", relation.broker.did, "--client-ref", relation.client_ref)
        where = ("--url", relation.broker.url)
        learned = self._command.lines("wallet", "resync", *self._wallet, *where, *client, rows=[])[0]
        if learned["pending"] is not None:
            raise DemoError(f"the rotated key is not in force: {learned}")

    def issue_credentials(self, relations: list[Relation]) -> dict[str, dict[str, Any]]:
        """Issue a suitability credential to each client; return them by client reference."""
        issued: dict[str, dict[str, Any]] = {}
        groups: dict[str, list[Relation]] = {}
        for relation in relations:
            groups.setdefault(relation.broker.name, []).append(relation)
        for own in groups.values():
            rows = [{"subject": relation.subject} for relation in own]
            answers = _good(self._command.lines("credential", "issue", *_node(own[0].broker), rows=rows))
            issued |= {relation.client_ref: answer for relation, answer in zip(own, answers, strict=True)}
        return issued

    def revoke_and_look(self, verifier: Member, relation: Relation, credential: dict[str, Any]) -> str:
        """Verify a credential at another broker, revoke it, and see the verifier refuse it."""
        body = credential.get("credential", credential)
        before = self._verify(verifier, body)
        if before.get("status") != "verified":
            raise DemoError(f"a fresh credential does not verify: {before}")
        _good(self._command.lines("credential", "revoke", *_node(relation.broker), rows=[{"id": body["id"]}]))
        after = self._verify(verifier, body)
        if after.get("status") == "verified":
            raise DemoError("a revoked credential still verifies")
        return str(after["problem"]["code"])

    def _verify(self, verifier: Member, credential: dict[str, Any]) -> dict[str, Any]:
        return verifier.as_role("broker-system").post_lines("/v1/credentials/verify", [credential])[0]


def _node(member: Member) -> tuple[str, str]:
    return ("--node", str(member.home))


def _good(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for answer in answers:
        if answer.get("status") in ("refused", "failed"):
            raise DemoError(f"a line was refused: {answer}")
    return answers
