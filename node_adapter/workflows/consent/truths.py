"""Two truths of a consent, the client's recorded acts and the chain, are compared; a difference is an alarm.

Each may tell of an end that the other lacks, and meanwhile the stricter one counts (`standing`). What is under way in
the outbox is no difference, nor is what has expired. The alarm closes itself when the difference is gone.

    consent-not-relayed   recorded here, and the chain does not have it: no call came, or the contract refused it
    consent-not-recorded  the chain has it, and no act of the client is recorded here

They are compared in the transaction that changes one of them: acts and calls that come in, blocks with an event, a
relay that failed. Once after an upgrade, a restore or a reset of the chain, all of them are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from node_adapter.node import Node
from node_adapter.store import alarms, consents, identity, outbox
from node_adapter.store.chain.consent_registry import ChainConsent
from node_adapter.workflows.consent.call import outbox_key
from node_adapter.workflows.consent.standing import Known, known_consents
from replay.wire.consent_call import GIVE, WITHDRAW

ON_CHAIN, QUEUED, FAILED, NOT_RELAYED = "on-chain", "queued", "failed", "not-relayed"
RELAY_STATES = (ON_CHAIN, QUEUED, FAILED, NOT_RELAYED)
_KINDS = (alarms.CONSENT_NOT_RELAYED, alarms.CONSENT_NOT_RECORDED)
_COMPARED = "consents.compared"
_PAGE = 200
_DONE = "all"
_SIGN_AGAIN = (
    "the client signs the call again (`bonafides wallet consent sign-again`), then `bonafides consent {function}`"
)
_RETRY = "where the cause is mended `bonafides outbox retry {key}`; where the deadline is over "


@dataclass(frozen=True)
class Relay:
    """How far the chain was told what this broker knows of a consent.

    Attributes:
        function: grant, or withdraw once the consent is withdrawn here.
        state: on-chain, queued, failed or not-relayed.
        key: of the outbox row; None where there is none.
        error: why the contract refused it.
    """

    function: str
    state: str
    key: str | None
    error: str | None

    def to_json(self) -> dict[str, Any]:
        """Return its wire form."""
        return {"state": self.state, "outbox": self.key, **({"detail": self.error} if self.error else {})}


@dataclass(frozen=True)
class Difference:
    """What one truth has and the other lacks, and what to do: an alarm's kind and detail."""

    kind: str
    detail: str


def relay(connection: Connection, function: str, consent_id: str, chain: ChainConsent) -> Relay:
    """Return how far the chain was told of a consent (64 hex) by grant or by withdraw."""
    told = chain.withdrawn_at is not None if function == "withdraw" else chain != ChainConsent()
    row = outbox.by_key(connection, outbox_key(function, consent_id))
    if row is None:
        return Relay(function, ON_CHAIN if told else NOT_RELAYED, None, None)
    if told or row.state != outbox.FAILED:
        return Relay(function, ON_CHAIN if told else QUEUED, row.key, None)
    return Relay(function, FAILED, row.key, row.error)


def relay_of(connection: Connection, known: Known) -> Relay:
    """Return how far the chain was told: of the withdrawal, once the consent is withdrawn here, else of the grant."""
    function = "withdraw" if known.withdrawn_here else "grant"
    return relay(connection, function, known.consent_id, known.chain)


def difference(known: Known, told: Relay, at_ms: int) -> Difference | None:
    """Return how the two truths of a consent differ; None where they agree, or soon will.

    Args:
        known: of one snapshot.
        told: of the same one.
        at_ms: the time; what has expired is in force in neither.
    """
    if known.has_expired(at_ms):
        return None
    unrecorded = _unrecorded(known)
    if unrecorded is not None:
        detail = f"the chain has it as {known.chain.state}; no {unrecorded} of it is recorded: submit the client's act"
        return Difference(alarms.CONSENT_NOT_RECORDED, detail)
    never_told = known.withdrawn_here and not known.granted_on_chain  # the chain has nothing to end
    if told.state in (ON_CHAIN, QUEUED) or never_told or not _is_known_here(known):
        return None
    why = "no call for the chain came with it" if told.error is None else f"its call failed: {told.error}"
    here = "withdrawn" if known.withdrawn_here else "given"
    lost = "; the identity that gave it has ended: without its key it ends on the chain when it expires"
    remedy = _SIGN_AGAIN.format(function=told.function) + (lost if known.succeeded else "")
    if told.key is not None:
        remedy = _RETRY.format(key=told.key) + remedy
    detail = f"{here} here and {known.chain.state} on the chain: {why}; {remedy}"
    return Difference(alarms.CONSENT_NOT_RELAYED, detail)


def compare(node: Node, connection: Connection, pairs: Iterable[tuple[str, str]]) -> None:
    """Raise or close the alarms of consents, each by its client's pseudonym and id, in a write transaction."""
    for identifier, found in _differences(node, connection, list(pairs)).items():
        _tell(node, connection, identifier, found)


def compare_ids(node: Node, connection: Connection, ids: Iterable[str]) -> bool:
    """As `compare`, of those among the ids that are consents of this broker's clients; return whether any is."""
    owned = _owned(connection, ids)
    compare(node, connection, owned)
    return bool(owned)


def of_subject(connection: Connection, pid: str, recorded: Iterable[str]) -> list[str]:
    """Return the ids of one client's consents: those with a row and those that were recorded."""
    return [*(row.consent_id for row in consents.of_subject(connection, pid)), *recorded]


def recheck(node: Node) -> None:
    """Compare again what differed: a consent expires, and an operator sends a failed write again."""
    with node.store.read() as connection:
        ids = {entry.about for kind in _KINDS for entry in alarms.list_alarms(connection, kind)}
        pairs = _owned(connection, ids)
        changed = _changed(node, connection, pairs)
    if changed:
        with node.store.write() as connection:
            compare(node, connection, changed)


def forget_comparison(connection: Connection) -> None:
    """All consents are to be compared again: the chain lost blocks, or the database came from a copy."""
    identity.put(connection, _COMPARED, "")


def compare_some(node: Node) -> bool:
    """Compare the next page of all consents, unless all were; return whether there are more."""
    with node.store.read() as connection:
        after = identity.get(connection, _COMPARED) or ""
        if after == _DONE:
            return False
        page = consents.known_ids(connection, after, _PAGE)
    with node.store.write() as connection:
        compare_ids(node, connection, page)
        identity.put(connection, _COMPARED, page[-1] if len(page) == _PAGE else _DONE)
    return len(page) == _PAGE


def _differences(node: Node, connection: Connection, pairs: list[tuple[str, str]]) -> dict[str, Difference | None]:
    found, now = known_consents(node, connection, pairs), node.clock.now_ms()
    return {identifier: difference(known, relay_of(connection, known), now) for identifier, known in found.items()}


def _tell(node: Node, connection: Connection, identifier: str, found: Difference | None) -> None:
    now = node.clock.now_ms()
    for kind in _KINDS:
        if found is None or found.kind != kind:
            alarms.close_alarm(connection, kind, now, identifier)
        elif alarms.open_detail(connection, kind, identifier) != found.detail:
            alarms.raise_alarm(connection, kind, identifier, found.detail, now)


def _changed(node: Node, connection: Connection, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return those whose alarms do not say how they differ now."""
    found = _differences(node, connection, pairs)
    return [pair for pair in pairs if _told(connection, pair[1]) != found[pair[1]]]


def _told(connection: Connection, identifier: str) -> Difference | None:
    details = ((kind, alarms.open_detail(connection, kind, identifier)) for kind in _KINDS)
    return next((Difference(kind, detail) for kind, detail in details if detail is not None), None)


def _owned(connection: Connection, ids: Iterable[str]) -> list[tuple[str, str]]:
    """Return (pseudonym, id) of those that clients of this broker gave, or withdrew where nobody here gave them.

    Whose one is says its row, else the act that gave it, else the one that withdrew it: whatever another client signs
    about it, the alarms stay its owner's.
    """
    wanted = list(dict.fromkeys(ids))
    acts = sorted(consents.recorded_acts(connection, wanted), key=lambda act: (act.type == GIVE, act.pid))
    owners = {act.consent_id: act.pid for act in acts}
    owners |= {identifier: row.pid for identifier, row in consents.by_ids(connection, wanted).items()}
    return [(owners[identifier], identifier) for identifier in wanted if identifier in owners]


def _is_known_here(known: Known) -> bool:
    return known.row is not None or known.recorded is not None or known.signed_off


def _unrecorded(known: Known) -> str | None:
    """Return the act that belongs to what the chain says and is not recorded."""
    if known.withdrawn_in_records or not known.granted_on_chain:
        return None
    if known.recorded is None:
        return GIVE
    return WITHDRAW if known.withdrawn_on_chain else None
