"""Changing an identity's signing key. What holds, the chain says: a wallet that counts by itself loses its way.

A rotation is two calls that a member relays: set the new key, end the old one. The wallet signs with the old key until
it has learned that the new one is in force. A rotation whose calls were lost is made again, for the same new key, at
the nonce that the chain names; one that was half done is finished.

The wallet takes a node's word for what the chain holds. A node that lies makes it sign with a key or a nonce that the
chain refuses, and nothing else: the wallet signs with keys of its own alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bonafides.wallet.keys import DEADLINE_SECONDS, SEED_BYTES, Identities, Identity, SigningKey, set_call, signed_call
from primitives.eip712 import ED25519_ATTRIBUTE, revoke_attribute_typed_data
from primitives.errors import InvalidInput
from primitives.shapes import Bytes, Fields, Integer, MapOf, Object, Text

_KEY_BYTES = 32
_MAX_KEYS = 1000
_METHOD = re.compile(r"(.*)#delegate-([1-9][0-9]{0,8})")


def rotate(identities: Identities, did: object, now_ms: int) -> tuple[Identity, list[dict[str, Any]]]:
    """Give an identity a new Ed25519 key, or go on with a rotation that was begun; call it inside `changing`.

    Returns:
        The identity, and the sponsored calls that are missing: set the new key, end the old ones.
    """
    identity = identities.by_did(did)
    deadline = now_ms // 1000 + DEADLINE_SECONDS
    unfinished = [key for key in identity.keys[:-1] if not key.revoked]
    calls = []
    if identity.pending is not None or not unfinished:
        new = identity.pending or SigningKey(identities.store.entropy(SEED_BYTES), 2 * len(identity.keys))
        identity = replace(identity, pending=new)
        identities.save(identity)
        calls.append(set_call(identity, new.public, nonce=identity.nonce, deadline=deadline))
        unfinished = [*unfinished, identity.key]
    for key in unfinished:
        calls.append(revoke_call(identity, key.public, nonce=identity.nonce + len(calls), deadline=deadline))
    return identity, calls


def learn(identities: Identities, did: object, state: object) -> Identity:
    """Take over how an identity stands on the chain; call it inside `changing`.

    Args:
        identities: the wallet's.
        did: the identity.
        state: {"block", "keys": {verification method: hex}, "nonce"} of an indexed block, as a node tells it.

    Raises:
        InvalidInput: it is not of that form.
        Refused: `wallet-foreign`.
    """
    identity = identities.by_did(did)
    block, nonce, numbers = _read_state(identity, state)
    if block < identity.block:
        return identity
    held = (*identity.keys, *(() if identity.pending is None else (identity.pending,)))
    in_force = [key for key in held if key.public in numbers]
    learned = replace(identity, block=block, nonce=max(nonce, 1))  # the first call is the registration
    if in_force:
        newest = max(in_force, key=lambda key: numbers[key.public])
        place = held.index(newest)
        before = [_seen(key, numbers) for key in held if key is not newest and (key in in_force or key in held[:place])]
        after = [key for key in held[place + 1 :] if key not in in_force]
        keys = (*before, _seen(newest, numbers))
        learned = replace(learned, keys=keys, pending=replace(after[-1], revoked=False) if after else None)
    if learned != identity:
        identities.save(learned)
    return learned


_STATE = Fields(
    {
        "block": Integer(),
        "keys": MapOf(Text(min=0, controls=True), Bytes(_KEY_BYTES), 0, _MAX_KEYS),
        "nonce": Integer(),
    },
    open=True,
)
_RESOLUTION = Fields({"didDocument": Object(), "sponsored": Object()}, open=True)


def state_of_resolution(value: Mapping[str, Any]) -> tuple[object, dict[str, Any]]:
    """Return the DID and the state that an answer of `GET /v1/dids/<did>` holds.

    Raises:
        InvalidInput: it is no such answer.
    """
    answer = _RESOLUTION.read(value, "resolution")
    sponsored = answer["sponsored"]
    state = {"block": sponsored.get("block"), "keys": value.get("keys"), "nonce": sponsored.get("nonce")}
    return answer["didDocument"].get("id"), state


def revoke_call(identity: Identity, value: bytes, *, nonce: int, deadline: int) -> dict[str, Any]:
    """Return the sponsored call that ends an Ed25519 key: a body of `POST /v1/dids/sponsored`."""
    typed = revoke_attribute_typed_data(
        identity.network.chain_id,
        identity.network.did_registry,
        identity.address,
        ED25519_ATTRIBUTE,
        value,
        nonce,
        deadline,
    )
    return signed_call(identity, "revokeAttribute", value, typed, deadline=deadline)


def _seen(key: SigningKey, numbers: Mapping[bytes, int]) -> SigningKey:
    held = key.public in numbers
    return replace(key, number=numbers.get(key.public, key.number), revoked=not held)


def _read_state(identity: Identity, state: object) -> tuple[int, int, dict[bytes, int]]:
    """Return block, nonce, and the number of each key that holds."""
    read = _STATE.read(state, "identity")
    numbers = {}
    for method, key in read["keys"].items():
        match = _METHOD.fullmatch(method)
        if match is None or match.group(1) != identity.did:
            raise InvalidInput("identity.keys", "method", f"{method} is no verification method of {identity.did}")
        numbers[key] = int(match.group(2))
    return read["block"], read["nonce"], numbers
