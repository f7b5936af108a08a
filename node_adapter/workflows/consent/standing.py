"""Whether a client's consent is in force: one answer, from all that this node knows of it as of one snapshot.

Three tell of a consent, and each can lack it: the row that its grant was stored in, the client's signed acts in the
log, the chain's ConsentRegistry. It has ended as soon as one of them says so, whichever the others are that lag behind.

The chain knows a consent by a salted hash of its credential. Of our own clients we hold the salts; of another
broker's client whoever shows the consent must bring it, else a withdrawal cannot be looked up, and the answer says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from did.credentials.proofs import as_signed
from did.credentials.types.consent import SALT_BYTES, consent_id
from domain.finding import Finding
from node_adapter.node import Node
from node_adapter.store import consents, subjects
from node_adapter.store.chain import consent_registry
from node_adapter.store.chain.consent_registry import ChainConsent
from node_adapter.store.consents import ConsentRow, RecordedAct
from node_adapter.store.subjects import SubjectRow
from node_adapter.workflows.intake.fold import state_of
from primitives.canonical import canonical_json
from primitives.encoding import decode_hex
from primitives.errors import VerificationFailed
from primitives.timestamp import format_time, parse_time
from replay.wire.consent_call import WITHDRAW
from suitability.subject import Consent

WITHDRAWN, EXPIRED, UNREGISTERED = "consent-withdrawn", "consent-expired", "consent-unregistered"
DATA_USE = "DATA_USE"  # of all acts, this one rests on the chain
_RULE = "consent.standing"
HERE, ON_CHAIN = "withdrawal-here", "withdrawal-on-chain"


@dataclass(frozen=True)
class Known:
    """What is known of one consent.

    Attributes:
        consent_id: 64 hex.
        row: what was kept when its grant came; None when none came, or the row was lost.
        recorded: the consent as the client's recorded acts give it; None when no CONSENT_GIVE is recorded.
        signed_off: the log holds a withdrawal of it.
        succeeded: the identity that gave it has ended: another one of the same client took over.
        chain: what ConsentRegistry says.
    """

    consent_id: str
    row: ConsentRow | None
    recorded: Consent | None
    signed_off: bool
    succeeded: bool
    chain: ChainConsent

    @property
    def withdrawn_in_records(self) -> bool:
        """Say whether what the client signed, or the end of its identity, ends it."""
        recorded = self.recorded is not None and self.recorded.withdrawn_at is not None
        return self.signed_off or self.succeeded or recorded

    @property
    def withdrawn_here(self) -> bool:
        """Say whether this broker knows that the client withdrew it, whatever the chain says."""
        return self.withdrawn_in_records or (self.row is not None and self.row.withdrawn_at is not None)

    @property
    def granted_on_chain(self) -> bool:
        """Say whether the chain ever held it."""
        return self.chain != ChainConsent()

    @property
    def withdrawn_on_chain(self) -> bool:
        """Say whether the chain holds a withdrawal."""
        return self.chain.withdrawn_at is not None

    @property
    def expires_at(self) -> int | None:
        """The earliest end that was stated, in ms; None when nothing is known of it here."""
        return min((entry.expires_at for entry in (self.row, self.recorded) if entry is not None), default=None)

    def has_expired(self, at_ms: int) -> bool:
        """Say whether its stated end has passed."""
        return self.expires_at is not None and self.expires_at <= at_ms

    def ended(self, at_ms: int) -> tuple[str, str] | None:
        """Return code and detail of why the consent is not in force at a time, None when nothing speaks against it."""
        if self.withdrawn_here:
            return WITHDRAWN, "the client has withdrawn this consent at this broker"
        if self.withdrawn_on_chain:
            return WITHDRAWN, "the client has withdrawn this consent on the chain"
        if self.has_expired(at_ms):
            return EXPIRED, "the consent has expired"
        return None


@dataclass(frozen=True)
class Standing:
    """What was asked about a consent that is in force as far as that goes.

    Attributes:
        checked: names of the checks that held.
        not_checked: by name, why a check was not made.
    """

    checked: tuple[str, ...]
    not_checked: Mapping[str, str]


def known_consents(node: Node, connection: Connection, wanted: Iterable[tuple[str, str]]) -> dict[str, Known]:
    """Return what is known of consents, by id.

    Args:
        node: this node.
        connection: of one transaction: all is read from one snapshot.
        wanted: of each its client's pseudonym, empty for somebody else's client, and its id in 64 hex.
    """
    pairs = list(wanted)
    own = subjects.by_pids(connection, {pid for pid, _ in pairs})
    states = {pid: state_of(node, connection, subject) for pid, subject in own.items()}
    acts = consents.recorded_acts(connection, (identifier for _, identifier in pairs))
    beside = _beside_the_records(connection, pairs)
    found = {}
    for pid, identifier in pairs:
        row, chain = beside[identifier]
        state = states.get(pid)
        found[identifier] = Known(
            identifier,
            row,
            None if state is None else state.consents.get(identifier),
            pid in own and RecordedAct(pid, identifier, WITHDRAW) in acts,
            state is not None and bool(state.succeeded),
            chain,
        )
    return found


def known_consent(node: Node, connection: Connection, pid: str, identifier: str) -> Known:
    """Return what is known of one consent; arguments as in `known_consents`."""
    return known_consents(node, connection, [(pid, identifier)])[identifier]


def ends_before_use(connection: Connection, pid: str, use: Mapping[str, Any]) -> list[Finding]:
    """Return how a consent had ended before a DATA_USE began, by what the client's records need not tell.

    Args:
        connection: of one transaction.
        pid: the client's pseudonym.
        use: the payload.
    """
    started, identifier = parse_time(use["started_at"], "payload.started_at"), use["consent_id"]
    row, chain = _beside_the_records(connection, [(pid, identifier)])[identifier]
    found = []
    if chain.withdrawn_at is not None and chain.withdrawn_at <= started:
        detail = f"the consent was withdrawn on the chain at {format_time(chain.withdrawn_at)}, before the use"
        found.append(Finding("CONSENT_WITHDRAWN", _RULE, detail))
    elif row is not None and row.withdrawn_at is not None and row.withdrawn_at <= started:
        detail = f"the consent was withdrawn at this broker at {format_time(row.withdrawn_at)}, before the use"
        found.append(Finding("CONSENT_WITHDRAWN", _RULE, detail))
    if row is not None and row.expires_at <= started:
        detail = "the consent that the client signed had expired before the use"
        found.append(Finding("CONSENT_EXPIRED", _RULE, detail))
    return found


def _beside_the_records(
    connection: Connection, pairs: Sequence[tuple[str, str]]
) -> dict[str, tuple[ConsentRow | None, ChainConsent]]:
    """Return, by consent, the row that its own client's grant was kept in, and what the chain says."""
    ids = [identifier for _, identifier in pairs]
    rows, on_chain = consents.by_ids(connection, ids), consent_registry.consents_on_chain(connection, ids)
    kept = {identifier: rows[identifier] for pid, identifier in pairs if _is_of(pid, rows.get(identifier))}
    return {identifier: (kept.get(identifier), on_chain[identifier]) for identifier in ids}


def _is_of(pid: str, row: ConsentRow | None) -> bool:
    return row is not None and row.pid == pid


def standing_of(node: Node, connection: Connection, document: Mapping[str, Any], client: str, salt: object) -> Standing:
    """Ask everything that is known here about a consent whose signature holds.

    Args:
        node: this node.
        connection: of one read transaction.
        document: the credential, as it was signed.
        client: the DID of the client who signed it.
        salt: what the holder brought, 64 hex, or None.

    Raises:
        InvalidInput: the salt is none.
        VerificationFailed: checks `consent-withdrawn`; `consent-expired`; `consent-unregistered`, the chain knows no
            consent under the salt that was brought.
    """
    signed = canonical_json(dict(document))
    subject = subjects.find_by_did(connection, client)
    row = None if subject is None else _row_of(connection, subject, signed)
    if row is not None:
        identifier = row.consent_id
    elif salt is not None:
        identifier = consent_id(decode_hex(salt, "salt", SALT_BYTES), signed).hex()
    else:
        return Standing((), {HERE: _unasked(subject), ON_CHAIN: "it needs the salt that belongs to the consent"})
    known = known_consent(node, connection, "" if subject is None else subject.pid, identifier)
    ended = known.ended(node.clock.now_ms())
    if ended is not None:
        raise VerificationFailed(*ended)
    if row is None and not known.granted_on_chain:
        raise VerificationFailed(UNREGISTERED, "the chain holds no grant of this consent under this salt")
    skipped = {}
    if subject is None:
        skipped[HERE] = _unasked(subject)
    if not known.granted_on_chain:
        skipped[ON_CHAIN] = "the grant is not on the chain yet"
    return Standing(tuple(name for name in (HERE, ON_CHAIN) if name not in skipped), skipped)


def _row_of(connection: Connection, subject: SubjectRow, signed: bytes) -> ConsentRow | None:
    for row in consents.of_subject(connection, subject.pid):
        if canonical_json(as_signed(json.loads(row.credential))) == signed:
            return row
    return None


def _unasked(subject: SubjectRow | None) -> str:
    if subject is None:
        return "the client is no client of this broker"
    return "this broker holds no grant of it, and what it recorded is found by the salt alone"
