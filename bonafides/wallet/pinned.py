"""The keys of brokers that the client took for theirs: by one a broker promises, by the other it signs checkpoints.

They come from the broker's DID or from a member's node, and never with what they are to check. A broker that changed
its keys has several pairs: what it gave before stays checked by those that it had then.
"""

from __future__ import annotations

from bonafides.wallet.keys import Identities
from evidence.version2.documents.receipt import PinnedKeys
from primitives import ed25519
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput, Refused
from primitives.suites import PUBLIC_KEY

_KIND = "broker"


def pin_broker(
    identities: Identities, broker: str, signing: object, checkpoint: object = None, *, successor: bool = False
) -> list[PinnedKeys]:
    """Keep a broker's keys; call it inside `Identities.changing`.

    Args:
        identities: the wallet.
        broker: its DID.
        signing: the key of its promises, hex: of any suite.
        checkpoint: the key of its checkpoints, hex; None where it is the same, as it is under the default suite.
        successor: the broker has changed its keys, and the client says so: the earlier ones stay beside them.

    Returns:
        All pairs that are pinned, the newest last.

    Raises:
        InvalidInput: a key is malformed; `required`, a key that is no Ed25519 one signs no checkpoints.
        Refused: `wallet-broker-key`, other keys are pinned already.
    """
    promises = PUBLIC_KEY.read(signing, "broker_key")
    if checkpoint is None and len(promises) != ed25519.PUBLIC_KEY_BYTES:
        raise InvalidInput("checkpoint_key", "required", "is missing: the broker's signing key is not of Ed25519")
    notes = promises if checkpoint is None else decode_hex(checkpoint, "checkpoint_key", ed25519.PUBLIC_KEY_BYTES)
    pair, pinned = PinnedKeys(promises, notes), _kept(identities, broker)
    if pair not in pinned:
        if pinned and not successor:
            raise Refused("wallet-broker-key", f"other keys of {broker} are pinned in this wallet")
        pinned.append(pair)
        identities.store.put([as_json(one) for one in pinned], _KIND, broker)
    return pinned


def pinned_keys(identities: Identities, broker: str) -> list[PinnedKeys]:
    """Return the pairs of a broker's keys that this wallet pinned, the newest last.

    Raises:
        Refused: `wallet-broker-unknown`.
    """
    pinned = _kept(identities, broker)
    if not pinned:
        raise Refused("wallet-broker-unknown", f"no key of {broker} is pinned: give --broker-key")
    return pinned


def as_json(pair: PinnedKeys) -> dict[str, str]:
    """Return a pair as a command writes it."""
    return {"signing": pair.signing.hex(), "checkpoint": pair.checkpoint.hex()}


def _kept(identities: Identities, broker: str) -> list[PinnedKeys]:
    kept = identities.store.get(_KIND, broker)
    return [] if kept is None else [_read(one) for one in ([kept] if isinstance(kept, str) else kept)]


def _read(kept: str | dict[str, str]) -> PinnedKeys:
    """Read a pair; an earlier version of the wallet pinned one key, which signed promises and checkpoints alike."""
    names = {"signing": kept, "checkpoint": kept} if isinstance(kept, str) else kept
    return PinnedKeys(bytes.fromhex(names["signing"]), bytes.fromhex(names["checkpoint"]))
