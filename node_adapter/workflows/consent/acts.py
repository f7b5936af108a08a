"""What acts about consents do beside their record, in the transaction of one call's facts.

The call beside an act is relayed. What refuses a grant's call refuses the fact: nothing was given, and the client signs
again. What refuses a withdrawal's call does not: the client's word counts at once, and the answer and an alarm say that
the chain was not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from node_adapter.node import Node
from node_adapter.store import consents
from node_adapter.store.chain import consent_registry
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.consent import door, truths
from node_adapter.workflows.consent.door import PreparedCall
from node_adapter.workflows.consent.standing import WITHDRAWN
from node_adapter.workflows.consent.truths import FAILED, NOT_RELAYED, Relay
from primitives.errors import BonafidesError, Refused
from replay.wire.consent_call import CALLS, WITHDRAW, ConsentCall

_NO_CALL = "no call for the chain came with it"


class ConsentActs:
    """The acts about consents among the facts of one transaction."""

    def __init__(self, node: Node, connection: Connection) -> None:
        """Start with none."""
        self._node = node
        self._connection = connection
        self._told: list[str] = []
        self._withdrawn: list[tuple[str, str]] = []

    def look(self, call: ConsentCall | None, subject: SubjectRow) -> PreparedCall | BonafidesError | None:
        """Look at the call beside an act before anything of the act is stored; None where none came.

        Raises:
            BonafidesError: see `door.prepare`; of a grant alone.
        """
        if call is None:
            return None
        if call.function == "grant" and (subject.pid, call.consent_id.hex()) in self._withdrawn:
            raise Refused(WITHDRAWN, "the client has withdrawn this consent at this broker")
        try:
            return door.prepare(self._node, self._connection, call, subject)
        except BonafidesError as refusal:
            if call.function == "grant":
                raise
            return refusal

    def look_again(self, call: ConsentCall | None, subject: SubjectRow) -> PreparedCall | BonafidesError | None:
        """As `look`, of an act that is recorded already: nothing that is wrong with its call takes that back."""
        try:
            return self.look(call, subject)
        except BonafidesError as refusal:
            return refusal

    def keep(
        self, type_: str, payload: Mapping[str, Any], looked: PreparedCall | BonafidesError | None, subject: SubjectRow
    ) -> Relay:
        """Write what the call of a recorded act changes; return how far the chain is told."""
        identifier = str(payload["consent_id"])
        self._told.append(identifier)
        if type_ == WITHDRAW:
            self._withdrawn.append((subject.pid, identifier))
        if isinstance(looked, PreparedCall):
            door.put(self._node, self._connection, looked)
        chain = consent_registry.consents_on_chain(self._connection, [identifier])[identifier]
        relay = truths.relay(self._connection, CALLS[type_], identifier, chain)
        if relay.state not in (NOT_RELAYED, FAILED):
            return relay
        if isinstance(looked, BonafidesError):
            return replace(relay, error=str(looked))
        return relay if relay.state == FAILED else replace(relay, error=_NO_CALL)

    def flush(self, ended: Iterable[tuple[str, Iterable[str]]]) -> None:
        """Write what the acts mean for the consents' rows and alarms, after the records and heads were written.

        Args:
            ended: the identities that have ended, each with the consents that its records tell of.
        """
        now = self._node.clock.now_ms()
        for pid, identifier in self._withdrawn:  # the client's word counts at once, whatever comes of the chain's call
            consents.mark_recorded(self._connection, pid, identifier, now)
        of_ended = [one for pid, ids in ended for one in truths.of_subject(self._connection, pid, ids)]
        told = [*self._told, *of_ended]
        if told:
            truths.compare_ids(self._node, self._connection, told)
