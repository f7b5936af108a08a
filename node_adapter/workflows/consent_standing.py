"""Whether a client's consent is still in force: what this broker has noted, and what the chain's ConsentRegistry says.

The chain knows a consent by a salted hash of its credential. Of our own clients we hold the salts; of another
broker's client whoever shows the consent must bring it, else a withdrawal cannot be looked up, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from did.credentials.consent import SALT_BYTES, consent_id
from node_adapter.node import Node
from node_adapter.store import consents, registry_index, subjects
from node_adapter.workflows.fold import state_of
from primitives.canonical import canonical_json
from primitives.encoding import decode_hex
from primitives.errors import VerificationFailed

WITHDRAWN, UNREGISTERED = "consent-withdrawn", "consent-unregistered"
HERE, ON_CHAIN = "withdrawal-here", "withdrawal-on-chain"
_NONE, _WITHDRAWN = registry_index.CONSENT_STATES[0], registry_index.CONSENT_STATES[2]


@dataclass(frozen=True)
class Standing:
    """What was asked about a consent that is in force as far as that goes.

    Attributes:
        checked: names of the checks that held.
        not_checked: by name, why a check was not made.
    """

    checked: tuple[str, ...]
    not_checked: Mapping[str, str]


def standing_of(node: Node, connection: Connection, document: Mapping[str, Any], client: str, salt: object) -> Standing:
    """Ask everything that is known here about a consent whose signature holds.

    Args:
        node: this node.
        connection: of one read transaction.
        document: the credential.
        client: the DID of the client who signed it.
        salt: what the holder brought, 64 hex, or None.

    Raises:
        InvalidInput: the salt is none.
        VerificationFailed: checks `consent-withdrawn`; `consent-unregistered`, the chain knows no consent under the
            salt that was brought.
    """
    signed = canonical_json(dict(document))
    subject = subjects.find_by_did(connection, client)
    rows = [] if subject is None else consents.of_subject(connection, subject.pid)
    row = next((row for row in rows if row.credential.encode() == signed), None)
    recorded = None if subject is None or row is None else state_of(node, subject).consents.get(row.consent_id)
    withdrawn = [entry.withdrawn_at for entry in (row, recorded) if entry is not None]
    if any(at is not None for at in withdrawn):
        raise VerificationFailed(WITHDRAWN, "the client has withdrawn this consent at this broker")
    if row is not None:
        identifier = row.consent_id
    elif salt is not None:
        identifier = consent_id(decode_hex(salt, "salt", SALT_BYTES), signed).hex()
    else:
        return Standing(
            (), {HERE: _foreign(subject is None), ON_CHAIN: "it needs the salt that belongs to the consent"}
        )
    state = registry_index.consent_state(connection, identifier)
    if state == _WITHDRAWN:
        raise VerificationFailed(WITHDRAWN, "the client has withdrawn this consent on the chain")
    if row is None and state == _NONE:
        raise VerificationFailed(UNREGISTERED, "the chain holds no grant of this consent under this salt")
    if row is None:
        return Standing((ON_CHAIN,), {HERE: _foreign(subject is None)})
    if state == _NONE:
        return Standing((HERE,), {ON_CHAIN: "the grant is not on the chain yet"})
    return Standing((HERE, ON_CHAIN), {})


def _foreign(stranger: bool) -> str:
    return "the client is no client of this broker" if stranger else "the client gave no such consent to this broker"
