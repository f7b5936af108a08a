"""What the wallet knows of a client's history at a broker, and the act by which the client opened it.

Each act states the last record that the wallet has a promise or a receipt of: so the client's signature witnesses the
history before it, and a broker that shows another one later contradicts it.
"""

from __future__ import annotations

from typing import Any

from bonafides.wallet.keys import Identities, Identity
from evidence.version2.act import known
from evidence.version2.envelope import NONCE_BYTES, KnownBefore
from evidence.version2.links import ZERO_HASH
from evidence.version2.promise import Promise
from primitives.errors import Refused

_KNOWN_KIND, _OPENING_KIND = "known", "opening"


def known_before(identities: Identities, identity: Identity) -> KnownBefore:
    """Return what an act of this client states of the history before it, with a nonce of its own."""
    last = identities.store.get(_KNOWN_KIND, identity.did) or {"count": 0, "fingerprint": ZERO_HASH.hex()}
    nonce = identities.store.entropy(NONCE_BYTES)
    return known(last["count"], bytes.fromhex(last["fingerprint"]), nonce)


def learn_record(identities: Identities, identity: Identity, promise: Promise) -> None:
    """Take note of a record that the broker promised or gave a receipt of; call it inside `Identities.changing`."""
    last = identities.store.get(_KNOWN_KIND, identity.did)
    if last is None or last["count"] < promise.seq:
        state = {"count": promise.seq, "fingerprint": promise.fingerprint.hex()}
        identities.store.put(state, _KNOWN_KIND, identity.did)


def keep_opening(identities: Identities, identity: Identity, signed: dict[str, Any]) -> None:
    """Keep the act by which this client opened the history; call it inside `Identities.changing`."""
    identities.store.put(signed, _OPENING_KIND, identity.did)


def opening_of(identities: Identities, identity: Identity) -> dict[str, Any] | None:
    """Return the act by which this client opened the history, or None."""
    kept: dict[str, Any] | None = identities.store.get(_OPENING_KIND, identity.did)
    return kept


def require_opened(identities: Identities, identity: Identity) -> None:
    """Check that the client opened the history before it acts in it.

    Raises:
        Refused: `wallet-not-opened`.
    """
    if opening_of(identities, identity) is None:
        raise Refused("wallet-not-opened", f"{identity.did} has not opened its history: run `wallet open` first")
