"""A client's own act at the door: signed by a key in force, after a history that is the one that the client knew, once.

What is signed is `evidence.version2.act.act_payload`: all that the record will state but what the broker adds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

from sqlalchemy import Connection

from did.registry_log import IdentityHistory
from evidence.version2.act import verify_act
from evidence.version2.envelope import ActSignature
from evidence.version2.salts import field_digests
from node_adapter.node import Node
from node_adapter.store import anchors, records
from node_adapter.store.chain.blocks import Block
from node_adapter.store.records import RecordRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.intake.openings import require_place
from primitives.errors import Refused, VerificationFailed
from replay.wire.fact import ClientPart, IntakeFact


class ClientActs:
    """The acts of one transaction, each checked against what is stored and what came before it here."""

    def __init__(
        self, node: Node, connection: Connection, histories: Mapping[str, IdentityHistory], block: Block
    ) -> None:
        """Take what the chain says of the clients' keys at its newest indexed block."""
        self._node = node
        self._connection = connection
        self._histories = histories
        self._block = block
        self._nonces: set[tuple[str, bytes]] = set()

    @cached_property
    def _margin(self) -> int:
        """For how long a key has to be in force yet, in seconds.

        Whoever signs is held to the time of the anchor before the record's. Before the first one of all there is none:
        a key that ends until that one stands would fail for ever. What revokes a key goes out behind it.
        """
        if anchors.last_final(self._connection) is not None:
            return 0
        return math.ceil(self._node.settings.anchoring.promise_seconds)

    def check(self, fact: IntakeFact, act: ClientPart, subject: SubjectRow) -> ActSignature:
        """Check an act; return the signature as the record holds it.

        Raises:
            InvalidInput: see `openings.require_place`.
            VerificationFailed: check `act-signature`.
            Refused: `act-no-client`, `act-key-invalid`; `history-differs`; `duplicate`; see `openings.require_place`.
        """
        if subject.did is None:
            raise Refused("act-no-client", "act: this subject is no person and signs nothing")
        signature = self._signature(fact, act, subject.did)
        require_place(fact, act, subject)
        self._require_known(act, subject)
        if self._is_used(subject.pid, bytes.fromhex(act.known["nonce"])):
            raise Refused("duplicate", "act.known.nonce: this client's act has been recorded already")
        return signature

    def keep(self, row: RecordRow) -> None:
        """Remember the nonce of a record that this transaction adds."""
        if row.nonce is not None:
            self._nonces.add((row.pid, row.nonce))

    def _signature(self, fact: IntakeFact, act: ClientPart, did: str) -> ActSignature:
        suite, block = self._node.suite, self._block
        keys = self._histories[did].act_keys_at(block.number, block.timestamp + self._margin, suite)
        if act.key not in keys:
            raise Refused(
                "act-key-invalid",
                f"act.key: is no {suite.alg} key of {did} at block {block.number}, the last one indexed",
            )
        stated = {
            "suite": suite.name,
            "type": fact.type,
            "broker": self._node.did,
            "subject": fact.subject,
            "occurred_at": fact.occurred_at,
            "document": act.document,
            "ruleset": act.ruleset,
            "fields": field_digests(suite, fact.payload or {}, act.root_salt),
            "known": act.known,
        }
        signature: ActSignature = {"did": did, "key": act.key, "alg": suite.alg, "value": act.signature}
        try:
            verify_act(stated, signature, keys[act.key])
        except VerificationFailed as error:
            raise VerificationFailed("act-signature", f"act.signature: is not by {act.key} over this fact") from error
        return signature

    def _require_known(self, act: ClientPart, subject: SubjectRow) -> None:
        """Check that the history before an act is the one that the client's wallet knew.

        What this transaction adds nobody knew when the act was signed: it is not looked at.
        """
        count, stated = act.known["count"], act.known["fingerprint"]
        if count > subject.count:
            raise Refused("history-differs", f"act.known.count: this history has {subject.count} records, not {count}")
        found = records.link(self._connection, subject.pid, count) if count else None
        if count and (found is None or found.fingerprint.hex() != stated):
            raise Refused("history-differs", f"act.known.fingerprint: is not that of record {count} of this history")

    def _is_used(self, pid: str, nonce: bytes) -> bool:
        return (pid, nonce) in self._nonces or bool(records.used_nonces(self._connection, pid, [nonce]))
