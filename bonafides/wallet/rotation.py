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

from bonafides.wallet.keys import DEADLINE_SECONDS, Identities, Identity, KeyLine, SigningKey, set_call, signed_call
from primitives.eip712 import revoke_attribute_typed_data
from primitives.errors import InvalidInput
from primitives.shapes import Fields, Integer, MapOf, Object, Text
from primitives.suites import PUBLIC_KEY

_MAX_KEYS = 1000
_METHOD = re.compile(r"(.*)#delegate-([1-9][0-9]{0,8})")


def rotate(identities: Identities, did: object, now_ms: int) -> tuple[Identity, list[dict[str, Any]]]:
    """Give an identity a new key of each of its suites, or go on with a rotation that was begun, inside `changing`.

    Returns:
        The identity, and the sponsored calls that are missing: of each suite set the new key, end the old ones.
    """
    identity = identities.by_did(did)
    deadline = now_ms // 1000 + DEADLINE_SECONDS
    made = sum(2 * len(line.keys) - 1 for line in identity.lines)  # key events so far: each rotation has two
    begun = any(line.pending is not None or _unfinished(line) for line in identity.lines)
    lines, calls = [], list[dict[str, Any]]()
    for line in identity.lines:
        unfinished, new = _unfinished(line), line.pending
        if new is None and not begun:
            secret = line.suite.draw_secret(identities.store.entropy)
            new = SigningKey(secret, made + len(calls) + 1, suite=line.suite)
        if new is not None:
            calls.append(set_call(identity, new, nonce=identity.nonce + len(calls), deadline=deadline))
            unfinished = [*unfinished, line.key]
        for key in unfinished:
            calls.append(revoke_call(identity, key, nonce=identity.nonce + len(calls), deadline=deadline))
        lines.append(replace(line, pending=new))
    rotated = replace(identity, lines=tuple(lines))
    if rotated != identity:
        identities.save(rotated)
    return rotated, calls


def _unfinished(line: KeyLine) -> list[SigningKey]:
    return [key for key in line.keys[:-1] if not key.revoked]


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
    lines = tuple(_learned(line, numbers) for line in identity.lines)
    # the first calls are those of the registration
    learned = replace(identity, lines=lines, block=block, nonce=max(nonce, len(lines)))
    if learned != identity:
        identities.save(learned)
    return learned


def _learned(line: KeyLine, numbers: Mapping[bytes, int]) -> KeyLine:
    held = (*line.keys, *(() if line.pending is None else (line.pending,)))
    in_force = [key for key in held if key.public in numbers]
    if not in_force:
        return line
    newest = max(in_force, key=lambda key: numbers[key.public])
    place = held.index(newest)
    before = [_seen(key, numbers) for key in held if key is not newest and (key in in_force or key in held[:place])]
    after = [key for key in held[place + 1 :] if key not in in_force]
    return KeyLine((*before, _seen(newest, numbers)), replace(after[-1], revoked=False) if after else None)


_STATE = Fields(
    {
        "block": Integer(),
        "keys": MapOf(Text(min=0, controls=True), PUBLIC_KEY, 0, _MAX_KEYS),
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


def revoke_call(identity: Identity, key: SigningKey, *, nonce: int, deadline: int) -> dict[str, Any]:
    """Return the sponsored call that ends a key: a body of `POST /v1/dids/sponsored`."""
    typed = revoke_attribute_typed_data(
        identity.network.chain_id,
        identity.network.did_registry,
        identity.address,
        key.suite.attribute,
        key.public,
        nonce,
        deadline,
    )
    return signed_call(identity, "revokeAttribute", key, typed, deadline=deadline)


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
