"""A client goes on where its broker's network was founded anew: the same identity, under the new contracts.

The registry of keys is another one, so the key is published again, by the same controller: no signature for one counts
in another. The history begins anew, and its opening names the one of format 1 before it: the wallet signs that,
unless it holds promises or receipts of more or other records than the broker says there were.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bonafides.wallet.held import of_format_1
from bonafides.wallet.keys import Identities, Identity, KeyLine, Network, registration
from evidence.version2.opening import CONTINUED
from primitives.errors import Refused


def move_identity(identities: Identities, did: object, network: Network, now_ms: int) -> dict[str, Any]:
    """Take an identity into the network that continues its own; call it inside `Identities.changing`.

    Returns:
        The body of `POST /v1/subjects`, as at the enrolment: the key that signs now is the first one there. Asked again
        it is signed anew.

    Raises:
        Refused: `wallet-foreign`; `wallet-network`, the network is on another chain.
    """
    identity = identities.by_did(did)
    if network.chain_id != identity.network.chain_id:
        raise Refused("wallet-network", f"the network is on the chain {network.chain_id}, and {did} on another")
    if identity.network != network:
        keys = [replace(line.key, number=number, revoked=False) for number, line in enumerate(identity.lines, 1)]
        lines = tuple(KeyLine((key,)) for key in keys)
        identity = replace(identity, network=network, lines=lines, nonce=len(lines), block=0)
        identities.save(identity)
    return registration(identity, now_ms)


def read_continues(identities: Identities, identity: Identity, value: object) -> dict[str, Any] | None:
    """Read the history that an opening is to continue, as the broker says it; hold it against what the wallet holds.

    Raises:
        InvalidInput: malformed.
        Refused: `wallet-continues`, it is no history of format 1 of this subject, leaves out records, or ends with
            another one than the broker gave a receipt of.
    """
    held = _records_of_format_1(identities, identity)
    if value is None:
        if held:
            raise _left_out(identity, held, 0)
        return None
    named = CONTINUED.read(value, "continues")
    if named.format != 1 or named.subject.hex() != identity.subject:
        raise Refused("wallet-continues", "continues: is no history of format 1 of this client's own subject")
    if named.count < held:
        raise _left_out(identity, held, named.count)
    _require_shown(identities, identity, named.count, named.head.hex())
    return {"format": 1, "subject": named.subject.hex(), "count": named.count, "head": named.head.hex()}


def _require_shown(identities: Identities, identity: Identity, count: int, head: str) -> None:
    """Hold what a broker says of the end of the history against the receipts that it gave."""
    for receipt in of_format_1(identities, "receipt"):
        promise, seq = receipt["promise"], receipt["record"]["envelope"]["seq"]
        if (promise["broker"], promise["subject"]) != (identity.broker, identity.subject):
            continue
        if seq > count:
            raise Refused(
                "wallet-continues", f"this wallet holds the receipt of record {seq}, beyond the {count} there were"
            )
        if seq == count and promise["fingerprint"] != head:
            raise Refused(
                "wallet-continues", f"the receipt of record {seq} shows another record than the head that is said"
            )


def _records_of_format_1(identities: Identities, identity: Identity) -> int:
    own = (identity.broker, identity.subject)
    promises = of_format_1(identities, "promise")
    return len({one["record_id"] for one in promises if (one["broker"], one["subject"]) == own})


def _left_out(identity: Identity, held: int, said: int) -> Refused:
    return Refused(
        "wallet-continues",
        f"this wallet holds promises of {held} records of format 1 of {identity.did}, and the broker says that there "
        f"were {said}: it has to be told by the one who keeps them",
    )
